/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The real Prometheus and its promtool, which tests/get-prometheus gets, and what we ship for them. Asserts with
 * cmocka. */
#pragma once

#include <jansson.h>

#define MONITORING "config/monitoring/"

/* promtool with these arguments, in a shell, succeeds. Without one the test is skipped. */
__attribute__((format(printf, 1, 2))) void promtool(const char *arguments, ...);

/*
 * Prometheus in B, beside the exporter, with our scrape example and our rules, but five times a second. It knows
 * nothing of what was before; one that runs is taken, since its first scrape would be five seconds later.
 */
void prometheus_start(void);
void prometheus_stop(void);

/* The samples of an expression: an array of {"metric": {labels}, "value": [time, "text"]}. The caller's. */
json_t *prometheus_query(const char *expression);
/* Until there are any; fails the test after 10 s. */
__attribute__((format(printf, 1, 2))) void prometheus_waits_for(const char *expression, ...);
/*
 * Until the conditions of these alerts that we ship hold, and no other's, whatever "for" says; fails the test after 10
 * s. Each name is followed by a blank, and they are in the order of the file.
 */
void prometheus_waits_for_alerts(const char *names);

/* The dashboard for Grafana. The caller's. */
json_t *dashboard_load(void);
/* A panel's expressions are these, with variables as Grafana would fill them in. */
void dashboard_each(const json_t *dashboard, void (*fn)(const char *title, const char *expression));
