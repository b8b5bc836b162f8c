/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Rows of maps that only user space makes. */
#pragma once

/* Write every row of from into to. Errors of read_map() and errno of bpf(2). */
int grow_copy_rows(int from, int to);

/* Delete the rows of map whose keys are not in kept. Errors as above. */
int grow_delete_others(int map, int kept);
