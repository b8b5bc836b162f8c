/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "traffic_rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "traffic_world.h"

/* How to load what is in a file, and how to see what was counted. */
static const struct commands {
    const char *load, *show;
} commands[] = {
    [TRAFFIC_NFT_SET] = {"nft -f", "nft list ruleset"},
    [TRAFFIC_IPTABLES_NFT] = {"iptables-nft-restore", "iptables-nft-save -c"},
    [TRAFFIC_IPTABLES_LEGACY] = {"iptables-legacy-restore", "iptables-legacy-save -c"},
};

static void write_nft(FILE *file, unsigned users)
{
    fputs("add table inet bench\nadd set inet bench denied { type uid; }\nadd element inet bench denied { ", file);
    for (unsigned i = 0; i < users; i++)
        fprintf(file, "%s%u", i ? ", " : "", TRAFFIC_DENIED + i);
    fputs(" }\n", file);
    for (int out = 0; out < 2; out++)
        fprintf(file,
                "add set inet bench %1$s_users { type uid; size 65535; flags dynamic; }\n"
                "add chain inet bench %1$s { type filter hook %1$s priority 0; }\n"
                "add rule inet bench %1$s meta skuid @denied drop\n"
                "add rule inet bench %1$s update @%1$s_users { meta skuid counter }\n",
                out ? "output" : "input");
}

static void write_iptables(FILE *file, unsigned users)
{
    fputs("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n", file);
    for (unsigned i = 0; i < users; i++)
        fprintf(file, "-A OUTPUT -m owner --uid-owner %u\n", APP + i);
    fputs("COMMIT\n", file);
}

/* All these programs take a file, and one that has no name needs not be removed. */
static int write_file(enum traffic_rules rules, unsigned users)
{
    int fd = memfd_create("rules", MFD_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

    if (!file)
        return -errno;
    if (rules == TRAFFIC_NFT_SET)
        write_nft(file, users);
    else
        write_iptables(file, users);
    fd = fflush(file) == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    fclose(file);
    return fd < 0 ? -EIO : fd;
}

int traffic_rules_load(struct world *world, enum traffic_rules rules, unsigned users)
{
    if (rules == TRAFFIC_NO_RULES)
        return 0;
    _cleanup_fd_ int fd = write_file(rules, users);
    if (fd < 0)
        return fd;
    return world_run(world, PLACE_A, "%s /proc/%d/fd/%d", commands[rules].load, getpid(), fd);
}

/* "[64:2944] -A OUTPUT -m owner --uid-owner 10000" */
static uint64_t packets_iptables(const char *line)
{
    uint64_t packets;
    uint32_t uid;

    if (sscanf(line, "[%lu:%*u] -A OUTPUT -m owner --uid-owner %u", &packets, &uid) != 2)
        return 0;
    return uid == APP ? packets : 0;
}

/* "elements = { 10000 counter packets 64 bytes 2944 }" */
static uint64_t packets_nft(const char *line)
{
    uint64_t packets;
    char words[32];

    snprintf(words, sizeof(words), " %u counter packets ", APP);
    const char *found = strstr(line, words);
    return found && sscanf(found + strlen(words), "%lu", &packets) == 1 ? packets : 0;
}

static int look(int channel, void *arg)
{
    const enum traffic_rules rules = *(const enum traffic_rules *)arg;
    _cleanup_free_ char *line = NULL;
    size_t room = 0;
    uint64_t packets = 0;
    FILE *output = popen(commands[rules].show, "re");

    (void)channel;
    while (output && getline(&line, &room, output) >= 0)
        packets += rules == TRAFFIC_NFT_SET ? packets_nft(line) : packets_iptables(line);
    if (!output || pclose(output) != 0)
        return -EIO;
    return packets ? 0 : -ENODATA;
}

int traffic_rules_check(struct world *world, enum traffic_rules rules)
{
    return rules == TRAFFIC_NO_RULES ? 0 : as_uid(world, PLACE_A, 0, look, &rules);
}
