/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What every unit test begins and ends with. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* T, the name of one test (or a shell pattern); NULL: all. make hands on an empty T too. */
static inline const char *unit_filter(void)
{
    const char *name = getenv("T");
    return name && *name ? name : NULL;
}

#define unit_run(tests) (cmocka_set_test_filter(unit_filter()), cmocka_run_group_tests(tests, NULL, NULL))
