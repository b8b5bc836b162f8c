/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The page that a benchmark leaves: a whole one, with the results in it as they are beside it. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"
#include "report.h"

#define NASTY "</script><script>alert(1)</script> <!-- <b> \" \\ ≤ 0.6"

static char *take_file(const char *folder, const char *name)
{
    char path[64], *text = NULL;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(fd_read_file(path, 1 << 20, &text), 0);
    unlink(path);
    return text;
}

/* A copy of the page's results: up to the first tag, which must be the end of their script. NULL: it has none. */
static char *take_results(const char *page)
{
    static const char begin[] = "<script type=\"application/json\" id=\"results\">", end[] = "</script>";
    const char *results = strstr(page, begin), *tag = results ? strchr(results + strlen(begin), '<') : NULL;

    if (!tag || strncmp(tag, end, strlen(end)) != 0)
        return NULL;
    return strndup(results + strlen(begin), (size_t)(tag - results) - strlen(begin));
}

static void page_has_the_results(void **state)
{
    (void)state;
    char folder[] = "/tmp/tctl-report-XXXXXX";
    json_t *tables = json_pack("[{s:s, s:[f, f]}]", "title", NASTY, "rounds", 0.25, 1e9);

    assert_non_null(mkdtemp(folder));
    assert_int_equal(report_write(folder, tables), 0);
    _cleanup_free_ char *page = take_file(folder, "report.html"), *raw = take_file(folder, "report.json");
    rmdir(folder);
    assert_memory_equal(page, "<!doctype html>", strlen("<!doctype html>"));
    assert_non_null(strstr(page, "</script>\n</body>\n</html>\n"));

    _cleanup_free_ char *shown = take_results(page);
    assert_non_null(shown);
    json_t *in_page = json_loads(shown, 0, NULL), *beside = json_loads(raw, 0, NULL);
    assert_true(json_equal(in_page, beside));
    assert_true(json_equal(json_object_get(in_page, "tables"), tables));
    json_decref(in_page);
    json_decref(beside);
    json_decref(tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(page_has_the_results)};
    return unit_run(tests);
}
