/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Names of interfaces: from traffic_iface_index_name_map, the last ones of those that were removed too, else from the
 * kernel, else the number.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <traffic_abi.h>

/* For one reading; found names are kept so that a row costs no system call. */
struct names {
    int map_fd;      /* borrowed */
    bool ask_kernel; /* numbers of the maps mean this network namespace's interfaces */
    struct name {
        uint32_t index;
        char text[TCTL_IFNAME_LEN];
    } * known;
    size_t count;
    size_t room;
    char unkept[TCTL_IFNAME_LEN];
};

void names_done(struct names *names);

/* Neither the map nor the kernel knows a name: false, and ret_text is left as it is. Not kept. */
bool names_find(const struct names *names, uint32_t index, char ret_text[static TCTL_IFNAME_LEN]);

/* A merge_name_fn; names is a struct names *. Number 0 stands for every other network namespace and is named "0". */
const char *names_get(void *names, uint32_t index);
