/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What trafficd may be told. One table names each setting once; options, INI keys, --help and the printed effective
 * configuration are all read from it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fault.h"
#include "loader.h"

/* Rows of the table, at most. */
#define SETTINGS_MAX 32
/* Directories, files and groups, the NUL included: "key = value" fits into a line of the configuration. */
#define SETTINGS_STRING_LEN 168
/* Any value as text: eight ranges are the longest. */
#define SETTINGS_VALUE_LEN 192
/* The effective configuration fits into the pinned state, its NUL included. */
#define SETTINGS_TEXT_LEN 2560
/* The path of a Unix socket, the NUL included: what the kernel takes. */
#define SETTINGS_SOCKET_LEN 108
#define SETTINGS_MAX_UIDS 32
/* UIDs as text, the NUL included: "accounting_uids = " and they fit into a line of the configuration. */
#define SETTINGS_UIDS_LEN 173

struct settings_ranges {
    struct uid_range range[LOAD_MAX_UID_RANGES];
    size_t count;
};

struct settings_uids {
    uint32_t uid[SETTINGS_MAX_UIDS];
    size_t count;
};

struct settings {
    char bpffs[SETTINGS_STRING_LEN];
    char cgroup[SETTINGS_STRING_LEN]; /* empty: the mounted cgroup2 */
    char socket[SETTINGS_SOCKET_LEN];
    enum load_backend backend;
    enum load_netfilter netfilter;
    bool percpu;
    struct settings_ranges app_uids;
    struct uid_range sub_uids; /* asked of the system, not set by anybody */
    uint32_t per_user_range;
    struct settings_uids accounting_uids;
    char accounting_group[SETTINGS_STRING_LEN];
    char read_group[SETTINGS_STRING_LEN];
    bool fold_user_namespaces;
    uint32_t rows_per_uid;
    char policy[SETTINGS_STRING_LEN];
    enum load_bad_policy on_bad_policy;
    bool exempt_esp, exempt_loopback;
    bool destroy_sockets; /* read from the pinned state by whoever changes the policy */
    bool bpffs_search;
    uint32_t entries[LOAD_MAPS];
};

/* A key, the NUL included. */
#define SETTINGS_KEY_LEN 64

/* How a value is written and printed. */
struct setting_kind;

struct setting {
    const char *option;  /* long option; the key is the same with "_" for "-" */
    const char *initial; /* default as a user would write it; NULL: asked of the system */
    const char *help;
    const struct setting_kind *kind;
    size_t offset;
    bool reloads;      /* SIGHUP applies it */
    bool needs_unload; /* what is pinned with another value is refused */
};

/* The settings of section [trafficd], in the order of --help; *ret_count of them. Static. */
const struct setting *settings_table(size_t *ret_count);

/* Defaults; login_defs names the file that app_uids comes from (see login_defs.h). */
void settings_init(struct settings *settings, const char *login_defs);

/* Does section "trafficd" or "maps" exist under this name? */
bool settings_has_section(const char *section, size_t length);

/*
 * Set a key of a section. -EINVAL: no such key, or the value is not of its form; -ERANGE, -E2BIG, -ENAMETOOLONG: it
 * does not fit. On failure nothing is changed and fault says which values would do.
 */
int settings_set(struct settings *settings, const char *section, const char *key, const char *value,
                 struct fault *fault);
/* The same by row of the table. */
int settings_set_row(struct settings *settings, const struct setting *row, const char *value, struct fault *fault);

/* The effective configuration, itself a valid configuration file. -ENOSPC: longer than the pinned state can hold. */
int settings_print(const struct settings *settings, char text[static SETTINGS_TEXT_LEN], struct fault *fault);

/* The key of a row as the configuration spells it. */
void settings_key(const struct setting *row, char key[static SETTINGS_KEY_LEN]);

/* Is there a difference in this row? */
bool settings_differ(const struct setting *row, const struct settings *a, const struct settings *b);
/* Copy one row's value. */
void settings_copy_row(const struct setting *row, struct settings *to, const struct settings *from);

/* As the loader wants it. The result borrows from settings and from effective: both must outlive it. */
struct load_options settings_load_options(const struct settings *settings, const char *effective);
