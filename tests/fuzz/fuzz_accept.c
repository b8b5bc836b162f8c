/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whatever a client accepts, in however many headers: nothing is read behind them, and it gets one of the formats. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "negotiate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_offer(const struct negotiate_offer *offer)
{
    assert(offer->quality >= 0 && offer->quality <= 1000);
    assert(offer->precision > 0 || offer->quality == 0);
}

/* Each of the lines is a header. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct negotiate negotiate = {0};

    while (size > 0) {
        const uint8_t *newline = memchr(data, '\n', size);
        size_t length = newline ? (size_t)(newline - data) : size;
        _cleanup_free_ char *header = strndup((const char *)data, length); /* of its own size: who reads on is seen */
        assert(header);
        negotiate_read(&negotiate, header);
        length += newline != NULL;
        data += length;
        size -= length;
    }
    enum text_format format = negotiate_choose(&negotiate);
    for (int i = 0; i < TEXT_FORMATS; i++) {
        check_offer(&negotiate.offers[i]);
        assert(negotiate.offers[format].quality >= negotiate.offers[i].quality);
    }
    return 0;
}
