/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <string.h>

#include "cleanup.h"
#include "completion.h"
#include "general.h"
#include "options.h"

/* trafficd's options in the form of the other program's. */
static const struct command_option *daemon_options(void)
{
    static struct command_option options[OPTIONS_MAX + 1];
    static char names[OPTIONS_MAX][SETTINGS_KEY_LEN];
    struct options_row rows[OPTIONS_MAX];
    size_t count = options_list(rows);

    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof(names[i]), "--%s", rows[i].name);
        options[i] = (struct command_option){
            .name = names[i], .value = rows[i].value, .help = rows[i].help, .letter = rows[i].letter};
    }
    return options;
}

const struct completion *completion_find(const char *program)
{
    static struct completion known[] = {{"trafficctl", general_options, true}, {"trafficd"}};

    known[1].general = daemon_options();
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strcmp(known[i].program, program) == 0)
            return &known[i];
    return NULL;
}

bool completion_begins_group(const struct command *command, char group[static 32])
{
    snprintf(group, 32, "%.*s", (int)strcspn(command->name, " "), command->name);
    if (!commands_in_group(command, group))
        return false;
    for (const struct command *before = commands; before < command; before++)
        if (commands_in_group(before, group))
            return false;
    return true;
}
