/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Users' names, remembered for ten minutes. Databases of users may be far away and not answer for long: a thread of its
 * own asks them, one UID after the other, and nobody waits for it for longer than he wants to. NULL asks for nothing,
 * and knows no name.
 */
#pragma once

#include <stdint.h>

struct user_names;

/* The name of a user, malloc'ed; NULL: it has none. */
typedef char *(*user_names_ask)(uint32_t uid);

/* End with user_names_free(). -errno. */
int user_names_new(user_names_ask ask, struct user_names **ret_names);
/* Always returns NULL. What is being asked just now is waited for by the thread alone. */
struct user_names *user_names_free(struct user_names *names);

/* From now on wait for so long, in all. */
void user_names_allow(struct user_names *names, uint32_t ms);

/*
 * The name of uid, in names until uid is asked for again. NULL: it has none, or it was not known in time. Who was
 * waited for once in vain is not waited for again.
 */
const char *user_names_of(struct user_names *names, uint32_t uid);
