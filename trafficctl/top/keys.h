/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What a person at the screen asked for, and what each key does to it. */
#pragma once

#include "selection.h"

#define KEYS_TEXT 64

/* Keys that are no characters; characters are their own code points, Ctrl-U among them. */
enum key {
    KEYS_NONE = 0,
    KEYS_UP = -100,
    KEYS_DOWN,
    KEYS_PAGE_UP,
    KEYS_PAGE_DOWN,
    KEYS_FIRST,
    KEYS_LAST,
    KEYS_ENTER,
    KEYS_ERASE,
    KEYS_ESCAPE,
};

enum prompt {
    PROMPT_NONE,
    PROMPT_USER,
    PROMPT_IFACE,
    PROMPT_TAG,
};

/* Starts zeroed but for order and filter. */
struct keys {
    enum order_by order;
    char text[KEYS_TEXT];   /* users whose name or UID holds it; "": all */
    char before[KEYS_TEXT]; /* text, when its prompt was opened */
    struct reading_filter filter;
    char iface[TCTL_IFACE_LEN]; /* where filter.iface points to once it was typed */
    enum prompt prompt;
    char typed[KEYS_TEXT]; /* UTF-8 */
    const char *problem;   /* with what was typed; static, NULL: none */
    bool help, quit;
    bool filtered; /* the filter is another one: its taker sets this back */
    struct selection selection;
};

/* view and room are what the screen shows. */
void keys_take(struct keys *keys, const struct view *view, size_t room, int key);
