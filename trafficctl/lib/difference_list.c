/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "difference_list.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void difference_add(struct difference_list *list, const char *asked, const char *holds, const char *what, ...)
{
    if (list->count++ >= list->max)
        return;
    struct tctl_difference *difference = &list->differences[list->count - 1];
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(difference->what, sizeof(difference->what), what, arguments);
    va_end(arguments);
    snprintf(difference->asked, sizeof(difference->asked), "%s", asked);
    snprintf(difference->holds, sizeof(difference->holds), "%s", holds);
}

void difference_note(struct difference_uids *uids, uint32_t uid)
{
    if (uids->count++ == 0)
        uids->first = uid;
}

void difference_add_uids(struct difference_list *list, const char *asked, const char *holds, const char *where,
                         const struct difference_uids *uids)
{
    if (uids->count == 1)
        difference_add(list, asked, holds, "uid %" PRIu32 " in %s", uids->first, where);
    else if (uids->count > 1)
        difference_add(list, asked, holds, "uid %" PRIu32 " and %zu more in %s", uids->first, uids->count - 1, where);
}
