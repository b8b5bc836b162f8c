/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What a run finds out: said on the terminal as it comes, and kept for report.json and report.html. Tables follow each
 * other; what is said belongs to the one that was begun last. Strings need not live on.
 */
#pragma once

#include "rounds.h"

enum better {
    LESS,
    MORE,
};

/* Competitors on the same work, in one unit. */
struct table {
    const char *id;    /* in report.json, one word: "udp_loopback" */
    const char *title; /* "UDP on loopback" */
    const char *unit;  /* "ns", "packets/s" */
    const char *how;   /* what was done and measured, a sentence or two */
    const char *x;     /* what the points of its lines stand above: "UIDs"; NULL: it has none */
    enum better better;
};

void results_table(const struct table *table);

/* A competitor, or a line's point; finished. */
void results_figure(const char *name, const struct figure *figure);
void results_point(const char *line, double x, const struct figure *figure);

/* A competitor that this machine cannot have. */
void results_missing(const char *name, const char *why);

struct aim {
    enum better side; /* LESS: at most, MORE: at least the bound */
    double bound;
};

/*
 * A ratio, as figure_ratio() gives it; aim may be NULL. It is not said where its spread (between the quartiles) is
 * larger than its distance from 1; an aim beside 1 counts as reached then only if the quartile on its far side does.
 */
void results_ratio(const char *what, const struct figure *ratio, const struct aim *aim);

/* One number, which no rounds were made for. aim may be NULL. */
void results_number(const char *what, double value, const char *unit, const struct aim *aim);

/* What is to be known of it all: a sentence. */
void results_note(const char *text);

/* Every aim beside its figure on the terminal, and both files into the folder. 0 or negative errno. */
int results_end(const char *folder);
