/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What nf_tables cannot do: the manual tells of just that, and commands print all of it. */
#include "unit.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "lacking.h"
#include "lacks.h"
#include "page.h"

#define ENTRY_LEN 1024

/* In another network namespace than this one, whose settings are not asked. */
static struct tctl_backend nft(void)
{
    const struct tctl_state elsewhere = {.netns_inum = 1};
    struct tctl_backend backend = {.name = "nft", .why = "a kernel \x1b[1m"};
    nft_lacks(&elsewhere, &backend);
    return backend;
}

static void every_lack_is_of_its_own(void **state)
{
    (void)state;
    const struct tctl_backend backend = nft();
    assert_in_range(backend.lack_count, 10, TCTL_BACKEND_LACKS - 1);
    for (size_t i = 0; i < backend.lack_count; i++) {
        const char *lost = backend.lacks[i].lost;
        assert_null(strchr(lost, '\n'));
        assert_int_not_equal(lost[strlen(lost) - 1], '.');
        assert_string_not_equal(backend.lacks[i].name, "early demux is off");
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(backend.lacks[i].name, backend.lacks[j].name);
    }
}

/* ".It tags", "Sockets ...", "... a tag." is "tags: sockets ... a tag". */
static void plain_entry(const char *entry, char text[static ENTRY_LEN])
{
    int name = (int)strcspn(entry, "\n") - 4;
    size_t length = (size_t)snprintf(text, ENTRY_LEN, "%.*s: ", name, entry + 4);
    for (const char *at = entry + 4 + name + 1; *at && strncmp(at, "\n.", 2) != 0 && length < ENTRY_LEN - 1; at++)
        if (*at != '\\')
            text[length++] = *at == '\n' ? ' ' : *at;
    text[name + 2] = (char)tolower(text[name + 2]);
    assert_int_equal(text[length - 1], '.');
    text[length - 1] = '\0';
}

static void the_manual_has_each_and_no_other(void **state)
{
    (void)state;
    const struct tctl_backend backend = nft();
    char *page = page_read("trafficd.8"), *section = page_section(page, ".Sh BACKENDS"), text[ENTRY_LEN],
         wanted[ENTRY_LEN];
    for (size_t i = 0; i < backend.lack_count; i++) {
        const char *entry = page_entry(section, i);
        assert_non_null(entry);
        plain_entry(entry, text);
        snprintf(wanted, sizeof(wanted), "%s: %s", backend.lacks[i].name, backend.lacks[i].lost);
        assert_string_equal(text, wanted);
    }
    /* That one goes by the machine. */
    plain_entry(page_entry(section, backend.lack_count), text);
    assert_memory_equal(text, "early demux is off: ", 20);
    assert_null(page_entry(section, backend.lack_count + 1));
    free(section);
    free(page);
}

static void documents_have_all_of_it(void **state)
{
    (void)state;
    const struct tctl_backend backend = nft(), bpf = {.name = "bpf"}, none = {.why = "neither"};
    _cleanup_json_ json_t *json = lacking_json(&backend);
    json_t *lacks = json_object_get(json, "lacks");
    assert_string_equal(json_string_value(json_object_get(json, "name")), "nft");
    assert_string_equal(json_string_value(json_object_get(json, "why")), "a kernel \\x1b[1m");
    assert_int_equal(json_array_size(lacks), backend.lack_count);
    for (size_t i = 0; i < backend.lack_count; i++) {
        json_t *lack = json_array_get(lacks, i);
        assert_string_equal(json_string_value(json_object_get(lack, "name")), backend.lacks[i].name);
        assert_string_equal(json_string_value(json_object_get(lack, "lost")), backend.lacks[i].lost);
    }
    _cleanup_json_ json_t *whole = lacking_json(&bpf), *nothing = lacking_json(&none);
    _cleanup_json_ json_t *expected = json_pack("{s:s, s:n, s:[]}", "name", "bpf", "why", "lacks");
    _cleanup_json_ json_t *neither = json_pack("{s:n, s:s, s:[]}", "name", "why", "neither", "lacks");
    assert_true(json_equal(whole, expected));
    assert_true(json_equal(nothing, neither));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_lack_is_of_its_own),
        cmocka_unit_test(the_manual_has_each_and_no_other),
        cmocka_unit_test(documents_have_all_of_it),
    };
    return unit_run(tests);
}
