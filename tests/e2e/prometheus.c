/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "meter.h"
#include "prometheus.h"

#define PROMTOOL TCTL_BUILD "/prometheus/promtool"

void promtool(const char *arguments, ...)
{
    _cleanup_free_ char *what = NULL, *command = NULL;
    char said[4096];
    va_list list;
    FILE *pipe;

    if (access(PROMTOOL, X_OK) < 0)
        skip_because("Prometheus is neither in the path nor to be had, see tests/get-prometheus", false);
    va_start(list, arguments);
    assert_true(vasprintf(&what, arguments, list) > 0);
    va_end(list);
    assert_true(asprintf(&command, PROMTOOL " %s 2>&1", what) > 0);
    pipe = popen(command, "re");
    assert_non_null(pipe);
    said[fread(said, 1, sizeof(said) - 1, pipe)] = '\0';
    if (pclose(pipe) != 0)
        fail_msg("promtool %s: %s", what, said);
}
