/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "format.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"

void format_size(uint64_t bytes, bool human, char text[static FORMAT_LEN])
{
    static const char *const UNITS[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double size = bytes;
    size_t unit = 0;

    if (!human) {
        snprintf(text, FORMAT_LEN, "%" PRIu64, bytes);
        return;
    }
    /* 1023.95 would print as 1024.0 */
    for (; size >= 1023.95 && unit + 1 < ARRAY_SIZE(UNITS); unit++)
        size /= 1024;
    snprintf(text, FORMAT_LEN, unit ? "%.1f %s" : "%.0f %s", size, UNITS[unit]);
}

void format_time(uint64_t sec, char text[static FORMAT_LEN])
{
    time_t when = sec;
    struct tm parts;

    if (!localtime_r(&when, &parts) || !strftime(text, FORMAT_LEN, "%Y-%m-%d %H:%M:%S %z", &parts))
        snprintf(text, FORMAT_LEN, "%" PRIu64, sec);
}

void format_moment(uint64_t ns, char text[static FORMAT_LEN])
{
    time_t when = (time_t)(ns / 1000000000);
    struct tm parts;
    size_t length = 0;

    if (gmtime_r(&when, &parts))
        length = strftime(text, FORMAT_LEN, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + length, FORMAT_LEN - length, ".%03uZ", (unsigned int)(ns / 1000000 % 1000));
}

int64_t format_saturated(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* Bytes of the UTF-8 character at text (RFC 3629: no surrogates, nothing overlong), 0: none is there. */
static size_t utf8_length(const unsigned char *text)
{
    static const struct {
        unsigned char first, last; /* of the first byte */
        unsigned char low, high;   /* of the second byte */
        unsigned char length;
    } FORMS[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };

    for (size_t i = 0; i < ARRAY_SIZE(FORMS); i++) {
        if (*text < FORMS[i].first || *text > FORMS[i].last)
            continue;
        if (text[1] < FORMS[i].low || text[1] > FORMS[i].high)
            return 0;
        for (size_t at = 2; at < FORMS[i].length; at++)
            if (text[at] < 0x80 || text[at] > 0xBF)
                return 0;
        return FORMS[i].length;
    }
    return *text >= ' ' && *text < 0x7F;
}

/* U+0080 to U+009F are control characters of terminals too. */
static bool is_c1(const unsigned char *text)
{
    return text[0] == 0xC2 && text[1] < 0xA0;
}

/* Of how many bytes the character at text is, if it can be printed; 0: it cannot. */
static size_t printable_length(const unsigned char *text)
{
    return is_c1(text) ? 0 : utf8_length(text);
}

/* Is the character at text a blank: what splits words, here or in some language that knows Unicode's? */
static bool is_blank(const unsigned char *text)
{
    static const char *const BLANKS[] = {
        " ",      "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
        "\u2007", "\u2008", "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000",
    };

    for (size_t i = 0; i < ARRAY_SIZE(BLANKS); i++)
        if (strncmp((const char *)text, BLANKS[i], strlen(BLANKS[i])) == 0)
            return true;
    return false;
}

/* At most max bytes, no piece of a character or of an \xNN among them. */
static char *escape(const char *bytes, size_t max, bool blanks)
{
    const unsigned char *in = (const unsigned char *)bytes;
    char *text = malloc(4 * strlen(bytes) + 1), *out = text;

    if (!text)
        return NULL;
    while (*in) {
        size_t length = blanks && is_blank(in) ? 0 : printable_length(in);
        if ((size_t)(out - text) + (length ?: strlen("\\xNN")) > max)
            break;
        if (length) {
            memcpy(out, in, length);
            out += length;
            in += length;
        } else {
            out += sprintf(out, "\\x%02x", *in++);
        }
    }
    *out = '\0';
    return text;
}

char *format_utf8(const char *bytes)
{
    return escape(bytes, SIZE_MAX, false);
}

char *format_word(const char *bytes, size_t max)
{
    return escape(bytes, max, true);
}

char *format_user(uint32_t uid)
{
    for (size_t size = 1024; size < 1 << 20; size *= 2) {
        _cleanup_free_ char *buffer = malloc(size);
        struct passwd entry, *found = NULL;
        if (!buffer)
            return NULL;
        if (getpwuid_r(uid, &entry, buffer, size, &found) != ERANGE)
            return found ? format_utf8(found->pw_name) : NULL;
    }
    return NULL;
}
