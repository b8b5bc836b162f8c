/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficctl exporter as a user runs it, in the namespace B, and a client of it. Asserts with cmocka. */
#pragma once

#include <stdbool.h>

#include "world.h"

#define EXPORTER_LOCAL "127.0.0.1:9617"

struct exporter {
    pid_t pid;       /* 0: it does not run */
    char where[128]; /* as --listen takes it */
};

/* With more words, separated by blanks, and until it says that it is ready. uid 0 is root with everything. */
void exporter_start(struct exporter *exporter, uid_t uid, const char *where, const char *more);
/* Its status, as of waitpid(). */
int exporter_stop(struct exporter *exporter, int signal);
/* A field of /proc/PID/status in its own unit. */
unsigned long exporter_field(const struct exporter *exporter, const char *field);
/* That of every thread is this. */
void exporter_threads_have(const struct exporter *exporter, const char *field, const char *value);

/* A path in a folder that every user may write to; static. exporter_clean() removes it with all that is in it. */
const char *exporter_path(const char *name);
void exporter_clean(void);

/* A connection that waits, but never for longer than 3 s. */
int exporter_connect(const struct exporter *exporter);
void exporter_say(int fd, const char *text);

struct answer {
    int status;      /* 0: the connection ended without one */
    char *head;      /* the headers, CRLF at the end of each */
    char *body;      /* as long as Content-Length said */
    bool last;       /* the server closes after it */
    size_t promised; /* Content-Length */
};
void answer_done(struct answer *answer);
/* An answer to a GET, or to a HEAD. */
struct answer exporter_hear(int fd, bool head);

/* GET /metrics over a connection of its own; accept NULL: no such header. The caller's. */
char *exporter_scrape(const struct exporter *exporter, const char *accept);

/* Until a sample has this value; fails the test after 3 s. */
void exporter_waits_for(const struct exporter *exporter, const char *name, uint64_t value);

/* The value of a sample by its whole name with labels; fails the test without one. */
uint64_t sample_of(const char *text, const char *name);
bool has_sample(const char *text, const char *name);
/* Lines that begin so. */
size_t lines_of(const char *text, const char *begin);
