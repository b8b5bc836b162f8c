/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * A member of read_group who reads all the time, while a test does something else: no row that he was told goes, and
 * none of its counters becomes less. Asserts with cmocka.
 */
#pragma once

#include "world.h"

struct served {
    struct actor reader;
};

/* From when he has read once. */
void served_start(struct served *served, uid_t member);
/* He has read some more, and always as much as before. */
void served_end(struct served *served);
