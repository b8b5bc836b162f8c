/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "uid_list.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "format.h"

/* Longer than any user's name with a comment that somebody reads. */
#define LINE_BYTES 512

void uid_list_done(struct uid_list *list)
{
    free(list->uids);
}

static bool uid_list_add(struct uid_list *list, uint32_t uid)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        uint32_t *uids = reallocarray(list->uids, room, sizeof(*uids));
        if (!uids)
            return false;
        list->uids = uids;
        list->room = room;
    }
    list->uids[list->count++] = uid;
    return true;
}

/* A line without its end. 1: there is one; 0: the file has ended; -errno; -E2BIG: too long; -EINVAL: a NUL in it. */
static int read_line(FILE *in, char line[static LINE_BYTES])
{
    size_t length = 0;
    int c;

    errno = 0;
    while ((c = getc(in)) != EOF && c != '\n') {
        if (c == '\0')
            return -EINVAL;
        if (length == LINE_BYTES - 1)
            return -E2BIG;
        line[length++] = (char)c;
    }
    line[length] = '\0';
    if (c == EOF && ferror(in))
        return errno ? -errno : -EIO;
    return c == '\n' || length > 0;
}

/* What of a line counts: without its comment, and without the blanks around. */
static char *trim(char *line)
{
    char *end = line + strcspn(line, "#");

    while (end > line && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    return line + strspn(line, " \t\r\v\f");
}

static enum cli_status take_line(const char *place, char *line, struct uid_list *list)
{
    const char *word = trim(line);
    _cleanup_free_ char *text = format_utf8(word);
    uint32_t uid;

    if (!*word)
        return CLI_DONE;
    enum cli_status status = text ? cli_uid(place, text, &uid) : CLI_FAILED;
    if (status == CLI_USAGE)
        return status;
    return status == CLI_DONE && uid_list_add(list, uid) ? CLI_DONE : cli_failed("out of memory");
}

static enum cli_status bad_line(const char *name, const char *place, int err)
{
    switch (err) {
    case -EINVAL:
        return cli_usage("%s: a NUL byte: this is no text", place);
    case -E2BIG:
        return cli_usage("%s: longer than %d bytes: write one UID a line", place, LINE_BYTES - 1);
    default:
        return cli_failed("cannot read %s: %s", name, strerror(-err));
    }
}

enum cli_status uid_list_read(FILE *in, const char *name, struct uid_list *list)
{
    enum cli_status status = CLI_DONE;
    char line[LINE_BYTES], place[512];
    int r = 1;

    for (size_t number = 1; status == CLI_DONE && r > 0; number++) {
        snprintf(place, sizeof(place), "%.480s:%zu", name, number);
        r = read_line(in, line);
        if (r < 0)
            status = bad_line(name, place, r);
        else if (r > 0)
            status = take_line(place, line, list);
    }
    return status;
}
