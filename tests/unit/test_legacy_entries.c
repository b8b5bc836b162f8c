/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Our rules in tables that a kernel gave (tests/fuzz/corpus/legacy), and in what is left of them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fd.h"
#include "legacy_entries.h"

#define CORPUS "tests/fuzz/corpus/legacy/"
#define HEAD 5
#define PROGRAM 7
#define PATH "/sys/fs/bpf/xt_bpf_prog"

/* As tests/fuzz/fuzz_legacy.c has it: place, first and policy before the entries. */
struct sample {
    char *bytes;
    struct legacy_wanted wanted;
    struct legacy_blob blob;
};

static struct sample sample_of(const char *kind, unsigned int place)
{
    char path[128];
    size_t length;
    uint16_t bounds[2];
    struct sample sample = {.wanted = {&legacy_places[place], PATH, PROGRAM}};
    snprintf(path, sizeof(path), CORPUS "%s-%u", kind, place);
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_return_code(fd, errno);
    assert_return_code(fd_read_all(fd, 65536, &sample.bytes, &length), 0);
    memcpy(bounds, sample.bytes + 1, sizeof(bounds));
    sample.blob = (struct legacy_blob){sample.bytes + HEAD, length - HEAD, bounds[0], bounds[1]};
    return sample;
}

static int find(const struct sample *sample, struct legacy_found *found)
{
    *found = (struct legacy_found){0};
    return legacy_entries_find(&sample->blob, &sample->wanted, found);
}

static bool is_right(const struct sample *sample)
{
    struct legacy_found found;
    return find(sample, &found) == 0 && legacy_found_is_right(&found);
}

static const char *const RIGHT[] = {"right", "rightbare"};

static void whole_tables_are_judged(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(RIGHT) * TCTL_IFACE_HOOKS; i++) {
        struct sample sample = sample_of(RIGHT[i % ARRAY_SIZE(RIGHT)], i / ARRAY_SIZE(RIGHT));
        assert_true(is_right(&sample));
        sample.wanted.program++;
        assert_false(is_right(&sample));
        sample.wanted = (struct legacy_wanted){sample.wanted.place, PATH "2", PROGRAM};
        assert_false(is_right(&sample));
        sample.wanted.path = NULL; /* to be removed: whatever it runs */
        assert_false(is_right(&sample));
        free(sample.bytes);
    }
}

static void empty_tables_have_nothing(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < TCTL_IFACE_HOOKS; i++) {
        struct legacy_found found;
        struct sample sample = sample_of("empty", i);
        assert_int_equal(find(&sample, &found), 0);
        assert_false(found.chain || found.empty || found.runs || found.jumps || found.referenced);
        free(sample.bytes);
    }
}

/* In memory of just that size, so that the sanitizer sees who reads behind it. */
static void cut_tables_are_never_right(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(RIGHT) * TCTL_IFACE_HOOKS; i++) {
        struct sample sample = sample_of(RIGHT[i % ARRAY_SIZE(RIGHT)], i / ARRAY_SIZE(RIGHT));
        struct sample cut = sample;
        for (cut.blob.size = 0; cut.blob.size < sample.blob.size; cut.blob.size++) {
            cut.blob.entries = malloc(cut.blob.size + !cut.blob.size);
            assert_non_null(cut.blob.entries);
            memcpy(cut.blob.entries, sample.blob.entries, cut.blob.size);
            assert_false(is_right(&cut));
            free(cut.blob.entries);
        }
        free(sample.bytes);
    }
}

/* Every two bytes, lengths and offsets among them, become each of these. The table may stay right where they are read
 * by nobody (counters); nothing else may come of it than a verdict. */
static void lying_lengths_are_refused(void **state)
{
    (void)state;
    const uint16_t lies[] = {0, 1, 7, 40, 111, 112, 113, 168, 0x7FFF, 0xFFFF};
    unsigned int refused = 0;
    for (unsigned int i = 0; i < TCTL_IFACE_HOOKS * ARRAY_SIZE(lies); i++) {
        struct sample sample = sample_of("right", i % TCTL_IFACE_HOOKS);
        for (size_t at = 0; at + 1 < sample.blob.size; at++) {
            struct legacy_found found;
            char *bytes = (char *)sample.blob.entries + at, kept[2];
            memcpy(kept, bytes, sizeof(kept));
            memcpy(bytes, &lies[i / TCTL_IFACE_HOOKS], sizeof(kept));
            refused += find(&sample, &found) == -EBADMSG;
            memcpy(bytes, kept, sizeof(kept));
        }
        assert_true(is_right(&sample));
        free(sample.bytes);
    }
    assert_true(refused > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_tables_are_judged),
        cmocka_unit_test(empty_tables_have_nothing),
        cmocka_unit_test(cut_tables_are_never_right),
        cmocka_unit_test(lying_lengths_are_refused),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("legacy entries", tests, NULL, NULL);
}
