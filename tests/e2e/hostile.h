/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Those who connect to fwmarkd only to hurt, honest clients beside them, and what trafficd must be like when the
 * attackers are gone. Asserts with cmocka; what actors use (hostile_act.h) does not.
 */
#pragma once

#include "hostile_act.h"
#include "world.h"

/* Attackers are the UIDs from here on; the first of them is one of the two honest clients as well. */
#define ATTACKER_UID 20001
#define HONEST_UID 20100

/* An honest answer is promised within 100 ms; three times that is the bound. */
#define HONEST_MS 300

/*
 * Setup and teardown of each test. trafficd runs on all CPUs; two honest clients tag in a loop from the one to the
 * other, or to hostile_end(). What a failed test leaves is killed.
 */
int hostile_setup(void **state);
int hostile_teardown(void **state);

/* The honest client that shares its UID with attackers may be told -EAGAIN from now on: that UID has had its share. */
void hostile_may_refuse_namesake(void);

/* Start an attacker in A as uid, who ends at its channel's end. */
void hostile_start(uid_t uid, actor_fn fn, void *arg);
/* Wait for a word from each attacker: it is in position, or has done what it came for. */
void hostile_wait(void);
/* A word to each attacker: go. */
void hostile_go(void);
/* Kill the attackers where they stand, the last started first, and wait for their end. */
void hostile_kill(void);

/* Each honest client makes this many requests more. */
void honest_go_on(unsigned requests);

/*
 * The attackers end, and each must have met what it expected; the honest clients end, and none was answered wrong or
 * late. trafficd lives, and soon it and what serves for it have no descriptor or thread more than before the test; one
 * process serves, no row of the cookie map is left, and those who served for a trafficd that was ended have ended too.
 */
void hostile_end(void);

/* trafficd is stopped, within its promise, and started with at most so many descriptors (0: as many as the test). */
void trafficd_restart(unsigned open_files);
/* trafficd is killed and started, whether the kernel can end the process that serves or not. */
void trafficd_killed(void);
