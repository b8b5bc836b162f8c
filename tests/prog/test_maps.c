/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The contents of netd's maps, row by row, at real maps: what is there, and what cannot be read. */
#include "pinned.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cmocka.h>

#include <trafficctl/maps.h>

#include "cleanup.h"

#define UID1 10001u
#define UID2 0x80000001u
#define TAG 0x1234u
#define ETH 4000001u  /* no interface of this machine has such a number */
#define WLAN 4000002u /* as little */
#define GONE 0x80000000u
#define LO 1u
#define READERS 20001 /* uid and gid of a plain user */

static struct tctl_maps *open_maps(const struct pinned *pinned)
{
    struct tctl_maps *maps = NULL;
    assert_int_equal(tctl_maps_open(pinned->bpffs, &maps), 0);
    return maps;
}

static void put_detail(const struct pinned *pinned, struct tctl_stats_key key, uint64_t n)
{
    pinned_put(pinned, key.tag ? PIN_TAG_STATS : PIN_UID_STATS, &key, 0, n);
}

static void assert_stats(const struct tctl_stats_row *row, struct tctl_stats_key key, const char *iface, uint64_t n)
{
    assert_int_equal(row->iface_index, key.iface_index);
    assert_int_equal(row->uid, key.uid);
    assert_int_equal(row->tag, key.tag);
    assert_int_equal(row->set, key.counter_set);
    assert_string_equal(row->iface, iface);
    pinned_assert_counters(&row->counters, n);
}

/* Two interfaces of one name stay two; a number that nobody can name has none, and is not made up. */
static void test_rows_of_users_are_those_of_the_map(void **state)
{
    const struct pinned *pinned = *state;
    static const struct tctl_stats_key KEYS[] = {
        {UID1, 0, 0, 0},   {UID1, 0, 0, LO},   {UID1, 0, 0, ETH},  {UID1, 0, 1, ETH},
        {UID2, 0, 0, ETH}, {UID1, 0, 0, WLAN}, {UID1, 0, 0, GONE}, {UID1, 0, 0, GONE + 1},
    };
    static const char *const NAMES[] = {"", "lo", "eth0", "eth0", "eth0", "", "eth0", "removed"};
    pinned_name(pinned, ETH, "eth0");
    pinned_name(pinned, GONE, "eth0");
    for (size_t i = ARRAY_SIZE(KEYS); i-- > 0;)
        put_detail(pinned, KEYS[i], i + 1);

    struct tctl_maps *maps = open_maps(pinned);
    _cleanup_free_ struct tctl_stats_row *rows = NULL;
    size_t count;
    assert_int_equal(tctl_maps_read_stats(maps, TCTL_PIN_UID_STATS, &rows, &count), 0);
    assert_int_equal(count, ARRAY_SIZE(KEYS));
    for (size_t i = 0; i < count; i++)
        assert_stats(&rows[i], KEYS[i], NAMES[i], i + 1);
    tctl_maps_close(maps);
}

static void test_rows_of_tags_and_totals(void **state)
{
    const struct pinned *pinned = *state;
    put_detail(pinned, (struct tctl_stats_key){UID1, TAG, 1, ETH}, 3);
    pinned_put(pinned, PIN_APP_UID_STATS, &(uint32_t){UID2}, 0, 5);
    pinned_put(pinned, PIN_APP_UID_STATS, &(uint32_t){UID1}, 0, 7);
    struct tctl_maps *maps = open_maps(pinned);
    struct tctl_stats_row *rows;
    size_t count;
    assert_int_equal(tctl_maps_read_stats(maps, TCTL_PIN_TAG_STATS, &rows, &count), 0);
    assert_int_equal(count, 1);
    assert_stats(&rows[0], (struct tctl_stats_key){UID1, TAG, 1, ETH}, "", 3);
    free(rows);
    assert_int_equal(tctl_maps_read_stats(maps, TCTL_PIN_APP_UID_STATS, &rows, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].uid, UID1);
    pinned_assert_counters(&rows[0].counters, 7);
    assert_int_equal(rows[1].uid, UID2);
    pinned_assert_counters(&rows[1].counters, 5);
    free(rows);
    tctl_maps_close(maps);
}

/* Present: the kernel has it now, or, where it would name other interfaces, the map has. */
static void test_interfaces_are_there_or_were(void **state)
{
    const struct pinned *pinned = *state;
    static const uint32_t NUMBERS[] = {0, LO, ETH, WLAN, GONE};
    static const bool HERE[] = {false, true, false, false, false}, ELSEWHERE[] = {false, false, true, false, false};
    pinned_name(pinned, ETH, "eth0");
    pinned_name(pinned, GONE, "eth0");
    for (size_t i = 0; i < ARRAY_SIZE(NUMBERS); i++)
        pinned_put(pinned, PIN_IFACE_STATS, &NUMBERS[i], 0, i + 1);
    struct tctl_maps *maps = open_maps(pinned);
    for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
        _cleanup_free_ struct tctl_stats_row *rows = NULL;
        size_t count;
        assert_int_equal(tctl_maps_read_stats(maps, TCTL_PIN_IFACE_STATS, &rows, &count), 0);
        assert_int_equal(count, ARRAY_SIZE(NUMBERS));
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(rows[i].iface_index, NUMBERS[i]);
            assert_int_equal(rows[i].present, elsewhere ? ELSEWHERE[i] : HERE[i]);
            pinned_assert_counters(&rows[i].counters, i + 1);
        }
        pinned->state->netns_inum++;
    }
    tctl_maps_close(maps);
}

/* All CPUs and what programs spilt are one row, once. */
static void test_percpu_rows_are_sums(void **state)
{
    const struct pinned *pinned = *state;
    const struct tctl_stats_key key = {UID1, 0, 1, ETH}, alone = {UID2, 0, 0, WLAN};
    const struct tctl_spill_key spill = {.map = TCTL_UID_STATS, .key = key}, other = {TCTL_UID_STATS, alone},
                                of_tags = {TCTL_TAG_STATS, key};
    uint32_t cpu = (uint32_t)libbpf_num_possible_cpus() - 1;
    pinned_put(pinned, PIN_UID_STATS, &key, 0, 1);
    pinned_put(pinned, PIN_UID_STATS, &key, cpu, 2);
    pinned_put(pinned, PIN_SPILL, &spill, 0, 4);
    pinned_put(pinned, PIN_SPILL, &other, 0, 8);
    pinned_put(pinned, PIN_SPILL, &of_tags, 0, 16);
    struct tctl_maps *maps = open_maps(pinned);
    _cleanup_free_ struct tctl_stats_row *rows = NULL;
    size_t count;
    assert_int_equal(tctl_maps_read_stats(maps, TCTL_PIN_UID_STATS, &rows, &count), 0);
    assert_int_equal(count, 2);
    assert_stats(&rows[0], key, "", (cpu ? 1 + 2 : 2) + 4);
    assert_stats(&rows[1], alone, "", 8);
    tctl_maps_close(maps);
}

static void put(const struct pinned *pinned, enum pin_id id, const void *key, const void *value)
{
    assert_return_code(bpf_map_update_elem(pinned->fd[id], key, value, BPF_ANY), errno);
}

static void test_sockets_ascend_by_cookie(void **state)
{
    const struct pinned *pinned = *state;
    put(pinned, PIN_COOKIE_TAG, &(uint64_t){UINT64_MAX}, &(struct tctl_tag){UID2, UINT32_MAX});
    put(pinned, PIN_COOKIE_TAG, &(uint64_t){1ull << 33}, &(struct tctl_tag){UID1, 0});
    put(pinned, PIN_COOKIE_TAG, &(uint64_t){7}, &(struct tctl_tag){UID1, TAG});
    struct tctl_maps *maps = open_maps(pinned);
    _cleanup_free_ struct tctl_socket_row *rows = NULL;
    size_t count;
    assert_int_equal(tctl_maps_read_sockets(maps, &rows, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(rows[0].cookie, 7);
    assert_int_equal(rows[0].uid, UID1);
    assert_int_equal(rows[0].tag, TAG);
    assert_true(rows[1].cookie == 1ull << 33);
    assert_int_equal(rows[1].tag, 0);
    assert_true(rows[2].cookie == UINT64_MAX);
    assert_int_equal(rows[2].tag, UINT32_MAX);
    tctl_maps_close(maps);
}

/* The switch of a chain is a row as all others. */
static void test_sets_and_chains_are_raw(void **state)
{
    static const enum tctl_pin MAPS[] = {TCTL_PIN_UID_COUNTER_SET, TCTL_PIN_DOZABLE_UID, TCTL_PIN_STANDBY_UID,
                                         TCTL_PIN_POWERSAVE_UID};
    const struct pinned *pinned = *state;
    struct tctl_maps *maps = open_maps(pinned);
    for (size_t i = 0; i < ARRAY_SIZE(MAPS); i++) {
        _cleanup_free_ struct tctl_uid_value_row *rows = NULL;
        size_t count;
        put(pinned, (enum pin_id)MAPS[i], &(uint32_t){TCTL_CHAIN_SWITCH}, &(uint8_t){1});
        put(pinned, (enum pin_id)MAPS[i], &(uint32_t){UID2}, &(uint8_t){0});
        put(pinned, (enum pin_id)MAPS[i], &(uint32_t){UID1}, &(uint8_t){(uint8_t)(200 + i)});
        assert_int_equal(tctl_maps_read_uids(maps, MAPS[i], &rows, &count), 0);
        assert_int_equal(count, 3);
        assert_int_equal(rows[0].uid, UID1);
        assert_int_equal(rows[0].value, 200 + i);
        assert_int_equal(rows[1].uid, UID2);
        assert_int_equal(rows[1].value, 0);
        assert_int_equal(rows[2].uid, TCTL_CHAIN_SWITCH);
        assert_int_equal(rows[2].value, 1);
    }
    tctl_maps_close(maps);
}

static void test_names_are_cut_as_names_are(void **state)
{
    const struct pinned *pinned = *state;
    pinned_name(pinned, GONE, "0123456789abcdef");
    pinned_name(pinned, ETH, "a b\n");
    pinned_name(pinned, LO, "lo");
    struct tctl_maps *maps = open_maps(pinned);
    _cleanup_free_ struct tctl_name_row *rows = NULL;
    size_t count;
    assert_int_equal(tctl_maps_read_names(maps, &rows, &count), 0);
    assert_int_equal(count, 3);
    assert_int_equal(rows[0].iface_index, LO);
    assert_true(rows[0].present);
    assert_int_equal(rows[1].iface_index, ETH);
    assert_string_equal(rows[1].iface, "a b\n");
    assert_false(rows[1].present);
    assert_int_equal(rows[2].iface_index, GONE);
    assert_string_equal(rows[2].iface, "0123456789abcde");
    assert_false(rows[2].present);
    tctl_maps_close(maps);
}

static void test_empty_maps_have_no_rows(void **state)
{
    const struct pinned *pinned = *state;
    struct tctl_maps *maps = open_maps(pinned);
    struct tctl_stats_row *stats = (void *)&maps;
    struct tctl_socket_row *sockets = (void *)&maps;
    struct tctl_uid_value_row *uids = (void *)&maps;
    struct tctl_name_row *names = (void *)&maps;
    size_t count = 7;
    assert_int_equal(tctl_maps_read_stats(maps, TCTL_PIN_TAG_STATS, &stats, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(tctl_maps_read_sockets(maps, &sockets, &count), 0);
    assert_int_equal(tctl_maps_read_uids(maps, TCTL_PIN_STANDBY_UID, &uids, &count), 0);
    assert_int_equal(tctl_maps_read_names(maps, &names, &count), 0);
    assert_int_equal(count, 0);
    assert_true(!stats && !sockets && !uids && !names);
    tctl_maps_close(maps);
}

static void test_pins_are_told_apart(void **state)
{
    const struct pinned *pinned = *state;
    struct tctl_maps *maps = open_maps(pinned);
    struct tctl_uid_value_row *uids = NULL;
    struct tctl_stats_row *stats = NULL;
    size_t count = 7;
    for (enum tctl_pin pin = 0; pin < TCTL_PINS; pin++) {
        const bool map = pin < TCTL_PIN_INGRESS_PROG, counters = pins[pin].counters,
                   bytes = map && pins[pin].value_size == 1;
        assert_string_equal(tctl_pin_name(pin), pins[pin].path);
        assert_int_equal(tctl_maps_check(maps, pin), map ? 0 : -ENOENT);
        assert_int_equal(tctl_maps_read_uids(maps, pin, &uids, &count), bytes ? 0 : -EINVAL);
        assert_int_equal(tctl_maps_read_stats(maps, pin, &stats, &count), counters ? 0 : -EINVAL);
    }
    assert_null(tctl_pin_name(TCTL_PINS));
    assert_int_equal(tctl_maps_check(maps, TCTL_PINS), -EINVAL);
    tctl_maps_close(maps);
}

static const char *pin_path(const struct pinned *pinned, enum tctl_pin pin)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", pinned->bpffs, tctl_pin_name(pin));
    return path;
}

/* One that is missing, or is something else, is missing alone; without the state nothing can be told. */
static void test_a_missing_map_is_missing_alone(void **state)
{
    const struct pinned *pinned = *state;
    put_detail(pinned, (struct tctl_stats_key){UID1, 0, 0, ETH}, 3);
    assert_return_code(unlink(pin_path(pinned, TCTL_PIN_TAG_STATS)), errno);
    assert_return_code(unlink(pin_path(pinned, TCTL_PIN_IFACE_INDEX_NAME)), errno);
    assert_return_code(unlink(pin_path(pinned, TCTL_PIN_COOKIE_TAG)), errno);
    assert_return_code(bpf_obj_pin(pinned->fd[PIN_STANDBY_UID], pin_path(pinned, TCTL_PIN_COOKIE_TAG)), errno);
    struct tctl_maps *maps = open_maps(pinned);
    struct tctl_stats_row *rows = NULL;
    struct tctl_socket_row *sockets = NULL;
    size_t count = 7;
    assert_int_equal(tctl_maps_check(maps, TCTL_PIN_TAG_STATS), -ENOENT);
    assert_int_equal(tctl_maps_read_stats(maps, TCTL_PIN_TAG_STATS, &rows, &count), -ENOENT);
    assert_int_equal(tctl_maps_check(maps, TCTL_PIN_COOKIE_TAG), -EPROTO);
    assert_int_equal(tctl_maps_read_sockets(maps, &sockets, &count), -EPROTO);
    assert_true(!rows && !sockets && count == 7);
    assert_int_equal(tctl_maps_read_stats(maps, TCTL_PIN_UID_STATS, &rows, &count), 0);
    assert_int_equal(count, 1);
    assert_stats(&rows[0], (struct tctl_stats_key){UID1, 0, 0, ETH}, "", 3);
    free(rows);
    tctl_maps_close(maps);

    maps = (void *)&count;
    assert_return_code(unlink(strcat(strcpy((char[128]){0}, pinned->bpffs), "/" TCTL_DIR "/state")), errno);
    assert_int_equal(tctl_maps_open(pinned->bpffs, &maps), -ENOENT);
    assert_ptr_equal(maps, &count);
}

static void test_percpu_rows_without_the_spill_are_no_rows(void **state)
{
    const struct pinned *pinned = *state;
    char path[128];
    struct tctl_maps *maps = open_maps(pinned);
    struct tctl_stats_row *rows = NULL;
    size_t count = 7;
    snprintf(path, sizeof(path), "%s/%s", pinned->bpffs, pins[PIN_SPILL].path);
    assert_return_code(unlink(path), errno);
    assert_int_equal(tctl_maps_read_stats(maps, TCTL_PIN_UID_STATS, &rows, &count), -ENOENT);
    assert_true(!rows && count == 7);
    tctl_maps_close(maps);
}

struct mover {
    const struct pinned *pinned;
    int page;
    pthread_barrier_t begun;
};

static void set_moves(int page, uint64_t moves)
{
    const struct tctl_interfaces interfaces = {.moves = moves};
    assert_return_code(bpf_map_update_elem(page, &(uint32_t){0}, &interfaces, BPF_ANY), errno);
}

/* What a start does at the end of moving counters: the last row is there before it says so. */
static void *end_moving(void *context)
{
    struct mover *mover = context;
    pthread_barrier_wait(&mover->begun);
    put_detail(mover->pinned, (struct tctl_stats_key){UID2, 0, 0, ETH}, 5);
    set_moves(mover->page, 2);
    return NULL;
}

/* While counters are on their way to larger maps nothing is read that would lack some. */
static void test_counters_that_move_are_waited_for(void **state)
{
    struct mover mover = {.pinned = *state};
    const struct pin *pin = &pins[PIN_INTERFACES];
    char path[128];
    pthread_t thread;
    mover.page = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, pin->key_size, pin->value_size, 1, NULL);
    assert_return_code(mover.page, errno);
    snprintf(path, sizeof(path), "%s/%s", mover.pinned->bpffs, pin->path);
    assert_return_code(bpf_obj_pin(mover.page, path), errno);
    put_detail(mover.pinned, (struct tctl_stats_key){UID1, 0, 0, ETH}, 3);
    struct tctl_maps *maps = open_maps(mover.pinned);
    for (int i = 0; i < 100; i++) {
        _cleanup_free_ struct tctl_stats_row *rows = NULL;
        size_t count;
        set_moves(mover.page, 1);
        assert_int_equal(pthread_barrier_init(&mover.begun, NULL, 2), 0);
        assert_int_equal(pthread_create(&thread, NULL, end_moving, &mover), 0);
        pthread_barrier_wait(&mover.begun);
        int r = tctl_maps_read_stats(maps, TCTL_PIN_UID_STATS, &rows, &count);
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&mover.begun);
        assert_int_equal(r, 0);
        assert_int_equal(count, 2);
        assert_stats(&rows[1], (struct tctl_stats_key){UID2, 0, 0, ETH}, "", 5);
        bpf_map_delete_elem(mover.pinned->fd[PIN_UID_STATS], &(struct tctl_stats_key){UID2, 0, 0, ETH});
    }
    close(mover.page);
    tctl_maps_close(maps);
}

/* Owners and modes as the loader sets them. Returns how many questions were answered otherwise than they should be. */
static int ask_as_a_reader(const struct pinned *pinned)
{
    struct tctl_maps *maps = NULL;
    struct tctl_stats_row *rows = NULL;
    struct tctl_socket_row *sockets = NULL;
    size_t count = 7;
    int wrong = 0;
    if (setresgid(READERS, READERS, READERS) < 0 || setresuid(READERS, READERS, READERS) < 0 ||
        tctl_maps_open(pinned->bpffs, &maps) < 0)
        return 100;
    for (enum tctl_pin pin = 0; pin < TCTL_PIN_INGRESS_PROG; pin++)
        wrong += tctl_maps_check(maps, pin) != (pins[pin].owner == PIN_READERS ? 0 : -EACCES);
    wrong += tctl_maps_check(maps, TCTL_PIN_INGRESS_PROG) != -EACCES;
    wrong += tctl_maps_check(maps, TCTL_PIN_EGRESS_PROG) != -ENOENT;
    wrong += tctl_maps_read_sockets(maps, &sockets, &count) != -EACCES || sockets;
    wrong += tctl_maps_read_stats(maps, TCTL_PIN_UID_STATS, &rows, &count) != 0 || count != 1;
    free(rows);
    tctl_maps_close(maps);
    return wrong;
}

static void pin_program(const struct pinned *pinned, enum tctl_pin pin)
{
    const struct bpf_insn pass[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
                                    {.code = BPF_JMP | BPF_EXIT}};
    int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, NULL, "GPL", pass, ARRAY_SIZE(pass), NULL);
    assert_return_code(fd, errno);
    assert_return_code(bpf_obj_pin(fd, pin_path(pinned, pin)), errno);
    close(fd);
}

static void test_readers_get_what_is_theirs(void **state)
{
    const struct pinned *pinned = *state;
    char path[128];
    int status;
    put_detail(pinned, (struct tctl_stats_key){UID1, 0, 0, ETH}, 3);
    pin_program(pinned, TCTL_PIN_INGRESS_PROG);
    for (enum pin_id id = 0; id < PINS; id++) {
        snprintf(path, sizeof(path), "%s/%s", pinned->bpffs, pins[id].path);
        if (pins[id].owner != PIN_READERS || pinned->fd[id] < 0)
            continue;
        assert_return_code(chown(path, 0, READERS), errno);
        assert_return_code(chmod(path, 0640), errno);
    }
    pid_t child = fork();
    if (child == 0)
        _exit(ask_as_a_reader(pinned));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct tctl_maps *maps = open_maps(pinned);
    assert_int_equal(tctl_maps_check(maps, TCTL_PIN_INGRESS_PROG), 0);
    tctl_maps_close(maps);
}

#define SHARED(test) cmocka_unit_test_setup_teardown(test, pinned_setup, pinned_teardown)
#define PERCPU(test) cmocka_unit_test_setup_teardown(test, pinned_setup_percpu, pinned_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHARED(test_rows_of_users_are_those_of_the_map),
        SHARED(test_rows_of_tags_and_totals),
        SHARED(test_interfaces_are_there_or_were),
        PERCPU(test_percpu_rows_are_sums),
        SHARED(test_sockets_ascend_by_cookie),
        SHARED(test_sets_and_chains_are_raw),
        SHARED(test_names_are_cut_as_names_are),
        SHARED(test_empty_maps_have_no_rows),
        SHARED(test_pins_are_told_apart),
        SHARED(test_a_missing_map_is_missing_alone),
        PERCPU(test_percpu_rows_without_the_spill_are_no_rows),
        SHARED(test_counters_that_move_are_waited_for),
        SHARED(test_readers_get_what_is_theirs),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
