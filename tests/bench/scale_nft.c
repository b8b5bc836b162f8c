/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "scale_nft.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"

static void write_rules(FILE *file, uint32_t first, unsigned uids)
{
    fputs("add table inet bench\n"
          "add set inet bench allowed { type uid; }\n"
          "add set inet bench counted { type uid; size 65535; flags dynamic; counter; }\n"
          "add chain inet bench out { type filter hook output priority 0; }\n"
          "add element inet bench allowed { 0",
          file);
    for (unsigned i = 0; i < uids; i++)
        fprintf(file, ", %u", first + i);
    fputs(" }\nadd rule inet bench out meta skuid != @allowed drop\n"
          "add rule inet bench out update @counted { meta skuid }\n",
          file);
}

int scale_nft_load(struct world *world, uint32_t first, unsigned uids)
{
    int fd = memfd_create("rules", MFD_CLOEXEC), r;
    _cleanup_fclose_ FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

    if (!file)
        return -errno;
    write_rules(file, first, uids);
    r = fflush(file) == 0 ? 0 : -errno;
    return r ?: world_run(world, PLACE_A, "nft -f /proc/%d/fd/%d", getpid(), fd);
}

void scale_nft_unload(struct world *world)
{
    world_run(world, PLACE_A, "nft delete table inet bench");
}

/* Many elements are told in one line: "10000 counter packets 64 bytes 2944, 10001 counter ..." */
static int look(int channel, void *arg)
{
    const uint32_t *uid = arg;
    _cleanup_free_ char *line = NULL;
    size_t room = 0;
    char words[32];
    int found = 0;
    FILE *output = popen("nft list set inet bench counted", "re");

    (void)channel;
    snprintf(words, sizeof(words), " %u counter packets ", *uid);
    while (output && getline(&line, &room, output) >= 0)
        found |= strstr(line, words) != NULL;
    if (!output || pclose(output) != 0)
        return -EIO;
    return found ? 0 : -ENODATA;
}

int scale_nft_check(struct world *world, uint32_t uid)
{
    return as_uid(world, PLACE_A, 0, look, &uid);
}
