/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <ini.h>
#include <stdarg.h>
#include <string.h>

#include "cleanup.h"

/* inih reads into 200 bytes and would take the rest of a longer line for the next one. */
#define MAX_LINE 190
#define BOM "\xEF\xBB\xBF"

struct reader {
    FILE *file;
    const char *path;
    struct settings *settings;
    struct fault *fault;
    int line;
    int err; /* of the first refused line; nothing is read after it */
};

__attribute__((format(printf, 3, 4))) static void refuse(struct reader *reader, int err, const char *format, ...)
{
    char why[sizeof(reader->fault->text)];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    reader->err = fault_set(reader->fault, err, "%s:%d: %s", reader->path, reader->line, why);
}

/* One line without its newline. False at the end of the file and on failure. */
static bool get_line(struct reader *reader, char *line)
{
    size_t length = 0;
    int byte;

    while ((byte = getc(reader->file)) != EOF && byte != '\n' && byte != '\0' && length < MAX_LINE)
        line[length++] = byte;
    line[length] = '\0';
    if (byte == EOF && ferror(reader->file))
        refuse(reader, -errno, "cannot be read: %s", strerror(errno));
    else if (byte == '\0')
        refuse(reader, -EINVAL, "holds a NUL byte: is this a text file?");
    else if (byte != EOF && byte != '\n')
        refuse(reader, -EINVAL, "the line is longer than %d bytes: shorten it", MAX_LINE);
    return !reader->err && (length > 0 || byte == '\n');
}

/* "[NAME]", then nothing but blanks or a comment (strchr finds the ending NUL too). inih says nothing of a section
 * without keys. */
static bool is_known_section(const char *line)
{
    const char *end = strchr(line, ']');

    return end && settings_has_section(line + 1, end - line - 1) && strchr(";#", end[1 + strspn(end + 1, " \t\r")]);
}

/* What inih would take, but otherwise than its writer meant. */
static void check_line(struct reader *reader, const char *line)
{
    if (reader->line == 1 && !strncmp(line, BOM, strlen(BOM)))
        line += strlen(BOM);
    if (isspace((unsigned char)*line) && strcmp(line, "\r"))
        refuse(reader, -EINVAL, "the line begins with a blank: begin it with a key, a section or '#'");
    else if (*line == '[' && !is_known_section(line))
        refuse(reader, -EINVAL, "unknown section '%s': write [trafficd] or [maps]", line);
}

static char *read_line(char *line, int size, void *stream)
{
    struct reader *reader = stream;

    if (reader->err || size < MAX_LINE + 2)
        return NULL;
    reader->line++;
    if (!get_line(reader, line))
        return NULL;
    check_line(reader, line);
    return reader->err ? NULL : line;
}

static int take_value(void *user, const char *section, const char *key, const char *value)
{
    struct reader *reader = user;
    struct fault why = {0};
    int r = settings_set(reader->settings, section, key, value, &why);

    if (r < 0)
        refuse(reader, r, "%s", why.text);
    return r == 0;
}

int config_read_stream(FILE *file, const char *path, struct settings *settings, struct fault *fault)
{
    struct reader reader = {file, path, settings, fault, 0, 0};
    int line = ini_parse_stream(read_line, &reader, take_value, &reader);

    if (line < 0)
        return fault_set(fault, -ENOMEM, "%s: out of memory", path);
    if (line > 0 && (!reader.err || line < reader.line)) {
        reader.line = line;
        refuse(&reader, -EINVAL, "neither [section], key = value nor # comment");
    }
    return reader.err;
}

int config_read_file(const char *path, struct settings *settings, struct fault *fault)
{
    _cleanup_fclose_ FILE *file = fopen(path, "re");

    if (!file)
        return fault_set(fault, -errno, "%s: %s", path, strerror(errno));
    return config_read_stream(file, path, settings, fault);
}

static int read_all(const glob_t *found, struct settings *settings, struct fault *fault)
{
    for (size_t i = 0; i < found->gl_pathc; i++) {
        int r = config_read_file(found->gl_pathv[i], settings, fault);
        if (r < 0)
            return r;
    }
    return 0;
}

/* No drop-ins at all is fine. */
static int is_failure(const char *path, int err)
{
    (void)path;
    return err != ENOENT;
}

int config_read_default(const char *path, struct settings *settings, struct fault *fault)
{
    _cleanup_(globfree) glob_t found = {0};
    _cleanup_free_ char *pattern = NULL;
    int r = config_read_file(path, settings, fault);

    if (r < 0 && r != -ENOENT)
        return r;
    if (asprintf(&pattern, "%s.d/*.conf", path) < 0)
        return fault_set(fault, -ENOMEM, "out of memory");
    r = glob(pattern, 0, is_failure, &found);
    if (r == GLOB_NOMATCH)
        return 0;
    if (r != 0)
        return fault_set(fault, -EIO, "%s.d cannot be listed: check its permissions", path);
    return read_all(&found, settings, fault);
}
