/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "veth_rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "veth_traffic.h"

static void write_nft_rules(FILE *file, unsigned users)
{
    for (int out = 0; out < 2; out++) {
        fprintf(file, "add chain inet bench %1$s { type filter hook %1$s priority 0; }\n", out ? "output" : "input");
        for (unsigned i = 0; i < users; i++)
            fprintf(file, "add rule inet bench %s meta skuid %u counter\n", out ? "output" : "input", VETH_UID + i);
    }
}

static void write_nft_sets(FILE *file, unsigned users)
{
    for (int out = 0; out < 2; out++) {
        const char *hook = out ? "output" : "input";

        fprintf(file, "add set inet bench %1$s_users { type uid; counter; }\nadd element inet bench %1$s_users { ",
                hook);
        for (unsigned i = 0; i < users; i++)
            fprintf(file, "%s%u", i ? ", " : "", VETH_UID + i);
        fprintf(file,
                " }\nadd chain inet bench %1$s { type filter hook %1$s priority 0; }\n"
                "add rule inet bench %1$s meta skuid @%1$s_users\n",
                hook);
    }
}

static void write_iptables(FILE *file, unsigned users)
{
    fputs("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n", file);
    for (unsigned i = 0; i < users; i++)
        fprintf(file, "-A OUTPUT -m owner --uid-owner %u\n", VETH_UID + i);
    fputs("COMMIT\n", file);
}

/* Both programs take a file, and one that has no name needs not be removed. */
static int write_file(enum veth_rules rules, unsigned users)
{
    int fd = memfd_create("rules", MFD_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

    if (!file)
        return -errno;
    if (rules != VETH_IPTABLES_NFT)
        fputs("add table inet bench\n", file);
    if (rules == VETH_NFT_RULES)
        write_nft_rules(file, users);
    else if (rules == VETH_NFT_SETS)
        write_nft_sets(file, users);
    else
        write_iptables(file, users);
    fd = fflush(file) == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    fclose(file);
    return fd < 0 ? -EIO : fd;
}

int veth_rules_load(struct world *world, enum veth_rules rules, unsigned users)
{
    if (rules == VETH_NO_RULES)
        return 0;
    _cleanup_fd_ int fd = write_file(rules, users);
    if (fd < 0)
        return fd;
    return world_run(world, PLACE_A, "%s /proc/%d/fd/%d",
                     rules == VETH_IPTABLES_NFT ? "iptables-nft-restore" : "nft -f", getpid(), fd);
}

/* "[64:2944] -A OUTPUT -m owner --uid-owner 10000" */
static uint64_t packets_iptables(const char *line)
{
    uint64_t packets;
    uint32_t uid;

    return sscanf(line, "[%lu:%*u] -A OUTPUT -m owner --uid-owner %u", &packets, &uid) == 2 && uid == VETH_UID ? packets
                                                                                                               : 0;
}

/* "meta skuid 10000 counter packets 64 bytes 2944"; in a set the same without the first two words. */
static uint64_t packets_nft(const char *line)
{
    uint64_t packets;
    char words[32];

    snprintf(words, sizeof(words), " %u counter packets ", VETH_UID);
    const char *found = strstr(line, words);
    return found && sscanf(found + strlen(words), "%lu", &packets) == 1 ? packets : 0;
}

static int look(int channel, void *arg)
{
    const enum veth_rules *rules = arg;
    const char *command = *rules == VETH_IPTABLES_NFT ? "iptables-nft-save -c" : "nft list ruleset";
    _cleanup_free_ char *line = NULL;
    size_t room = 0;
    uint64_t packets = 0;
    FILE *output = popen(command, "re");

    (void)channel;
    while (output && getline(&line, &room, output) >= 0)
        packets += *rules == VETH_IPTABLES_NFT ? packets_iptables(line) : packets_nft(line);
    if (!output || pclose(output) != 0)
        return -EIO;
    return packets ? 0 : -ENODATA;
}

int veth_rules_check(struct world *world, enum veth_rules rules)
{
    return rules == VETH_NO_RULES ? 0 : as_uid(world, PLACE_A, 0, look, &rules);
}
