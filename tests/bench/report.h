/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#pragma once

#include <jansson.h>

/*
 * Write report.json (tables, and machine, kernel, processor, time and commit of the run) and report.html (the page
 * tests/bench/report.html with that in it) into the folder, which is made. Runs at the top of the source. 0 or negative
 * errno; it is said which file.
 */
int report_write(const char *folder, json_t *tables);
