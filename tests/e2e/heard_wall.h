/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A firewall that trafficd is to keep, and what it says about that. Asserts with cmocka. */
#pragma once

#include "journal.h"
#include "wall_kit.h"

#define DENIED 10001

/* The test process is in A, trafficd has been started there anew and is heard, and DENIED may not send. */
#define WITH_WALL(test) cmocka_unit_test_setup_teardown(test, heard_wall_setup, heard_wall_teardown)
int heard_wall_setup(void **state);
int heard_wall_teardown(void **state);
