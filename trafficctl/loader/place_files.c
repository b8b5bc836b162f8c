/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "place_files.h"

#include <errno.h>
#include <linux/magic.h>
#include <place.h>
#include <readings_answer.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <trusted.h>

#include <traffic_abi.h>
#include <trafficctl/traffic.h>

#include "bpffs.h"

static int make_default(struct undo *undo, struct fault *fault)
{
    char folder[] = PLACE_FILES;
    *strrchr(folder, '/') = '\0';
    int r = bpffs_mkdir(folder, 0755, undo, fault);
    return r < 0 ? r : bpffs_mkdir(PLACE_FILES, 0755, undo, fault);
}

static int check_system(const char *place, struct fault *fault)
{
    struct statfs system;
    if (statfs(place, &system) < 0)
        return fault_set(fault, -errno, "%s: %s; name a folder for the state with --bpffs", place, strerror(errno));
    return system.f_type != BPF_FS_MAGIC ? 0
                                         : fault_set(fault, -EMEDIUMTYPE,
                                                     "%s is a bpffs, which takes no plain files, and what nf_tables "
                                                     "counts has no others: name another folder with --bpffs",
                                                     place);
}

/* A socket is made there, too. */
static int check_length(const char *place, struct fault *fault)
{
    const size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - sizeof("/" READINGS_SOCKET);
    if (strlen(place) <= most)
        return 0;
    return fault_set(fault, -ENAMETOOLONG, "--bpffs has more than %zu bytes, and is no place for a socket", most);
}

/* The counters that are kept there are believed. */
static int check_trusted(const char *place, struct fault *fault)
{
    char below[sizeof(((struct sockaddr_un *)0)->sun_path)];
    snprintf(below, sizeof(below), "%s/" TCTL_DIR, place);
    return trusted_place(below, fault);
}

int place_files_prepare(const struct load_options *options, struct undo *undo, const char **ret_place,
                        struct fault *fault)
{
    const bool initial = strcmp(options->bpffs, TCTL_BPFFS) == 0;
    const char *place = initial ? PLACE_FILES : options->bpffs;
    int r = initial ? make_default(undo, fault) : 0;
    if (r == 0)
        r = check_length(place, fault);
    if (r == 0)
        r = check_system(place, fault);
    if (r == 0)
        r = check_trusted(place, fault);
    *ret_place = place;
    return r;
}
