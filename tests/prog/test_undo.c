/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Steps of a start taken back one by one, on a real bpffs. Root. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "bpffs.h"
#include "calls.h"
#include "cleanup.h"
#include "fd.h"
#include "fixture.h"
#include "job.h"
#include "undo.h"

static int make_map(void)
{
    int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 4, 1, NULL);
    assert_return_code(fd, errno);
    return fd;
}

static uint32_t map_id(int fd)
{
    struct bpf_map_info info = {0};
    uint32_t length = sizeof(info);
    assert_return_code(bpf_obj_get_info_by_fd(fd, &info, &length), errno);
    return info.id;
}

static void undo_gives_back_a_replaced_pin(void **state)
{
    const struct fixture *fixture = *state;
    char path[PATH_MAX], aside[PATH_MAX];
    snprintf(path, sizeof(path), "%s/pin", fixture->bpffs);
    snprintf(aside, sizeof(aside), "%s/aside", fixture->bpffs);
    _cleanup_fd_ int old = make_map();
    _cleanup_fd_ int replacement = make_map();
    assert_return_code(bpf_obj_pin(old, path), errno);
    assert_return_code(chmod(path, 0640), errno);

    struct undo undo = {0};
    struct undo_step *step;
    assert_int_equal(undo_plan(&undo, UNDO_REPIN, path, old, -1, &step), 0);
    step->aside = strdup(aside);
    assert_return_code(stat(path, &step->old), errno);
    assert_return_code(bpf_obj_pin(replacement, aside), errno);
    assert_return_code(rename(aside, path), errno);
    undo_arm(&undo);
    undo_all(&undo);

    struct stat status;
    _cleanup_fd_ int now = bpf_obj_get(path);
    assert_return_code(now, errno);
    assert_int_equal(map_id(now), map_id(old));
    assert_return_code(stat(path, &status), errno);
    assert_int_equal(status.st_mode & 0777, 0640);
    assert_int_equal(access(aside, F_OK), -1);
}

static void undo_takes_back_the_last_step_first(void **state)
{
    const struct fixture *fixture = *state;
    char outer[PATH_MAX], inner[PATH_MAX];
    snprintf(outer, sizeof(outer), "%s/outer", fixture->bpffs);
    snprintf(inner, sizeof(inner), "%s/outer/inner", fixture->bpffs);
    struct undo undo = {0};
    assert_int_equal(bpffs_mkdir(outer, 0700, &undo, NULL), 0);
    assert_int_equal(bpffs_mkdir(inner, 0700, &undo, NULL), 0);
    assert_int_equal(bpffs_own(inner, 0, 4711, 0750, &undo, NULL), 0);
    undo_all(&undo);
    assert_int_equal(access(outer, F_OK), -1);
}

static void undo_forgets_what_was_only_planned(void **state)
{
    const struct fixture *fixture = *state;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/pin", fixture->bpffs);
    _cleanup_fd_ int fd = make_map();
    assert_return_code(bpf_obj_pin(fd, path), errno);
    struct undo undo = {0};
    assert_int_equal(undo_plan(&undo, UNDO_UNLINK, path, -1, -1, NULL), 0);
    undo_all(&undo);
    assert_return_code(access(path, F_OK), errno);
}

static void undo_gives_back_an_element(void **state)
{
    const uint32_t zero = 0;
    uint32_t value = 1;
    (void)state;
    _cleanup_fd_ int fd = make_map();
    struct undo undo = {0};
    struct undo_step *step;
    assert_int_equal(undo_plan(&undo, UNDO_ELEMENT, "element", fd, -1, &step), 0);
    step->bytes = malloc(sizeof(value));
    assert_non_null(step->bytes);
    memcpy(step->bytes, &value, sizeof(value));
    undo_arm(&undo);
    value = 2;
    assert_return_code(bpf_map_update_elem(fd, &zero, &value, BPF_ANY), errno);
    undo_all(&undo);
    assert_return_code(bpf_map_lookup_elem(fd, &zero, &value), errno);
    assert_int_equal(value, 1);
}

/* What was resolved by the new value is resolved anew. */
static void undo_of_an_element_raises_the_generation(void **state)
{
    const struct fixture *fixture = *state;
    const uint32_t zero = 0;
    uint64_t before, after;
    struct undo undo = {0};
    struct undo_step *step;
    fixture_load(*state);
    _cleanup_fd_ int fd = make_map(), generation = fixture_pin(fixture, PIN_GENERATION);
    assert_int_equal(undo_plan(&undo, UNDO_ELEMENT, "element", fd, generation, &step), 0);
    step->bytes = calloc(1, sizeof(uint32_t));
    assert_non_null(step->bytes);
    undo_arm(&undo);
    assert_true(fixture_get(fixture, PIN_GENERATION, &zero, &before));
    undo_all(&undo);
    assert_true(fixture_get(fixture, PIN_GENERATION, &zero, &after));
    assert_true(after > before);
}

static int make_program(void)
{
    const struct bpf_insn pass[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "pass", "GPL", pass, 2, NULL);
    assert_return_code(fd, errno);
    return fd;
}

static uint32_t program_id(int fd)
{
    struct bpf_prog_info info = {0};
    uint32_t length = sizeof(info);
    assert_return_code(bpf_obj_get_info_by_fd(fd, &info, &length), errno);
    return info.id;
}

/* 0: nothing is in the slot. */
static uint32_t called(int calls, uint32_t slot)
{
    uint32_t id = 0;
    if (bpf_map_lookup_elem(calls, &slot, &id) < 0)
        assert_int_equal(errno, ENOENT);
    return id;
}

static int make_calls(void)
{
    int fd = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, NULL, 4, 4, TCTL_CALLS, NULL);
    assert_return_code(fd, errno);
    return fd;
}

/* What a failed start has put where rules call it goes, and the earlier one counts on. */
static void undo_gives_back_what_is_called(void **state)
{
    const struct fixture *fixture = *state;
    const uint32_t ingress = TCTL_CALL_INGRESS;
    struct fault fault = {0};
    _cleanup_fd_ int calls = make_calls(), old = make_program(), in = make_program(), out = make_program();
    struct job *job = job_new(&fixture->options, NULL, &fault);
    assert_non_null(job);
    assert_return_code(bpf_map_update_elem(calls, &ingress, &old, BPF_ANY), errno);
    assert_int_equal(calls_put(job, calls, in, out), 0);
    assert_int_equal(called(calls, TCTL_CALL_INGRESS), program_id(in));
    assert_int_equal(called(calls, TCTL_CALL_EGRESS), program_id(out));
    undo_all(&job->undo);
    job_freep(&job);
    assert_int_equal(called(calls, TCTL_CALL_INGRESS), program_id(old));
    assert_int_equal(called(calls, TCTL_CALL_EGRESS), 0);
}

/* The second one is refused: the caller takes the first one back. */
static void undo_gives_back_what_was_called_before_a_failure(void **state)
{
    const struct fixture *fixture = *state;
    const uint32_t ingress = TCTL_CALL_INGRESS;
    struct fault fault = {0};
    _cleanup_fd_ int calls = make_calls(), old = make_program(), in = make_program(), no_program = make_map();
    struct job *job = job_new(&fixture->options, NULL, &fault);
    assert_non_null(job);
    assert_return_code(bpf_map_update_elem(calls, &ingress, &old, BPF_ANY), errno);
    assert_int_equal(calls_put(job, calls, in, no_program), -EINVAL);
    assert_non_null(strstr(fault.text, strerror(EINVAL)));
    assert_int_equal(called(calls, TCTL_CALL_INGRESS), program_id(in));
    undo_all(&job->undo);
    job_freep(&job);
    assert_int_equal(called(calls, TCTL_CALL_INGRESS), program_id(old));
    assert_int_equal(called(calls, TCTL_CALL_EGRESS), 0);
}

#define FRESH(test) cmocka_unit_test_setup_teardown(test, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(undo_gives_back_a_replaced_pin),
        FRESH(undo_takes_back_the_last_step_first),
        FRESH(undo_forgets_what_was_only_planned),
        FRESH(undo_gives_back_an_element),
        FRESH(undo_of_an_element_raises_the_generation),
        FRESH(undo_gives_back_what_is_called),
        FRESH(undo_gives_back_what_was_called_before_a_failure),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("prog: undo", tests, NULL, NULL);
}
