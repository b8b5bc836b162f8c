/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Who waits, who goes when there is no room, whose turn it is. */
#include "unit.h"

#include <errno.h>

#include "turns.h"
#include "waiting.h"

#define SIZE 200

/* A table of SIZE in *state. */
static int table_new(void **state)
{
    static struct waiting waiting;

    *state = &waiting;
    return waiting_init(&waiting, SIZE);
}

static int table_done(void **state)
{
    free(((struct waiting *)*state)->slots);
    return 0;
}

/* Its descriptor's number is its name. */
static struct connection connection_of(int name, uid_t user, uint64_t deadline)
{
    return (struct connection){.fd = name, .descriptor = -1, .peer = {.user = user}, .deadline_ns = deadline};
}

/* Who had to go; -1: nobody. */
static int add(struct waiting *waiting, int name, uid_t user, uint64_t deadline, uint64_t *ret_key)
{
    const struct connection connection = connection_of(name, user, deadline);
    struct connection evicted = {.fd = -1};
    uint64_t key = 0;

    waiting_add(waiting, &connection, false, &key, &evicted);
    assert_true(key >= UINT64_C(1) << 32);
    if (ret_key)
        *ret_key = key;
    return evicted.fd;
}

static void a_connection_is_found_until_it_is_taken(void **state)
{
    struct waiting *waiting = *state;
    struct connection taken;
    uint64_t first, second;

    add(waiting, 10, 1, 100, &first);
    assert_int_equal(waiting_find(waiting, first)->fd, 10);
    assert_true(waiting_take(waiting, first, &taken));
    assert_int_equal(taken.fd, 10);
    assert_false(waiting_take(waiting, first, &taken));
    add(waiting, 11, 1, 100, &second);
    assert_int_equal((uint32_t)first, (uint32_t)second);
    assert_null(waiting_find(waiting, first));
    assert_int_equal(waiting_find(waiting, second)->fd, 11);
    assert_null(waiting_find(waiting, 0));
    assert_null(waiting_find(waiting, 2));
    assert_null(waiting_find(waiting, UINT64_MAX));
}

static void one_too_many_of_a_user_ends_that_users_oldest(void **state)
{
    struct waiting *waiting = *state;

    assert_int_equal(add(waiting, 1000, 7, 1, NULL), -1);
    for (int i = 0; i < WAITING_PER_USER; i++)
        assert_int_equal(add(waiting, i, 8, 100 + i, NULL), -1);
    for (int i = 0; i < 3 * WAITING_PER_USER; i++)
        assert_int_equal(add(waiting, WAITING_PER_USER + i, 8, 1000 + i, NULL), i);
    assert_int_equal(waiting->count, WAITING_PER_USER + 1);
    assert_int_equal(add(waiting, 1001, 7, 5000, NULL), -1);
}

static void one_too_many_of_all_ends_the_oldest_of_who_has_most(void **state)
{
    struct waiting *waiting = *state;
    uint64_t key;

    add(waiting, 0, 1, 1, NULL);
    add(waiting, 1, 2, 2, NULL);
    add(waiting, 2, 2, 3, &key);
    for (int i = 3; i < SIZE; i++)
        assert_int_equal(add(waiting, i, 10 + i % 7, 100 + i, NULL), -1);
    /* seven users have 28 or 29 each; whoever comes, those with one or two stay */
    for (int i = 0; i < 20; i++) {
        assert_true(add(waiting, SIZE + 2 * i, 3, 1000 + i, NULL) > 2);
        assert_true(add(waiting, SIZE + 2 * i + 1, 17, 1000 + i, NULL) > 2);
    }
    assert_int_equal(waiting_find(waiting, key)->fd, 2);
    assert_int_equal(waiting->count, SIZE);
}

static void who_has_most_ends_an_own_one(void **state)
{
    struct waiting *waiting = *state;
    struct connection taken;
    uint64_t key;

    for (int i = 0; i < SIZE; i++)
        add(waiting, i, i / 50, 100 + i, i == 10 ? &key : NULL);
    assert_int_equal(add(waiting, SIZE, 3, 1000, NULL), 150);
    assert_true(waiting_take(waiting, key, &taken));
    assert_int_equal(add(waiting, SIZE + 1, 0, 1000, NULL), -1);
    assert_true(waiting_has(waiting, 0));
    assert_int_equal(add(waiting, SIZE + 2, 9, 1000, NULL), 0);
    assert_int_equal(add(waiting, SIZE + 3, 9, 1000, NULL), 50);
}

static void one_too_many_of_all_ends_the_oldest(void **state)
{
    struct waiting *waiting = *state;

    for (int i = 0; i < SIZE; i++)
        assert_int_equal(add(waiting, i, i, 100 + i, NULL), -1);
    for (int i = 0; i < SIZE; i++)
        assert_int_equal(add(waiting, SIZE + i, i, 1000 + i, NULL), i);
    assert_int_equal(waiting->count, SIZE);
    assert_int_equal(waiting->used, SIZE);
}

/* One that was served in between keeps its place among those that came with it. */
static void who_came_first_is_the_oldest(void **state)
{
    struct waiting *waiting = *state;
    static const int ORDER[] = {3, 1, 4, 0, 2};
    struct connection late;
    bool queued;

    for (size_t i = 0; i < 5; i++)
        add(waiting, ORDER[i], 1, 100 + ORDER[i], NULL);
    assert_int_equal(waiting_deadline(waiting), 100);
    for (int i = 0; i < 5; i++) {
        assert_false(waiting_take_late(waiting, 99 + i, &late, &queued));
        assert_true(waiting_take_late(waiting, 100 + i, &late, &queued));
        assert_int_equal(late.fd, i);
        assert_false(queued);
    }
    assert_int_equal(waiting_deadline(waiting), 0);
    assert_false(waiting_take_late(waiting, UINT64_MAX, &late, &queued));
}

static uint64_t queue(struct waiting *waiting, int name, uid_t user, uint64_t deadline)
{
    const struct connection connection = connection_of(name, user, deadline);
    struct connection evicted;
    uint64_t key;

    assert_false(waiting_add(waiting, &connection, true, &key, &evicted));
    return key;
}

/* Whoever is served piece by piece stands at the end again after each. */
static void queued_ones_come_in_the_order_of_queueing(void **state)
{
    struct waiting *waiting = *state;
    uint64_t found, last;

    add(waiting, 1, 5, 100, NULL);
    queue(waiting, 2, 5, 400);
    queue(waiting, 3, 6, 300);
    queue(waiting, 4, 5, 200);
    last = queue(waiting, 5, 5, 300);
    assert_int_equal(waiting_unqueue(waiting, 5, &found)->fd, 2);
    assert_int_equal(waiting_find(waiting, found)->fd, 2);
    assert_int_equal(waiting_unqueue(waiting, 6, &found)->fd, 3);
    assert_int_equal(waiting_unqueue(waiting, 5, &found)->fd, 4);
    assert_int_equal(waiting_unqueue(waiting, 5, &found)->fd, 5);
    assert_true(found == last);
    assert_null(waiting_unqueue(waiting, 5, &found));
    assert_null(waiting_unqueue(waiting, 9, &found));
}

static void queued_ones_that_are_given_up_are_late_at_once(void **state)
{
    struct waiting *waiting = *state;
    struct connection late;
    uint64_t key;
    bool queued;

    add(waiting, 1, 5, 100, NULL);
    for (int name = 2; name < 8; name++)
        queue(waiting, name, 5 + name % 2, 100 + name);
    waiting_give_up(waiting, 5);
    waiting_give_up(waiting, 5);
    assert_null(waiting_unqueue(waiting, 5, &key));
    for (int name = 2; name < 8; name += 2) {
        assert_true(waiting_take_late(waiting, 50, &late, &queued));
        assert_int_equal(late.fd, name);
        assert_true(queued);
    }
    assert_false(waiting_take_late(waiting, 50, &late, &queued));
    assert_int_equal(waiting_deadline(waiting), 100);
    assert_int_equal(waiting_unqueue(waiting, 6, &key)->fd, 3);
}

/* Against a list that is kept by brute force. */
static void any_order_of_calls_keeps_the_order_of_ages(void **state)
{
    struct waiting *waiting = *state;
    uint64_t keys[SIZE] = {0}, deadlines[SIZE] = {0};
    struct connection taken;
    unsigned int seed = 1;

    for (int round = 0; round < 20000; round++) {
        int name = rand_r(&seed) % SIZE;
        if (keys[name]) {
            assert_true(waiting_take(waiting, keys[name], &taken));
            assert_int_equal(taken.fd, name);
            keys[name] = 0;
        } else {
            deadlines[name] = 1 + rand_r(&seed) % 1000;
            assert_int_equal(add(waiting, name, name, deadlines[name], &keys[name]), -1);
        }
        uint64_t first = 0;
        for (int i = 0; i < SIZE; i++)
            if (keys[i] && (first == 0 || deadlines[i] < first))
                first = deadlines[i];
        assert_int_equal(waiting_deadline(waiting), first);
    }
}

static void the_table_fits_the_limit_of_open_files(void **state)
{
    (void)state;
    assert_int_equal(waiting_size(0), 16);
    assert_int_equal(waiting_size(128), 16);
    assert_int_equal(waiting_size(256), 64);
    assert_int_equal(waiting_size(1024), 448);
    assert_int_equal(waiting_size(4096), 1024);
    assert_int_equal(waiting_size(UINT64_MAX), 1024);
}

static void a_user_has_two_turns_at_a_time(void **state)
{
    (void)state;
    struct turns turns = {0};

    for (uid_t user = 0; user < 100; user++) {
        assert_int_equal(turns_take(&turns, user, 10), TURNS_TAKEN);
        assert_int_equal(turns_take(&turns, user, 20), TURNS_TAKEN);
        assert_int_equal(turns_take(&turns, user, 30), TURNS_LATER);
    }
    for (uid_t user = 0; user < 100; user++) {
        turns_end(&turns, user, 40);
        assert_int_equal(turns_take(&turns, user, 50), TURNS_TAKEN);
        assert_int_equal(turns_take(&turns, user, 50), TURNS_LATER);
        turns_end(&turns, user, 60);
        turns_end(&turns, user, 60);
    }
    assert_int_equal(turns.count, 0);
}

static void a_forced_turn_counts_too(void **state)
{
    (void)state;
    struct turns turns = {0};

    for (int i = 0; i < 3; i++)
        turns_force(&turns, 5, 10);
    assert_int_equal(turns_take(&turns, 5, 20), TURNS_LATER);
    turns_end(&turns, 5, 20);
    assert_int_equal(turns_take(&turns, 5, 20), TURNS_LATER);
    turns_end(&turns, 5, 20);
    assert_int_equal(turns_take(&turns, 5, 20), TURNS_TAKEN);
}

static void a_promised_turn_is_nobody_elses_and_holds_nothing_up(void **state)
{
    (void)state;
    struct turns turns = {0};

    turns_take(&turns, 5, 0);
    assert_true(turns_promise(&turns, 5));
    assert_false(turns_promise(&turns, 5));
    assert_int_equal(turns_take(&turns, 5, 2 * TURNS_STUCK_NS), TURNS_LATER);
    assert_false(turns_are_held(&turns, 5, 2 * TURNS_STUCK_NS));
    turns_begin(&turns, 5, 2 * TURNS_STUCK_NS);
    assert_false(turns_are_held(&turns, 5, TURNS_HELD_NS + 2 * TURNS_STUCK_NS));
    assert_int_equal(turns_take(&turns, 5, 1 + 3 * TURNS_STUCK_NS), TURNS_STUCK);
    turns_end(&turns, 5, 4 * TURNS_STUCK_NS);
    turns_end(&turns, 5, 4 * TURNS_STUCK_NS);
    assert_int_equal(turns.count, 0);
    assert_true(turns_promise(&turns, 5));
}

static void turns_that_do_not_end_are_stuck(void **state)
{
    (void)state;
    struct turns turns = {0};
    size_t at = 0;
    uid_t user;

    turns_take(&turns, 4, 0);
    turns_take(&turns, 5, 0);
    turns_take(&turns, 5, 10);
    assert_int_equal(turns_take(&turns, 5, 10 + TURNS_STUCK_NS), TURNS_LATER);
    assert_false(turns_stuck(&turns, 10 + TURNS_STUCK_NS, &at, &user));
    turns_force(&turns, 5, 20);
    assert_int_equal(turns_take(&turns, 5, 11 + TURNS_STUCK_NS), TURNS_STUCK);
    at = 0;
    assert_true(turns_stuck(&turns, 11 + TURNS_STUCK_NS, &at, &user));
    assert_int_equal(user, 5);
    assert_false(turns_stuck(&turns, 11 + TURNS_STUCK_NS, &at, &user));
    assert_int_equal(turns_take(&turns, 6, 11 + TURNS_STUCK_NS), TURNS_TAKEN);
    turns_end(&turns, 5, 30 + TURNS_STUCK_NS);
    assert_int_equal(turns_take(&turns, 5, 40 + TURNS_STUCK_NS), TURNS_LATER);
}

static void a_user_whose_turns_are_held_is_known_soon(void **state)
{
    (void)state;
    struct turns turns = {0};

    turns_take(&turns, 5, 10);
    assert_false(turns_are_held(&turns, 5, 10 + 2 * TURNS_HELD_NS));
    turns_take(&turns, 5, 20);
    assert_false(turns_are_held(&turns, 5, 20 + TURNS_HELD_NS));
    assert_true(turns_are_held(&turns, 5, 21 + TURNS_HELD_NS));
    assert_false(turns_are_held(&turns, 6, 21 + TURNS_HELD_NS));
}

int main(void)
{
#define TABLE_TEST(test) cmocka_unit_test_setup_teardown(test, table_new, table_done)
    const struct CMUnitTest tests[] = {
        TABLE_TEST(a_connection_is_found_until_it_is_taken),
        TABLE_TEST(one_too_many_of_a_user_ends_that_users_oldest),
        TABLE_TEST(one_too_many_of_all_ends_the_oldest),
        TABLE_TEST(one_too_many_of_all_ends_the_oldest_of_who_has_most),
        TABLE_TEST(who_has_most_ends_an_own_one),
        TABLE_TEST(who_came_first_is_the_oldest),
        TABLE_TEST(queued_ones_come_in_the_order_of_queueing),
        TABLE_TEST(queued_ones_that_are_given_up_are_late_at_once),
        TABLE_TEST(any_order_of_calls_keeps_the_order_of_ages),
        cmocka_unit_test(the_table_fits_the_limit_of_open_files),
        cmocka_unit_test(a_user_has_two_turns_at_a_time),
        cmocka_unit_test(a_forced_turn_counts_too),
        cmocka_unit_test(a_promised_turn_is_nobody_elses_and_holds_nothing_up),
        cmocka_unit_test(turns_that_do_not_end_are_stuck),
        cmocka_unit_test(a_user_whose_turns_are_held_is_known_soon),
    };

    return unit_run(tests);
}
