/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The programs alone, by BPF_PROG_TEST_RUN, beside an empty one and one that asks what netd asks. */
#pragma once

/* Not 0: something could not be measured, which is said. */
int program_compare(void);
