/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "keys.h"

#include <stdio.h>
#include <string.h>

#include "parse.h"

#define CTRL_H 0x08
#define CTRL_U 0x15
#define DEL 0x7F

/* UTF-8; 0: no character that can be typed. */
static size_t encode(int key, char bytes[static 4])
{
    if (key < ' ' || (key >= DEL && key < 0xA0) || key > 0x10FFFF)
        return 0;
    if (key < 0x80)
        return bytes[0] = (char)key, 1;
    size_t length = key < 0x800 ? 2 : key < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, key >>= 6)
        bytes[i] = (char)(0x80 | (key & 0x3F));
    bytes[0] = (char)((0xF00 >> length & 0xF0) | key);
    return length;
}

static void append(struct keys *keys, int key)
{
    size_t used = strlen(keys->typed);
    char bytes[4];
    size_t length = encode(key, bytes);

    if (used + length >= sizeof(keys->typed))
        return;
    memcpy(keys->typed + used, bytes, length);
    keys->typed[used + length] = '\0';
}

static void erase_last(struct keys *keys)
{
    size_t used = strlen(keys->typed);

    while (used && (keys->typed[used - 1] & 0xC0) == 0x80)
        used--;
    keys->typed[used ? used - 1 : 0] = '\0';
}

static void ask(struct keys *keys, enum prompt prompt)
{
    keys->prompt = prompt;
    *keys->typed = '\0';
    if (prompt == PROMPT_USER)
        snprintf(keys->typed, sizeof(keys->typed), "%s", keys->text);
    if (prompt == PROMPT_IFACE && keys->filter.iface)
        snprintf(keys->typed, sizeof(keys->typed), "%s", keys->filter.iface);
    if (prompt == PROMPT_TAG && keys->filter.has_tag)
        snprintf(keys->typed, sizeof(keys->typed), "0x%x", keys->filter.tag);
    memcpy(keys->before, keys->text, sizeof(keys->before));
}

static void take_iface(struct keys *keys)
{
    if (strlen(keys->typed) >= sizeof(keys->iface)) {
        keys->problem = "an interface's name has at most 15 bytes";
        return;
    }
    memcpy(keys->iface, keys->typed, sizeof(keys->iface));
    keys->filter.iface = *keys->iface ? keys->iface : NULL;
    keys->filtered = true;
}

static void take_tag(struct keys *keys)
{
    if (*keys->typed && parse_u32(keys->typed, &keys->filter.tag) < 0) {
        keys->problem = "a tag is a number, decimal or 0x and hexadecimal";
        return;
    }
    keys->filter.has_tag = *keys->typed;
    keys->filtered = true;
}

static void accept(struct keys *keys)
{
    if (keys->prompt == PROMPT_IFACE)
        take_iface(keys);
    if (keys->prompt == PROMPT_TAG)
        take_tag(keys);
    keys->prompt = PROMPT_NONE;
}

static void type(struct keys *keys, int key)
{
    if (key == KEYS_ENTER) {
        accept(keys);
        return;
    }
    if (key == KEYS_ESCAPE)
        keys->prompt = PROMPT_NONE;
    else if (key == KEYS_ERASE || key == CTRL_H || key == DEL)
        erase_last(keys);
    else if (key == CTRL_U)
        *keys->typed = '\0';
    else
        append(keys, key);
}

/* Users are sought while the text is typed; Escape gives up what was typed. */
static void take_typed(struct keys *keys, int key)
{
    bool user = keys->prompt == PROMPT_USER;

    type(keys, key);
    if (user)
        memcpy(keys->text, key == KEYS_ESCAPE ? keys->before : keys->typed, sizeof(keys->text));
}

static bool move(struct keys *keys, const struct view *view, size_t room, int key)
{
    const struct {
        int key;
        long by;
    } moves[] = {
        {KEYS_UP, -1},
        {KEYS_DOWN, 1},
        {KEYS_PAGE_UP, -(long)room},
        {KEYS_PAGE_DOWN, (long)room},
        {KEYS_FIRST, -(long)view->count},
        {KEYS_LAST, (long)view->count},
    };

    for (size_t i = 0; i < sizeof(moves) / sizeof(*moves); i++) {
        if (moves[i].key != key)
            continue;
        selection_move(&keys->selection, view, moves[i].by);
        return true;
    }
    return false;
}

static void take_letter(struct keys *keys, int key)
{
    for (enum order_by order = 0; order < ORDERS; order++)
        if (order_names[order].key == key)
            keys->order = order;
    if (key == 'q')
        keys->quit = true;
    if (key == '?' || key == 'h')
        keys->help = true;
    if (key == '/')
        ask(keys, PROMPT_USER);
    if (key == 'i')
        ask(keys, PROMPT_IFACE);
    if (key == 't')
        ask(keys, PROMPT_TAG);
    if (key == KEYS_ESCAPE)
        keys->selection = (struct selection){0};
}

void keys_take(struct keys *keys, const struct view *view, size_t room, int key)
{
    bool helped = keys->help;

    if (key == KEYS_NONE)
        return;
    keys->problem = NULL;
    keys->help = false;
    if (keys->prompt != PROMPT_NONE)
        take_typed(keys, key);
    else if ((!helped || key == 'q') && !move(keys, view, room, key))
        take_letter(keys, key);
}
