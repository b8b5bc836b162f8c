/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "negotiate.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"
#define CERTAIN 1000

enum precision { NOT_NAMED, ANY_TYPE, ANY_SUBTYPE, EXACT_TYPE, EXACT_VERSION };

static const struct {
    const char *family, *type, *version;
} OFFERS[TEXT_FORMATS] = {
    [TEXT_PLAIN] = {"text/*", "text/plain", "0.0.4"},
    [TEXT_OPENMETRICS] = {"application/*", "application/openmetrics-text", "1.0.0"},
};

/* A piece of a header. */
struct piece {
    const char *at;
    size_t length;
};

static bool is(struct piece piece, const char *word)
{
    return piece.length == strlen(word) && strncasecmp(piece.at, word, piece.length) == 0;
}

static struct piece trim(struct piece piece)
{
    size_t blanks = strspn(piece.at, BLANKS);

    if (blanks > piece.length)
        blanks = piece.length;
    piece.at += blanks;
    piece.length -= blanks;
    while (piece.length && strchr(BLANKS, piece.at[piece.length - 1]))
        piece.length--;
    return piece;
}

/* What stands before one of stops, which quotes hide; *at goes behind it. */
static struct piece cut(const char **at, const char *end, char stop)
{
    const char *begin = *at, *stopped = begin;
    bool quoted = false;

    for (; stopped < end && (quoted || *stopped != stop); stopped++) {
        if (quoted && *stopped == '\\' && stopped + 1 < end)
            stopped++;
        else if (*stopped == '"')
            quoted = !quoted;
    }
    *at = stopped < end ? stopped + 1 : end;
    return trim((struct piece){begin, (size_t)(stopped - begin)});
}

static struct piece unquote(struct piece piece)
{
    if (piece.length >= 2 && piece.at[0] == '"' && piece.at[piece.length - 1] == '"')
        return (struct piece){piece.at + 1, piece.length - 2};
    return piece;
}

/* "1", "0.75", "0.": at most three digits behind the point, at most 1. False: it is none of these. */
static bool parse_quality(struct piece piece, int *ret_quality)
{
    int quality = 0, worth = CERTAIN;

    if (!piece.length || piece.length > strlen("0.000") || (piece.length > 1 && piece.at[1] != '.'))
        return false;
    for (size_t i = 0; i < piece.length; i++) {
        if (i == 1)
            continue;
        if (!isdigit((unsigned char)piece.at[i]))
            return false;
        quality += (piece.at[i] - '0') * worth;
        worth /= 10;
    }
    *ret_quality = quality;
    return quality <= CERTAIN;
}

static enum precision precision_of(struct piece type, enum text_format format)
{
    if (is(type, OFFERS[format].type))
        return EXACT_TYPE;
    if (is(type, OFFERS[format].family))
        return ANY_SUBTYPE;
    return is(type, "*/*") ? ANY_TYPE : NOT_NAMED;
}

/* A range that gives a version is for that one alone; other parameters say nothing about our formats. */
static enum precision judge_version(enum precision precision, struct piece version, enum text_format format)
{
    if (precision != EXACT_TYPE || !version.at)
        return precision;
    return is(version, OFFERS[format].version) ? EXACT_VERSION : NOT_NAMED;
}

static void read_range(struct negotiate *negotiate, struct piece range)
{
    const char *at = range.at, *end = range.at + range.length;
    struct piece type = cut(&at, end, ';'), version = {0};
    int quality = CERTAIN;

    while (at < end) {
        struct piece value = cut(&at, end, ';');
        const char *inside = value.at, *inside_end = value.at + value.length;
        struct piece name = cut(&inside, inside_end, '=');
        value = unquote(trim((struct piece){inside, (size_t)(inside_end - inside)}));
        if (is(name, "version"))
            version = value;
        else if (is(name, "q") && !parse_quality(value, &quality))
            return;
    }
    for (int format = 0; format < TEXT_FORMATS; format++) {
        struct negotiate_offer *offer = &negotiate->offers[format];
        int precision = (int)judge_version(precision_of(type, format), version, format);
        if (precision > offer->precision || (precision && precision == offer->precision && quality > offer->quality))
            *offer = (struct negotiate_offer){precision, quality};
    }
}

void negotiate_read(struct negotiate *negotiate, const char *accept)
{
    const char *end = accept + strlen(accept);

    while (accept < end)
        read_range(negotiate, cut(&accept, end, ','));
}

enum text_format negotiate_choose(const struct negotiate *negotiate)
{
    const struct negotiate_offer *plain = &negotiate->offers[TEXT_PLAIN],
                                 *openmetrics = &negotiate->offers[TEXT_OPENMETRICS];

    if (openmetrics->quality != plain->quality)
        return openmetrics->quality > plain->quality ? TEXT_OPENMETRICS : TEXT_PLAIN;
    return openmetrics->quality && openmetrics->precision > plain->precision ? TEXT_OPENMETRICS : TEXT_PLAIN;
}
