/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The real Prometheus and its promtool, which tests/get-prometheus gets, and what we ship for them. Asserts with
 * cmocka. */
#pragma once

#include <jansson.h>

#define MONITORING "config/monitoring/"

/* promtool with these arguments, in a shell, succeeds. Without one the test is skipped. */
__attribute__((format(printf, 1, 2))) void promtool(const char *arguments, ...);

/* The dashboard for Grafana. The caller's. */
json_t *dashboard_load(void);
/* A panel's expressions are these, with variables as Grafana would fill them in. */
void dashboard_each(const json_t *dashboard, void (*fn)(const char *title, const char *expression));
