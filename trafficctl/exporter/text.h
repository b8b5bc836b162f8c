/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The two formats that Prometheus reads, which differ in little: its own text 0.0.4, and OpenMetrics 1.0. A family's
 * lines of help and type come with its first sample, so a family without samples is not there.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "families.h"

enum text_format { TEXT_PLAIN, TEXT_OPENMETRICS, TEXT_FORMATS };

/* As HTTP calls them. */
extern const char *const text_types[TEXT_FORMATS];

/* A zeroed one with its format is empty. End with text_done(). */
struct text {
    enum text_format format;
    char *bytes;
    size_t length, room;
    enum family_id family; /* of the last sample; it is not its first if there are bytes */
    int error;             /* 0, or -ENOMEM: bytes are not all that was written */
};

struct text_label {
    const char *name;
    const char *value; /* UTF-8 */
};

/* Samples of a family follow each other. */
void text_sample(struct text *text, enum family_id family, const struct text_label *labels, size_t count,
                 uint64_t value);

/* With labels: text_labelled(text, FAMILY_DROPPED, 7, {"reason", "closed"}). */
#define text_labelled(text, family, value, ...)                                                                        \
    text_sample(text, family, (const struct text_label[]){__VA_ARGS__},                                                \
                sizeof((const struct text_label[]){__VA_ARGS__}) / sizeof(struct text_label), value)

/* After the last sample. */
void text_end(struct text *text);

void text_done(struct text *text);
