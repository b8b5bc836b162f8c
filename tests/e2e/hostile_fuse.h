/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A file system whose server never answers: who closes a file of it, reads it or asks about it waits in the kernel, and
 * no signal but SIGKILL, sometimes not even that, ends the waiting. It ends when the server does. Asserts with cmocka;
 * what is said to be for actors does not.
 */
#pragma once

/* Mount it, with a server of its own: until fuse_silence() files can be opened. Ends by itself after half a minute. */
void fuse_start(void);
/* From now on nothing is answered. */
void fuse_silence(void);
/* The server dies, and whoever waits for it goes on. May be called at any time. */
void fuse_end(void);

/* For actors. Negative errno. */

/* A file of it, open for reading and writing. Another each time. */
int fuse_open(void);
/* A page of such a file: who touches it waits. NULL on failure. */
void *fuse_page(void);
/* Wait until somebody asked the server what it does not answer. */
int fuse_somebody_waits(void);
/* An AF_UNIX socket in whose queue lies the last descriptor of a file that has to be written before it ends. */
int fuse_unwritten_in_queue(void);
