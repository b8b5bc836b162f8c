/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What "trafficctl dump" has to print, made of the maps by bpf(2) alone and of the layout of Android 9's dumpsys, a
 * line of it beside each line here. Asserts with cmocka.
 */
#pragma once

#include <stdbool.h>

#include "kit.h"

struct dump_case {
    bool brief;          /* --short */
    bool member;         /* read by a member of read_group alone */
    const char *missing; /* this pin is not there; NULL: all are */
};

/* The caller's. */
char *dump_expected(const struct dump_case *dump_case);

/* The same text; else the first line that differs is told. */
void assert_same_text(const char *text, const char *expected);
