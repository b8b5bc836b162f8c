/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "table_log.h"

#include <stdio.h>

#include "log.h"

#define APART_MS 1000
#define BY_LEN 48 /* " by NAME (pid NUMBER)" */

/* Empty where it is not known. */
static void by_whom(const struct load_seen *seen, char text[static BY_LEN])
{
    *text = '\0';
    if (seen->culprit)
        snprintf(text, BY_LEN, " by %.*s (pid %d)", (int)sizeof(seen->by_name), seen->by_name, seen->culprit);
}

static void tell(const struct load_seen *seen)
{
    char by[BY_LEN];

    by_whom(seen, by);
    if (seen->flushed)
        log_warning("the table of nf_tables was deleted%s: what it had counted since it was last read is lost", by);
    else
        log_warning("the table of nf_tables is not whole any more");
}

static bool is_time(const struct table_log *log, uint64_t now_ms)
{
    return log->told_ms == 0 || now_ms - log->told_ms >= APART_MS;
}

void table_log_damaged(struct table_log *log, const struct load_seen *seen, uint64_t now_ms)
{
    table_log_rest(log, now_ms);
    if (!is_time(log, now_ms)) {
        log->untold++;
        log->last = *seen;
        return;
    }
    tell(seen);
    log->told_ms = now_ms;
    log->open = true;
}

void table_log_repaired(struct table_log *log)
{
    if (log->open)
        log_info("the table of nf_tables is whole again");
    log->open = false;
}

void table_log_failed(struct table_log *log)
{
    log->open = true;
}

void table_log_rest(struct table_log *log, uint64_t now_ms)
{
    char by[BY_LEN];

    if (log->untold == 0 || !is_time(log, now_ms))
        return;
    by_whom(&log->last, by);
    log_warning("the table of nf_tables was damaged %u more times since then; the last time it was %s%s", log->untold,
                log->last.flushed ? "deleted" : "changed", by);
    log->told_ms = now_ms;
    log->untold = 0;
}
