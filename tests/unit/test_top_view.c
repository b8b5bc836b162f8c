/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which users top shows, in which order, who is chosen, and what keys do to that. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "keys.h"

/* In the order of their UIDs; names as far as they are known. */
static struct row all[] = {
    {.uid = 0, .user = "root", .total.rx_bytes = 10, .rate.rx_bytes = 1, .rate.tx_packets = 9},
    {.uid = 12, .user = "Bob", .total.tx_bytes = 90, .rate.tx_bytes = 5, .blocked = 8},
    {.uid = 123, .total.rx_bytes = 90, .rate.rx_bytes = 3, .rate.tx_bytes = 2},
    {.uid = 1000, .user = "alice", .total.rx_bytes = 95, .rate.rx_bytes = 1, .blocked = 3, .blocked_rate = 1},
    {.uid = 2123, .total.rx_bytes = 50},
};
#define ALL (sizeof(all) / sizeof(*all))

static const struct users *rows_of_all(void)
{
    static struct row *pointers[ALL];
    static const struct users rows = {.rows = pointers, .count = ALL};

    for (size_t i = 0; i < ALL; i++)
        pointers[i] = &all[i];
    return &rows;
}

static void shows(enum order_by order, const char *text, const char *uids)
{
    struct view view = {0};
    char line[64] = "";

    assert_int_equal(view_make(&view, rows_of_all(), order, text), 0);
    for (size_t i = 0; i < view.count; i++)
        snprintf(line + strlen(line), sizeof(line) - strlen(line), i ? " %u" : "%u", view.rows[i]->uid);
    assert_string_equal(line, uids);
    view_done(&view);
}

static void orders_break_ties_by_total_and_uid(void **state)
{
    (void)state;
    shows(ORDER_UID, "", "0 12 123 1000 2123");
    shows(ORDER_USER, "", "12 1000 0 123 2123");
    shows(ORDER_RATE, "", "12 123 1000 0 2123");
    shows(ORDER_RX, "", "123 1000 0 12 2123");
    shows(ORDER_TX, "", "12 123 1000 2123 0");
    shows(ORDER_PACKETS, "", "0 1000 12 123 2123");
    shows(ORDER_TOTAL, "", "1000 12 123 2123 0");
    shows(ORDER_BLOCKED, "", "1000 12 123 2123 0");
}

static void orders_have_names_and_keys(void **state)
{
    (void)state;
    enum order_by order = ORDERS;

    assert_false(order_find("", &order));
    assert_false(order_find("Rate", &order));
    assert_int_equal(order, ORDERS);
    for (enum order_by i = 0; i < ORDERS; i++) {
        assert_true(order_find(order_names[i].name, &order));
        assert_int_equal(order, i);
        assert_null(strchr("q?h/it", order_names[i].key));
    }
}

static void text_is_sought_in_names_and_uids(void **state)
{
    (void)state;
    shows(ORDER_UID, "12", "12 123 2123");
    shows(ORDER_UID, "bO", "12");
    shows(ORDER_UID, "0", "0 1000");
    shows(ORDER_UID, "nobody", "");
}

static void view_is(struct view *view, enum order_by order, const char *text)
{
    assert_int_equal(view_make(view, rows_of_all(), order, text), 0);
}

static void the_chosen_one_stays_chosen(void **state)
{
    (void)state;
    struct selection selection = {0};
    struct view view = {0};

    view_is(&view, ORDER_UID, "");
    selection_follow(&selection, &view, 2);
    assert_false(selection.any);
    selection_move(&selection, &view, 1);
    assert_int_equal(selection.uid, 0);
    selection_move(&selection, &view, 1);
    selection_follow(&selection, &view, 2);
    assert_int_equal(selection.uid, 12);
    assert_int_equal(selection.first, 0);
    view_is(&view, ORDER_TOTAL, ""); /* sorting moves the row */
    selection_move(&selection, &view, 2);
    selection_follow(&selection, &view, 2);
    assert_int_equal(selection.uid, 2123);
    view_is(&view, ORDER_UID, "");
    selection_follow(&selection, &view, 2);
    assert_int_equal(selection.uid, 2123);
    assert_int_equal(selection.place, 4);
    assert_int_equal(selection.first, 3);
    selection_follow(&selection, &view, 4); /* a higher screen shows no blank lines */
    assert_int_equal(selection.first, 1);
    selection_follow(&selection, &view, 0); /* and one with no room nothing */
    view_done(&view);
}

static void who_leaves_gives_way_to_who_is_there(void **state)
{
    (void)state;
    struct selection selection = {0};
    struct view view = {0};

    view_is(&view, ORDER_UID, "");
    selection_move(&selection, &view, 99);
    assert_int_equal(selection.uid, 2123);
    view_is(&view, ORDER_UID, "1000");
    selection_follow(&selection, &view, 3);
    assert_int_equal(selection.uid, 1000);
    view_is(&view, ORDER_UID, "nobody");
    selection_follow(&selection, &view, 3);
    assert_false(selection.any);
    selection_move(&selection, &view, 1);
    assert_false(selection.any);
    view_done(&view);
}

/* So many keys, with a view of all and room for two. */
static void press(struct keys *keys, const char *text)
{
    struct view view = {0};

    view_is(&view, keys->order, keys->text);
    for (; *text; text++)
        keys_take(keys, &view, 2, *text);
    view_done(&view);
}

static void press_key(struct keys *keys, int key)
{
    struct view view = {0};

    view_is(&view, keys->order, keys->text);
    keys_take(keys, &view, 2, key);
    view_done(&view);
}

static void letters_choose_the_order(void **state)
{
    (void)state;
    struct keys keys = {.order = ORDER_RATE};

    for (enum order_by order = 0; order < ORDERS; order++) {
        const char letter[] = {order_names[order].key, '\0'};
        press(&keys, letter);
        assert_int_equal(keys.order, order);
    }
    press(&keys, "Z!");
    assert_int_equal(keys.order, ORDERS - 1);
    assert_false(keys.quit);
    press(&keys, "q");
    assert_true(keys.quit);
}

static void arrows_move(void **state)
{
    (void)state;
    static const struct {
        int key;
        uint32_t uid;
    } STEPS[] = {
        {KEYS_UP, 0},        {KEYS_DOWN, 12}, {KEYS_PAGE_DOWN, 1000}, {KEYS_PAGE_DOWN, 2123},
        {KEYS_PAGE_UP, 123}, {KEYS_FIRST, 0}, {KEYS_LAST, 2123},      {KEYS_UP, 1000},
    };
    struct keys keys = {.order = ORDER_UID};

    for (size_t i = 0; i < sizeof(STEPS) / sizeof(*STEPS); i++) {
        press_key(&keys, STEPS[i].key);
        assert_true(keys.selection.any);
        assert_int_equal(keys.selection.uid, STEPS[i].uid);
    }
    press_key(&keys, KEYS_ESCAPE);
    assert_false(keys.selection.any);
}

static void users_are_sought_while_typing(void **state)
{
    (void)state;
    struct keys keys = {0};

    press(&keys, "/q1");
    assert_string_equal(keys.text, "q1");
    assert_false(keys.quit);
    press_key(&keys, KEYS_ERASE);
    press_key(&keys, 0xE9); /* two bytes of UTF-8 */
    assert_string_equal(keys.text, "q\xC3\xA9");
    press_key(&keys, 0x7F);
    assert_string_equal(keys.text, "q");
    press_key(&keys, KEYS_ENTER);
    assert_int_equal(keys.prompt, PROMPT_NONE);
    assert_string_equal(keys.text, "q");
    press(&keys, "/xyz");
    assert_string_equal(keys.text, "qxyz");
    press_key(&keys, KEYS_ESCAPE);
    assert_string_equal(keys.text, "q");
    press(&keys, "/\x15");
    assert_string_equal(keys.text, "");
    press_key(&keys, 0x20AC);
    press_key(&keys, 0x1F427);
    assert_string_equal(keys.text, "\xE2\x82\xAC\xF0\x9F\x90\xA7");
    assert_false(keys.filtered);
}

static void what_is_typed_ends_where_there_is_no_room(void **state)
{
    (void)state;
    struct keys keys = {0};

    press(&keys, "/");
    for (int i = 0; i < 100; i++)
        press_key(&keys, i < KEYS_TEXT - 2 ? 'a' : 0xE9);
    assert_int_equal(strlen(keys.text), KEYS_TEXT - 2);
    for (int i = 0; i < 100; i++)
        press_key(&keys, KEYS_ERASE);
    assert_string_equal(keys.text, "");
}

static void an_interface_holds_once_entered(void **state)
{
    (void)state;
    struct keys keys = {0};

    press(&keys, "ieth0");
    assert_null(keys.filter.iface);
    press_key(&keys, KEYS_ENTER);
    assert_string_equal(keys.filter.iface, "eth0");
    assert_true(keys.filtered);
    keys.filtered = false;
    press(&keys, "i");
    assert_string_equal(keys.typed, "eth0");
    press(&keys, "0123456789ab");
    press_key(&keys, KEYS_ENTER);
    assert_non_null(keys.problem);
    assert_false(keys.filtered);
    assert_string_equal(keys.filter.iface, "eth0");
    press(&keys, "i\x15");
    assert_null(keys.problem);
    press_key(&keys, KEYS_ENTER);
    assert_null(keys.filter.iface);
    assert_true(keys.filtered);
}

static void a_tag_is_a_number(void **state)
{
    (void)state;
    struct keys keys = {0};

    press(&keys, "t0xcafe");
    press_key(&keys, KEYS_ENTER);
    assert_true(keys.filter.has_tag && keys.filtered);
    assert_int_equal(keys.filter.tag, 0xcafe);
    keys.filtered = false;
    press(&keys, "tx");
    press_key(&keys, KEYS_ENTER);
    assert_non_null(keys.problem);
    assert_false(keys.filtered);
    assert_int_equal(keys.filter.tag, 0xcafe);
    press(&keys, "t\x15");
    press_key(&keys, KEYS_ENTER);
    assert_false(keys.filter.has_tag);
    assert_true(keys.filtered);
}

static void any_key_leaves_the_help(void **state)
{
    (void)state;
    struct keys keys = {.order = ORDER_RATE};

    press(&keys, "?");
    assert_true(keys.help);
    press(&keys, "u");
    assert_false(keys.help);
    assert_int_equal(keys.order, ORDER_RATE);
    press(&keys, "hq");
    assert_true(keys.quit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_break_ties_by_total_and_uid),
        cmocka_unit_test(orders_have_names_and_keys),
        cmocka_unit_test(text_is_sought_in_names_and_uids),
        cmocka_unit_test(the_chosen_one_stays_chosen),
        cmocka_unit_test(who_leaves_gives_way_to_who_is_there),
        cmocka_unit_test(letters_choose_the_order),
        cmocka_unit_test(arrows_move),
        cmocka_unit_test(users_are_sought_while_typing),
        cmocka_unit_test(what_is_typed_ends_where_there_is_no_room),
        cmocka_unit_test(an_interface_holds_once_entered),
        cmocka_unit_test(a_tag_is_a_number),
        cmocka_unit_test(any_key_leaves_the_help),
    };

    return unit_run(tests);
}
