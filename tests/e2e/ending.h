/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The end of tags with the release program attached, and without it, when trafficd listens to the kernel and looks for
 * sockets itself. Asserts with cmocka.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What trafficd promises without the program: each second it notices what is attached, and looks are a second apart. */
#define SECOND_MS 3000
/* A look for those that are gone comes within a second, and another one a second later sees the last of them. */
#define LOOKS_MS (2 * SECOND_MS)

/* Setups: the release program is attached; it is taken off, and trafficd has noticed. */
int with_hook(void **state);
int without_hook(void **state);
/* Is it attached, as the setup had it? */
bool hook_is_on(void);
/* Nothing but the program, not what trafficd makes of that; and so that neither trafficd nor a start can attach it. */
void hook_take_off(void);
/* They can again; a trafficd that runs does so by itself. */
void hook_put_back(void);

/* trafficd's socket for socket-destroy events. False: it has none. */
struct listener {
    unsigned long inode, dropped; /* messages that did not fit */
};
bool listener_find(struct listener *ret_listener);
/* As if net.core.rmem_max were that small, or more were to come than memory holds. */
void listener_shrink(void);
void listener_widen(void);
/* Sockets end in A until a message of that does not fit. */
void listener_overflow(void);

/* Charge UID 10001 under this tag, by the library. */
#define TAGGED_UID 10001
void tag_socket(int fd, uint32_t tag);
bool cookie_is_tagged(uint64_t cookie);
size_t tagged_sockets(void);
/* Soon there are so many rows of the cookie map. */
void tags_become(size_t rows, uint64_t within_ms);

/* A tagged socket that ended; without the program nobody is told of it, and its tag stays until trafficd looks. */
uint64_t end_untold(void);
/* Without the program: until trafficd looks no more than as a routine. */
void looks_end(void);

/*
 * The rest of those that ended is gone, and so many are left: at once where the program told, else when trafficd
 * has looked.
 */
void tags_left(size_t rows);
