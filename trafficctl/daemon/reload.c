/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "reload.h"

#include <string.h>

#include "log.h"
#include "warn.h"

/* Stopping keeps the pins, and a start refuses pins that it cannot make fit: a restart alone would leave nothing to
 * serve.
 */
#define RESTART "restart trafficd to apply it"
#define UNLOAD "stop trafficd, run 'trafficctl unload' (counters are lost) and start trafficd to apply it"

static void name_changed(const struct setting *row)
{
    char key[SETTINGS_KEY_LEN];

    settings_key(row, key);
    log_warning("%s was changed: %s", key, row->needs_unload ? UNLOAD : RESTART);
}

/* What of wanted can be applied now; the rest stays as it runs and is named. */
static struct settings applicable(const struct settings *running, const struct settings *wanted)
{
    struct settings next = *running;
    size_t count;
    const struct setting *table = settings_table(&count);

    for (size_t i = 0; i < count; i++) {
        if (table[i].reloads)
            settings_copy_row(&table[i], &next, wanted);
        else if (settings_differ(&table[i], running, wanted))
            name_changed(&table[i]);
    }
    for (int map = 0; map < LOAD_MAPS; map++)
        if (running->entries[map] != wanted->entries[map])
            log_warning("%s of [maps] was changed: %s", load_map_key(map),
                        wanted->entries[map] > running->entries[map] ? RESTART : UNLOAD);
    return next;
}

/* Read again and merge into what runs. */
static int read_again(const struct options *options, const struct options_files *files, const struct settings *running,
                      struct settings *ret_next, char *effective, struct fault *fault)
{
    struct settings wanted;
    int r = options_settings(options, files, &wanted, fault);

    if (r < 0)
        return r;
    *ret_next = applicable(running, &wanted);
    return settings_print(ret_next, effective, fault);
}

int reload(const struct options *options, const struct options_files *files, struct loaded *loaded,
           struct settings *settings)
{
    char effective[SETTINGS_TEXT_LEN];
    struct fault fault = {0};
    struct settings next;
    int r = read_again(options, files, settings, &next, effective, &fault);

    if (r == 0) {
        struct load_options load = settings_load_options(&next, effective);
        r = loader_apply(loaded, &load, warn, &fault);
    }
    if (r < 0) {
        log_error("%s; the settings in use are kept", *fault.text ? fault.text : strerror(-r));
        return r;
    }
    *settings = next;
    log_info("configuration read again");
    return 0;
}
