/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "settings.h"

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "kind.h"
#include "login_defs.h"

#define SECTION_TRAFFICD "trafficd"
#define SECTION_MAPS "maps"

#define FIELD(member) .offset = offsetof(struct settings, member)

static const struct setting TABLE[] = {
    {"bpffs", "/sys/fs/bpf", "where the pins go; a bpffs is mounted there if there is none", &kind_directory,
     FIELD(bpffs)},
    {"cgroup", "", "whose sockets are counted; empty: the mounted cgroup2", &kind_mount, FIELD(cgroup)},
    {"socket", "/run/trafficctl/fwmarkd", "where tags are asked for, by netd's fwmarkd protocol", &kind_socket,
     FIELD(socket)},
    {"backend", "auto", "what counts and judges: BPF, or nf_tables; auto: nf_tables only where BPF cannot be had",
     &kind_backend, FIELD(backend), .needs_unload = true},
    {"netfilter", "auto",
     "where interfaces are counted: BPF links, a table of nf_tables, iptables-legacy, nowhere; auto: the first that "
     "works",
     &kind_netfilter, FIELD(netfilter)},
    {"counters", "shared", "plain maps, or one set of counters for each CPU", &kind_counters, FIELD(percpu),
     .needs_unload = true},
    {"app-uids", NULL, "the UIDs that the firewall may judge (default from /etc/login.defs)", &kind_ranges,
     FIELD(app_uids), .reloads = true},
    {"per-user-range", "0", "not 0: app-uids are tested against UID modulo N", &kind_number, FIELD(per_user_range),
     .reloads = true},
    {"accounting-uids", "", "may charge other users, as root may: UIDs or names, joined by commas", &kind_uids,
     FIELD(accounting_uids), .reloads = true},
    {"accounting-group", "net_bw_acct", "may charge other users, and read the tags", &kind_group,
     FIELD(accounting_group), .reloads = true},
    {"read-group", "net_bw_stats", "may read the counters", &kind_group, FIELD(read_group), .reloads = true},
    {"fold-user-namespaces", "yes", "charge UIDs of a user namespace to the user who owns it", &kind_bool,
     FIELD(fold_user_namespaces)},
    {"rows-per-uid", "0", "rows one UID may make in each stats map; 0: an eighth of the map", &kind_number,
     FIELD(rows_per_uid)},
    {"policy", "/var/lib/trafficctl/policy", "what the firewall is asked for, restored after a reboot", &kind_file,
     FIELD(policy)},
    {"on-bad-policy", "keep",
     "where that cannot be read: what holds, else the last good one; nobody passes; everybody does", &kind_bad_policy,
     FIELD(on_bad_policy)},
    {"exempt-esp", "no", "IPsec's packets pass the firewall, whoever sends them", &kind_bool, FIELD(exempt_esp)},
    {"exempt-loopback", "yes", "what stays on this machine passes the firewall", &kind_bool, FIELD(exempt_loopback)},
    {"destroy-sockets", "no", "abort the open sockets of users whom a change of the policy denies", &kind_bool,
     FIELD(destroy_sockets)},
    {"bpffs-search", "yes", "open the bpffs root for searching (0711), so that groups reach their pins", &kind_bool,
     FIELD(bpffs_search)},
};

_Static_assert(ARRAY_SIZE(TABLE) <= SETTINGS_MAX, "raise SETTINGS_MAX");

const struct setting *settings_table(size_t *ret_count)
{
    *ret_count = ARRAY_SIZE(TABLE);
    return TABLE;
}

static void *field_of(const struct setting *row, struct settings *settings)
{
    return (char *)settings + row->offset;
}

static const void *field_in(const struct setting *row, const struct settings *settings)
{
    return (const char *)settings + row->offset;
}

void settings_init(struct settings *settings, const char *login_defs)
{
    *settings = (struct settings){0};
    for (size_t i = 0; i < ARRAY_SIZE(TABLE); i++)
        if (TABLE[i].initial)
            TABLE[i].kind->parse(TABLE[i].initial, field_of(&TABLE[i], settings));
    settings->app_uids.count = 2;
    login_defs_uids(login_defs, &settings->app_uids.range[0], &settings->sub_uids);
    settings->app_uids.range[1] = settings->sub_uids;
    for (int map = 0; map < LOAD_MAPS; map++)
        settings->entries[map] = load_map_default_entries(map);
}

bool settings_has_section(const char *section, size_t length)
{
    return (length == strlen(SECTION_TRAFFICD) && !memcmp(section, SECTION_TRAFFICD, length)) ||
           (length == strlen(SECTION_MAPS) && !memcmp(section, SECTION_MAPS, length));
}

/* An option's name with "_" for "-". */
static bool is_key(const char *key, const char *option)
{
    for (; *key && *option; key++, option++)
        if (*key != (*option == '-' ? '_' : *option))
            return false;
    return *key == *option;
}

void settings_key(const struct setting *row, char key[static SETTINGS_KEY_LEN])
{
    snprintf(key, SETTINGS_KEY_LEN, "%s", row->option);
    for (; (key = strchr(key, '-')); key++)
        *key = '_';
}

static int set_field(const struct setting_kind *kind, void *field, const char *name, const char *value,
                     struct fault *fault)
{
    int r = kind->parse(value, field);

    if (r < 0)
        return fault_set(fault, r, "%s cannot be '%.200s': write %s", name, value, kind->wanted);
    return 0;
}

int settings_set_row(struct settings *settings, const struct setting *row, const char *value, struct fault *fault)
{
    return set_field(row->kind, field_of(row, settings), row->option, value, fault);
}

static int set_entries(struct settings *settings, const char *key, const char *value, struct fault *fault)
{
    for (int map = 0; map < LOAD_MAPS; map++)
        if (!strcmp(key, load_map_key(map)))
            return set_field(&kind_entries, &settings->entries[map], key, value, fault);
    return fault_set(fault, -EINVAL, "section [maps] has no key '%.100s': 'trafficd --check-config' lists all keys",
                     key);
}

int settings_set(struct settings *settings, const char *section, const char *key, const char *value,
                 struct fault *fault)
{
    if (!strcmp(section, SECTION_MAPS))
        return set_entries(settings, key, value, fault);
    if (strcmp(section, SECTION_TRAFFICD))
        return fault_set(fault, -EINVAL, "the key '%.100s' is in no section: put it below [trafficd] or [maps]", key);
    for (size_t i = 0; i < ARRAY_SIZE(TABLE); i++)
        if (is_key(key, TABLE[i].option))
            return set_field(TABLE[i].kind, field_of(&TABLE[i], settings), key, value, fault);
    return fault_set(fault, -EINVAL, "section [trafficd] has no key '%.100s': 'trafficd --check-config' lists all keys",
                     key);
}

static int print_rows(const struct settings *settings, FILE *out)
{
    char key[SETTINGS_KEY_LEN], value[SETTINGS_VALUE_LEN];

    fputs("[" SECTION_TRAFFICD "]\n", out);
    for (size_t i = 0; i < ARRAY_SIZE(TABLE); i++) {
        settings_key(&TABLE[i], key);
        TABLE[i].kind->print(field_in(&TABLE[i], settings), value, sizeof(value));
        fprintf(out, "%s =%s%s\n", key, *value ? " " : "", value);
    }
    fputs("[" SECTION_MAPS "]\n", out);
    for (int map = 0; map < LOAD_MAPS; map++)
        fprintf(out, "%s = %u\n", load_map_key(map), settings->entries[map]);
    return ferror(out) ? -ENOMEM : 0;
}

int settings_print(const struct settings *settings, char text[static SETTINGS_TEXT_LEN], struct fault *fault)
{
    _cleanup_free_ char *all = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&all, &length);

    if (!out)
        return -errno;
    int r = print_rows(settings, out);
    if (fclose(out) && r == 0)
        r = -ENOMEM;
    if (r < 0)
        return fault_set(fault, r, "out of memory");
    if (length >= SETTINGS_TEXT_LEN)
        return fault_set(fault, -ENOSPC,
                         "the effective configuration has %zu bytes and at most %d are kept: use "
                         "shorter directories and fewer ranges",
                         length, SETTINGS_TEXT_LEN - 1);
    memcpy(text, all, length + 1);
    return 0;
}

bool settings_differ(const struct setting *row, const struct settings *a, const struct settings *b)
{
    char value[2][SETTINGS_VALUE_LEN];

    row->kind->print(field_in(row, a), value[0], sizeof(value[0]));
    row->kind->print(field_in(row, b), value[1], sizeof(value[1]));
    return strcmp(value[0], value[1]) != 0;
}

void settings_copy_row(const struct setting *row, struct settings *to, const struct settings *from)
{
    memcpy(field_of(row, to), field_in(row, from), row->kind->size);
}

struct load_options settings_load_options(const struct settings *settings, const char *effective)
{
    struct load_options options = {
        .backend = settings->backend,
        .bpffs = settings->bpffs,
        .cgroup = *settings->cgroup ? settings->cgroup : NULL,
        .percpu = settings->percpu,
        .app_uid_count = settings->app_uids.count,
        .sub_uids = settings->sub_uids,
        .per_user_range = settings->per_user_range,
        .fold_user_namespaces = settings->fold_user_namespaces,
        .rows_per_uid = settings->rows_per_uid,
        .policy = settings->policy,
        .on_bad_policy = settings->on_bad_policy,
        .exempt_esp = settings->exempt_esp,
        .exempt_loopback = settings->exempt_loopback,
        .netfilter = settings->netfilter,
        .accounting_group = settings->accounting_group,
        .read_group = settings->read_group,
        .bpffs_search = settings->bpffs_search,
        .effective = effective,
    };

    memcpy(options.entries, settings->entries, sizeof(options.entries));
    memcpy(options.app_uids, settings->app_uids.range, sizeof(options.app_uids));
    return options;
}
