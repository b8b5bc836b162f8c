/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The generation of policy: stored answers of an older one are resolved again. */
#pragma once

/*
 * Make what was written to the maps hold from the next packet on. Call it after the writes. map_fd: the map
 * PIN_GENERATION, writable. -errno of mmap.
 */
int generation_raise(int map_fd);
