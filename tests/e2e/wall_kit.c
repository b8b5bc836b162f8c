/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "fd.h"
#include "inside.h"
#include "wall_kit.h"

struct program said;

int wall_setup(void **state)
{
    (void)state;
    return place_enter(the_world, PLACE_A);
}

int wall_teardown(void **state)
{
    (void)state;
    wall_save("trafficctl policy 1\nend\n");
    run_ctl(the_world, "firewall restore", 0, &said);
    return place_leave(the_world);
}

static FILE *saved(const char *mode)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/policy", the_world->folder);
    return fopen(path, mode);
}

void wall_save(const char *text)
{
    FILE *policy = saved("we");

    assert_non_null(policy);
    assert_true(fputs(text, policy) >= 0);
    assert_int_equal(fclose(policy), 0);
}

void wall_saved(char *text, size_t size)
{
    FILE *policy = saved("re");

    text[0] = '\0';
    if (!policy)
        return;
    text[fread(text, 1, size - 1, policy)] = '\0';
    fclose(policy);
}

void wall(const char *format, ...)
{
    char words[512];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    run_ctl(the_world, words, 0, &said);
    if (*said.out || *said.error)
        fail_msg("trafficctl %s: said %s%s", words, said.out, said.error);
}

void wall_refuses(int exit, const char *part, const char *another, const char *words)
{
    run_ctl(the_world, words, exit, &said);
    assert_string_equal(said.out, "");
    assert_refused(&said, exit, part, another);
}

json_t *wall_rules(void)
{
    return run_ctl_json(the_world, "firewall show", 0);
}

json_t *wall_chain(json_t *rules, int number)
{
    json_t *chain = json_array_get(json_object_get(rules, "chains"), (size_t)number - 1);

    assert_int_equal(json_integer_value(json_object_get(chain, "number")), number);
    return chain;
}

void wall_chain_is(int number, bool enabled, size_t count, json_int_t one, json_int_t another)
{
    json_t *rules = wall_rules(), *chain = wall_chain(rules, number), *uids = json_object_get(chain, "uids");

    assert_int_equal(json_is_true(json_object_get(chain, "enabled")), enabled);
    assert_int_equal(json_array_size(uids), count);
    if (count > 0)
        assert_int_equal(json_integer_value(json_array_get(uids, 0)), one);
    if (count > 1)
        assert_int_equal(json_integer_value(json_array_get(uids, 1)), another);
    json_decref(rules);
}

bool has_number(const json_t *array, json_int_t number)
{
    assert_true(json_is_array(array));
    for (size_t i = 0; i < json_array_size(array); i++)
        if (json_integer_value(json_array_get(array, i)) == number)
            return true;
    return false;
}

bool sends(const struct udp *udp)
{
    char byte;

    if (send(udp->a, "x", 1, 0) < 0) {
        assert_int_equal(errno, EPERM);
        return false;
    }
    wait_for(udp->b, POLLIN);
    assert_int_equal(recv(udp->b, &byte, 1, 0), 1);
    return true;
}

/* Datagrams for the owner of a socket, by whichever rule. */
static uint64_t dropped_on_the_way_in(int fd)
{
    _cleanup_fd_ int drops = world_map(the_world, TCTL_DIR "/drops");
    struct tctl_drop_key key = {.reason = 0};
    struct tctl_drop drop;
    struct stat status;
    uint64_t packets = 0;

    assert_return_code(fstat(fd, &status), errno);
    for (key.uid = status.st_uid; key.reason < TCTL_REASONS; key.reason++)
        packets += bpf_map_lookup_elem(drops, &key, &drop) == 0 ? drop.dropped.rx_packets : 0;
    return packets;
}

/* Until it has arrived or was counted as dropped; a neighbour that is still looked for aside. */
bool receives(const struct udp *udp)
{
    struct pollfd ready = {.fd = udp->a, .events = POLLIN};
    uint64_t before = dropped_on_the_way_in(udp->a), start = now_ms();
    char byte;

    assert_int_equal(send(udp->b, "x", 1, 0), 1);
    while (poll(&ready, 1, 1) == 0)
        if (dropped_on_the_way_in(udp->a) > before || now_ms() - start > PROMISE_MS)
            return false;
    assert_int_equal(recv(udp->a, &byte, 1, 0), 1);
    return true;
}
