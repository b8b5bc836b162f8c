/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "scrape.h"

#include "cleanup.h"
#include "render.h"

int scrape_init(struct scrape *scrape, const char *bpffs, uint32_t max_series)
{
    *scrape = (struct scrape){.bpffs = bpffs};
    return series_init(&scrape->series, max_series);
}

void scrape_done(struct scrape *scrape)
{
    series_done(&scrape->series);
    user_names_done(&scrape->names);
}

int scrape_take(struct scrape *scrape, struct text *const texts[TEXT_FORMATS])
{
    _cleanup_(collect_done) struct collected collected;
    const struct rendered rendered = {&collected, &scrape->series, &scrape->names};

    collect_read(scrape->bpffs, &collected);
    if (collected.error == 0)
        collected.error = series_update(&scrape->series, &collected.users);
    for (int format = 0; format < TEXT_FORMATS; format++)
        if (texts[format])
            render(&rendered, texts[format]);
    return collected.error;
}
