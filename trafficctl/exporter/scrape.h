/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* One answer: read, choose series, write. What has to be the same in the next one is kept here. */
#pragma once

#include "series.h"
#include "text.h"
#include "user_names.h"

struct scrape {
    const char *bpffs;
    uint32_t names_ms;
    struct series series;
    struct user_names *names;
};

/* At most max_series of users, whose names are waited for so long each time. End with scrape_done(). -errno. */
int scrape_init(struct scrape *scrape, const char *bpffs, uint32_t max_series, uint32_t names_ms);
void scrape_done(struct scrape *scrape);

/*
 * One reading in each of the formats that are not NULL; whether they are all there, text->error says. What they say
 * also if maps cannot be read, which is the -errno returned.
 */
int scrape_take(struct scrape *scrape, struct text *const texts[TEXT_FORMATS]);
