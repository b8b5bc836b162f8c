/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs that hang on the control group: names, pins, and what the kernel says of them. */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pins.h"

struct attached_pins {
    const char *name;
    enum pin_id prog;
    enum pin_id link;
    uint32_t attach_type; /* enum bpf_attach_type */
};
extern const struct attached_pins attached_pins[TCTL_PROGRAMS];

/* Maps that a program may use; ours use about thirty. */
#define ATTACHED_MAPS 64

struct attached_program {
    uint32_t id;
    uint32_t maps[ATTACHED_MAPS]; /* numbers of those it uses */
    size_t map_count;
};

/* The pinned program. -ENOENT: nothing is pinned; -EBADF: something else is; -errno of bpf(2). */
int attached_program(const char *bpffs, enum tctl_program program, struct attached_program *ret_program);

/* The pinned link. -EBADF: it is no link of a control group at this program's hook; else as above. */
int attached_link(const char *bpffs, enum tctl_program program, struct bpf_link_info *ret_info);

/* Any program, by its descriptor. Errno of bpf(2). */
int attached_ask(int fd, struct attached_program *ret_program);

/* Does the program use the map of this number? */
bool attached_uses(const struct attached_program *program, uint32_t map);
/* The same of descriptors, for a program that calls what the map holds. False also when the kernel does not say. */
bool attached_calls(int fd, int map_fd);
