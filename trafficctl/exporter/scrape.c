/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "scrape.h"

#include "cleanup.h"
#include "format.h"
#include "render.h"

int scrape_init(struct scrape *scrape, const char *bpffs, uint32_t max_series, uint32_t names_ms)
{
    *scrape = (struct scrape){.bpffs = bpffs, .names_ms = names_ms};
    int r = user_names_new(format_user, &scrape->names);
    return r < 0 ? r : series_init(&scrape->series, max_series);
}

void scrape_done(struct scrape *scrape)
{
    series_done(&scrape->series);
    scrape->names = user_names_free(scrape->names);
}

int scrape_take(struct scrape *scrape, struct text *const texts[TEXT_FORMATS])
{
    _cleanup_(collect_done) struct collected collected;
    const struct rendered rendered = {&collected, &scrape->series, scrape->names};

    collect_read(scrape->bpffs, &collected);
    if (collected.error == 0)
        collected.error = series_update(&scrape->series, &collected.users);
    user_names_allow(scrape->names, scrape->names_ms);
    for (int format = 0; format < TEXT_FORMATS; format++)
        if (texts[format])
            render(&rendered, texts[format]);
    return collected.error;
}
