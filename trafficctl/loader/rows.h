/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* How many rows each UID has. */
#pragma once

/*
 * Count the rows of the maps keyed by UID and correct trafficctl/row_count by them: anybody may have deleted
 * rows. Programs may be counting meanwhile; a row made at that moment may be left out.
 */
int rows_recount(const char *bpffs);
