/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The manual pages, and the configuration file that is installed, beside the tables of commands, options and settings:
 * neither tells of more than the other.
 */
#include "unit.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <trafficctl/firewall.h>

#include "general.h"
#include "help.h"
#include "options.h"
#include "page.h"

#define LINE 512

static char *lower(char *text)
{
    for (char *at = text; *at; at++)
        *at = (char)tolower(*at);
    return text;
}

/* Exactly one entry of the list reads so. */
static void has_entry(const char *section, const char *wanted)
{
    char plain[LINE];
    const char *entry;
    int found = 0;

    for (size_t n = 0; (entry = page_entry(section, n)); n++) {
        page_plain(entry, plain, sizeof(plain));
        found += strcmp(plain, wanted) == 0;
    }
    if (found != 1)
        fail_msg("%d entries of the page read '%s'", found, wanted);
}

static size_t entry_count(const char *section)
{
    size_t count = 0;

    while (page_entry(section, count))
        count++;
    return count;
}

/* What stands in the page for a command has its operands and options, and no command is one that there is not. */
static void commands_are_told_of(void **state)
{
    (void)state;
    char *page = page_read("trafficctl.8"), *section = page_section(page, ".Sh COMMANDS");

    for (size_t i = 0; i < COMMANDS; i++) {
        char *usage = lower(help_usage(&commands[i]));
        has_entry(section, usage);
        free(usage);
    }
    assert_int_equal(entry_count(section), COMMANDS);
    free(section);
    free(page);
}

static bool has_option(const struct command_option *options, const char *name)
{
    for (; options && options->name; options++)
        if (strcmp(options->name, name) == 0)
            return true;
    return false;
}

/* "stats uid" of "stats uid [uid]" */
static const struct command *command_of(const char *plain)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        size_t length = strlen(commands[i].name);
        if (strncmp(plain, commands[i].name, length) == 0 && (!plain[length] || plain[length] == ' '))
            return &commands[i];
    }
    fail_msg("there is no command '%s'", plain);
    return NULL;
}

static void texts_of_commands_name_their_options(void **state)
{
    (void)state;
    char *page = page_read("trafficctl.8"), *section = page_section(page, ".Sh COMMANDS"), plain[LINE], name[64];
    const char *entry;

    for (size_t n = 0; (entry = page_entry(section, n)); n++) {
        page_plain(entry, plain, sizeof(plain));
        const struct command *command = command_of(plain);
        for (size_t i = 0; page_body_option(entry, i, name, sizeof(name)); i++)
            if (!has_option(command->options, name) && !has_option(general_options, name))
                fail_msg("the text of %s names %s", command->name, name);
    }
    free(section);
    free(page);
}

/* "-j, --json", "--bpffs dir" */
static char *option_line(char *line, char letter, const char *dashes, const char *name, const struct value *value)
{
    char text[VALUE_TEXT_LEN], first[8] = "";

    if (letter)
        snprintf(first, sizeof(first), "-%c, ", tolower(letter));
    snprintf(line, LINE, "%s%s%s%s%s", first, dashes, name, value_exists(value) ? " " : "", value_text(value, text));
    return lower(line);
}

static void general_options_are_told_of(void **state)
{
    (void)state;
    char *page = page_read("trafficctl.8"), *section = page_section(page, ".Sh OPTIONS"), line[LINE];
    size_t count = 0;

    for (; general_options[count].name; count++)
        has_entry(section, option_line(line, general_options[count].letter, "", general_options[count].name,
                                       &general_options[count].value));
    assert_int_equal(entry_count(section), count);
    free(section);
    free(page);
}

static void chains_are_told_of(void **state)
{
    (void)state;
    char *page = page_read("trafficctl.8"), *section = page_section(page, ".Sh FIREWALL"), line[LINE];

    for (unsigned int chain = 1; chain <= TCTL_FIREWALL_CHAINS; chain++) {
        snprintf(line, sizeof(line), "\n.It %s Ta %u Ta %s list Ta ", tctl_chain_name(chain), chain,
                 tctl_chain_is_allow_list(chain) ? "allow" : "deny");
        assert_non_null(strstr(section, line));
    }
    assert_int_equal(entry_count(section), 1 + TCTL_FIREWALL_CHAINS);
    free(section);
    free(page);
}

static void options_of_trafficd_are_told_of(void **state)
{
    (void)state;
    char *page = page_read("trafficd.8"), *section = page_section(page, ".Sh OPTIONS"), line[LINE];
    struct options_row rows[OPTIONS_MAX];
    size_t count = options_list(rows);

    for (size_t i = 0; i < count; i++)
        has_entry(section, option_line(line, rows[i].letter, "--", rows[i].name, &rows[i].value));
    assert_int_equal(entry_count(section), count);
    free(section);
    free(page);
}

static bool is_key(const char *key)
{
    char known[SETTINGS_KEY_LEN];
    size_t count;
    const struct setting *table = settings_table(&count);

    for (size_t i = 0; i < count; i++) {
        settings_key(&table[i], known);
        if (strcmp(key, known) == 0)
            return true;
    }
    return false;
}

/* Words of the lines that begin with .Ar are keys; found becomes " key  key " */
static void take_keys(char *section, char *found, size_t size)
{
    for (char *line; (line = strsep(&section, "\n"));) {
        if (strncmp(line, ".Ar ", 4))
            continue;
        line += 4;
        for (char *word; (word = strsep(&line, " "));) {
            if (strcmp(word, "Ns") == 0)
                break;
            if (!strcmp(word, ",") || !strcmp(word, "."))
                continue;
            if (!is_key(word))
                fail_msg("there is no key %s", word);
            snprintf(found + strlen(found), size - strlen(found), " %s ", word);
        }
    }
}

static void keys_are_told_of(void **state)
{
    (void)state;
    char *page = page_read("trafficctl.conf.5"), *section = page_section(page, ".Ss Section [trafficd]");
    char found[2048] = "", key[SETTINGS_KEY_LEN], word[SETTINGS_KEY_LEN + 2];
    size_t count;
    const struct setting *table = settings_table(&count);

    take_keys(section, found, sizeof(found));
    for (size_t i = 0; i < count; i++) {
        settings_key(&table[i], key);
        snprintf(word, sizeof(word), " %s ", key);
        if (!strstr(found, word))
            fail_msg("the page does not tell of %s", key);
    }
    free(section);
    free(page);
}

static void sizes_of_maps_are_told_of(void **state)
{
    (void)state;
    char *page = page_read("trafficctl.conf.5"), *section = page_section(page, ".Ss Section [maps]"), line[LINE];

    for (int map = 0; map < LOAD_MAPS; map++) {
        snprintf(line, sizeof(line), "\n.It %s Ta %u Ta ", load_map_key(map), load_map_default_entries(map));
        if (!strstr(section, line))
            fail_msg("the page has no line '%s'", line + 1);
    }
    assert_int_equal(entry_count(section), 1 + LOAD_MAPS);
    free(section);
    free(page);
}

/* Lines of the file that are a default as a comment: "#key = value". */
static size_t default_count(const char *file)
{
    size_t count = 0;

    for (; (file = strstr(file, "\n#")); file++)
        count += file[2] != ' ';
    return count;
}

static void has_default(const char *file, const char *key, const char *value)
{
    char line[LINE];

    snprintf(line, sizeof(line), "\n#%s =%s%s\n", key, *value ? " " : "", value);
    if (!strstr(file, line))
        fail_msg("the file has no line '%.*s'", (int)strlen(line) - 2, line + 1);
}

/* The default of app_uids is the machine's. */
static void defaults_are_in_the_file(void **state)
{
    (void)state;
    char *file = page_read("../trafficctl.conf"), key[SETTINGS_KEY_LEN], value[16];
    size_t count;
    const struct setting *table = settings_table(&count);

    for (size_t i = 0; i < count; i++) {
        settings_key(&table[i], key);
        has_default(file, key, table[i].initial ?: "1000-60000,100000-600100000");
    }
    for (int map = 0; map < LOAD_MAPS; map++) {
        snprintf(value, sizeof(value), "%u", load_map_default_entries(map));
        has_default(file, load_map_key(map), value);
    }
    assert_int_equal(default_count(file), count + LOAD_MAPS);
    free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_told_of),
        cmocka_unit_test(texts_of_commands_name_their_options),
        cmocka_unit_test(general_options_are_told_of),
        cmocka_unit_test(chains_are_told_of),
        cmocka_unit_test(options_of_trafficd_are_told_of),
        cmocka_unit_test(keys_are_told_of),
        cmocka_unit_test(sizes_of_maps_are_told_of),
        cmocka_unit_test(defaults_are_in_the_file),
    };

    return unit_run(tests);
}
