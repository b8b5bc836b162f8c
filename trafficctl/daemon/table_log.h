/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What is told of a table of nf_tables that others damage: who deleted it, and that it is whole again. Whoever does so
 * in a loop fills no log: it is told once a second, and of the other times how many they were. Logs.
 */
#pragma once

#include <loader.h>

/* Zeroes: nothing was told. Times are CLOCK_MONOTONIC. */
struct table_log {
    uint64_t told_ms; /* damage, for the last time; 0: never */
    bool open;        /* it was told, and is not repaired yet */
    unsigned int untold;
    struct load_seen last; /* of these */
};

/* It was damaged, and was not before. */
void table_log_damaged(struct table_log *log, const struct load_seen *seen, uint64_t now_ms);
/* It is repaired; or it could not be, of which the caller tells. */
void table_log_repaired(struct table_log *log);
void table_log_failed(struct table_log *log);
/* What was not told yet, if it is time for it. To be called now and then. */
void table_log_rest(struct table_log *log, uint64_t now_ms);
