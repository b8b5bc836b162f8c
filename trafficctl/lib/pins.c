/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "pins.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "fd.h"
#include "locks.h"

#define PINNED_MAP(path_, owner_, key_, value_, entries_)                                                              \
    {                                                                                                                  \
        .path = path_, .kind = PIN_MAP, .owner = owner_, .key_size = key_, .value_size = value_, .entries = entries_,  \
    }
#define PINNED_STATS(path_, key_, entries_)                                                                            \
    {                                                                                                                  \
        .path = path_, .kind = PIN_MAP, .owner = PIN_READERS, .counters = true, .key_size = key_,                      \
        .value_size = sizeof(struct tctl_stats_value), .entries = entries_,                                            \
    }
#define PINNED_PROG(path_)                                                                                             \
    {                                                                                                                  \
        .path = path_, .kind = PIN_PROG,                                                                               \
    }
#define PINNED_LINK(path_)                                                                                             \
    {                                                                                                                  \
        .path = path_, .kind = PIN_LINK,                                                                               \
    }

const struct pin pins[PINS] = {
    [PIN_COOKIE_TAG] =
        PINNED_MAP("traffic_cookie_tag_map", PIN_ACCOUNTING, 8, sizeof(struct tctl_tag), TCTL_COOKIE_TAG_ENTRIES),
    [PIN_UID_COUNTER_SET] = PINNED_MAP("traffic_uid_counterSet_map", PIN_ACCOUNTING, 4, 1, TCTL_UID_ENTRIES),
    [PIN_APP_UID_STATS] = PINNED_STATS("traffic_app_uid_stats_map", 4, TCTL_STATS_ENTRIES),
    [PIN_UID_STATS] = PINNED_STATS("traffic_uid_stats_map", sizeof(struct tctl_stats_key), TCTL_STATS_ENTRIES),
    [PIN_TAG_STATS] = PINNED_STATS("traffic_tag_stats_map", sizeof(struct tctl_stats_key), TCTL_STATS_ENTRIES),
    [PIN_IFACE_INDEX_NAME] =
        PINNED_MAP("traffic_iface_index_name_map", PIN_READERS, 4, TCTL_IFNAME_LEN, TCTL_IFACE_ENTRIES),
    [PIN_IFACE_STATS] = PINNED_STATS("traffic_iface_stats_map", 4, TCTL_IFACE_ENTRIES),
    [PIN_DOZABLE_UID] = PINNED_MAP("traffic_dozable_uid_map", PIN_ROOT, 4, 1, TCTL_UID_ENTRIES),
    [PIN_STANDBY_UID] = PINNED_MAP("traffic_standby_uid_map", PIN_ROOT, 4, 1, TCTL_UID_ENTRIES),
    [PIN_POWERSAVE_UID] = PINNED_MAP("traffic_powersave_uid_map", PIN_ROOT, 4, 1, TCTL_UID_ENTRIES),
    [PIN_INGRESS_PROG] = PINNED_PROG("ingress_prog"),
    [PIN_EGRESS_PROG] = PINNED_PROG("egress_prog"),
    [PIN_XT_INGRESS_PROG] = PINNED_PROG("xt_bpf_ingress_prog"),
    [PIN_XT_EGRESS_PROG] = PINNED_PROG("xt_bpf_egress_prog"),
    [PIN_SOCKET_STORAGE] = PINNED_MAP(TCTL_DIR "/socket_storage", PIN_ROOT, 4, sizeof(struct tctl_socket), 0),
    [PIN_INHERITED_STORAGE] = PINNED_MAP(TCTL_DIR "/inherited_storage", PIN_ROOT, 4, sizeof(struct tctl_inherited), 0),
    [PIN_GENERATION] = PINNED_MAP(TCTL_DIR "/generation", PIN_ROOT, 4, 8, 1),
    [PIN_CONFIG] = PINNED_MAP(TCTL_DIR "/config", PIN_ROOT, 4, sizeof(struct tctl_config), 1),
    [PIN_STATE] = PINNED_MAP(TCTL_DIR "/state", PIN_READERS, 4, sizeof(struct tctl_state), 1),
    [PIN_ROW_COUNT] = PINNED_MAP(TCTL_DIR "/row_count", PIN_ROOT, 4, sizeof(struct tctl_row_count), 0),
    [PIN_SPILL] =
        PINNED_MAP(TCTL_DIR "/spill", PIN_READERS, sizeof(struct tctl_spill_key), sizeof(struct tctl_stats_value), 0),
    [PIN_BUSY] = PINNED_MAP(TCTL_DIR "/busy", PIN_ROOT, 4, 8, 1),
    [PIN_HOT] = PINNED_MAP(TCTL_DIR "/hot", PIN_READERS, 4, sizeof(struct tctl_hot), 0),
    [PIN_HOT_MOVES] = PINNED_MAP(TCTL_DIR "/hot_moves", PIN_READERS, 4, sizeof(struct tctl_hot_moves), 1),
    [PIN_TAG_COUNT] =
        PINNED_MAP(TCTL_DIR "/tag_count", PIN_ROOT, sizeof(struct tctl_tag), sizeof(struct tctl_tag_count), 0),
    [PIN_TAGS_ENDED] = PINNED_MAP(TCTL_DIR "/tags_ended", PIN_ROOT, 4, 8, 0),
    [PIN_DELETIONS] = PINNED_MAP(TCTL_DIR "/deletions", PIN_ROOT, sizeof(struct tctl_tag), 8, TCTL_UID_ENTRIES),
    [PIN_LIVE] = PINNED_MAP(TCTL_DIR "/live", PIN_ROOT, 8, sizeof(struct tctl_live), 0),
    [PIN_PEER_STORAGE] = PINNED_MAP(TCTL_DIR "/peer_storage", PIN_ROOT, 4, 8, 0),
    [PIN_UID_RULES] = PINNED_MAP(TCTL_DIR "/uid_rules", PIN_ROOT, 4, sizeof(struct tctl_uid_rules), 0),
    [PIN_UID_IFACE] = PINNED_MAP(TCTL_DIR "/uid_iface", PIN_ROOT, 4, sizeof(struct tctl_uid_iface), 0),
    [PIN_METERED] = PINNED_MAP(TCTL_DIR "/metered", PIN_ROOT, 4, 1, TCTL_IFACE_ENTRIES),
    [PIN_DROPS] = PINNED_MAP(TCTL_DIR "/drops", PIN_READERS, sizeof(struct tctl_drop_key), sizeof(struct tctl_drop), 0),
    [PIN_EVENTS] = PINNED_MAP(TCTL_DIR "/events", PIN_ROOT, 0, 0, TCTL_EVENT_BYTES),
    [PIN_IFACE_PARTS] =
        PINNED_MAP(TCTL_DIR "/iface_parts", PIN_READERS, 4, sizeof(struct tctl_iface_parts), TCTL_IFACE_ENTRIES),
    [PIN_IFACE_BASE] =
        PINNED_MAP(TCTL_DIR "/iface_base", PIN_READERS, 4, sizeof(struct tctl_iface_base), TCTL_IFACE_ENTRIES),
    [PIN_INTERFACES] = PINNED_MAP(TCTL_DIR "/interfaces", PIN_READERS, 4, sizeof(struct tctl_interfaces), 1),
    [PIN_XT_CALLS] = PINNED_MAP(TCTL_DIR "/xt_calls", PIN_ROOT, 4, 4, TCTL_CALLS),
    [PIN_LINK_CALLS] = PINNED_MAP(TCTL_DIR "/link_calls", PIN_ROOT, 4, 4, TCTL_CALLS),
    [PIN_RELEASE_PROG] = PINNED_PROG(TCTL_DIR "/release_prog"),
    [PIN_CONNECT4_PROG] = PINNED_PROG(TCTL_DIR "/connect4_prog"),
    [PIN_CONNECT6_PROG] = PINNED_PROG(TCTL_DIR "/connect6_prog"),
    [PIN_LINK_INGRESS_PROG] = PINNED_PROG(TCTL_DIR "/link_ingress_prog"),
    [PIN_LINK_EGRESS_PROG] = PINNED_PROG(TCTL_DIR "/link_egress_prog"),
    [PIN_INGRESS_LINK] = PINNED_LINK(TCTL_DIR "/ingress_link"),
    [PIN_EGRESS_LINK] = PINNED_LINK(TCTL_DIR "/egress_link"),
    [PIN_RELEASE_LINK] = PINNED_LINK(TCTL_DIR "/release_link"),
    [PIN_CONNECT4_LINK] = PINNED_LINK(TCTL_DIR "/connect4_link"),
    [PIN_CONNECT6_LINK] = PINNED_LINK(TCTL_DIR "/connect6_link"),
    [PIN_PREROUTING4_LINK] = PINNED_LINK(TCTL_DIR "/prerouting4_link"),
    [PIN_PREROUTING6_LINK] = PINNED_LINK(TCTL_DIR "/prerouting6_link"),
    [PIN_POSTROUTING4_LINK] = PINNED_LINK(TCTL_DIR "/postrouting4_link"),
    [PIN_POSTROUTING6_LINK] = PINNED_LINK(TCTL_DIR "/postrouting6_link"),
    [PIN_STORED_SOCKETS] = PINNED_LINK(TCTL_DIR "/stored_sockets"),
    [PIN_OPEN_SOCKETS] = PINNED_LINK(TCTL_DIR "/open_sockets"),
    [PIN_PEERS] = PINNED_LINK(TCTL_DIR "/peers"),
};

const enum pin_id pins_stats[TCTL_STATS_MAPS] = {
    [TCTL_APP_UID_STATS] = PIN_APP_UID_STATS,
    [TCTL_UID_STATS] = PIN_UID_STATS,
    [TCTL_TAG_STATS] = PIN_TAG_STATS,
    [TCTL_IFACE_STATS] = PIN_IFACE_STATS,
};

int pins_path(const char *bpffs, enum pin_id id, char **ret_path)
{
    char *path;
    if (asprintf(&path, "%s/%s", bpffs, pins[id].path) < 0)
        return -ENOMEM;
    *ret_path = path;
    return 0;
}

static int open_pin(const char *bpffs, enum pin_id id, uint32_t flags, int *ret_fd)
{
    _cleanup_free_ char *path = NULL;
    int r = pins_path(bpffs, id, &path);
    if (r < 0)
        return r;

    LIBBPF_OPTS(bpf_obj_get_opts, options, .file_flags = flags);
    int fd = bpf_obj_get_opts(path, &options);
    if (fd < 0)
        return fd;
    *ret_fd = fd;
    return 0;
}

int pins_open(const char *bpffs, enum pin_id id, int *ret_fd)
{
    return open_pin(bpffs, id, 0, ret_fd);
}

/* What bpf(2) says of any of them begins with its type and its number. */
int pins_number(int fd, uint32_t *ret_number)
{
    struct {
        uint32_t type, number;
    } info = {0};
    uint32_t length = sizeof(info);
    int r = bpf_obj_get_info_by_fd(fd, &info, &length);
    if (r < 0)
        return r;
    *ret_number = info.number;
    return 0;
}

/* bpf(2) answers the same question about maps, programs and links in the same bytes; only the file's name tells. */
int pins_kind(int fd, enum pin_kind *ret_kind)
{
    static const struct {
        const char *name;
        enum pin_kind kind;
    } kinds[] = {
        {"anon_inode:bpf-map", PIN_MAP},
        {"anon_inode:bpf-prog", PIN_PROG},
        {"anon_inode:bpf_link", PIN_LINK},
        {"anon_inode:bpf-link", PIN_LINK}, /* newer kernels */
    };
    char path[32], name[64] = "";
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (readlink(path, name, sizeof(name) - 1) < 0)
        return -errno;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (strcmp(name, kinds[i].name) == 0) {
            *ret_kind = kinds[i].kind;
            return 0;
        }
    return -EBADF;
}

/* Readers copy keys and values into buffers of the table's sizes. */
static int check_sizes(int fd, enum pin_id id)
{
    struct bpf_map_info info = {0};
    uint32_t length = sizeof(info);
    int r = bpf_obj_get_info_by_fd(fd, &info, &length);
    if (r < 0)
        return r;
    return info.key_size == pins[id].key_size && info.value_size == pins[id].value_size ? 0 : -EPROTO;
}

int pins_open_map(const char *bpffs, enum pin_id id, bool writable, int *ret_fd)
{
    _cleanup_fd_ int fd = -1;
    int r = open_pin(bpffs, id, writable ? 0 : BPF_F_RDONLY, &fd);
    if (r < 0)
        return r;
    r = check_sizes(fd, id);
    if (r < 0)
        return r;
    *ret_fd = fd_take(&fd);
    return 0;
}

int pins_open_folder(const char *bpffs, int flags, int *ret_fd)
{
    _cleanup_free_ char *path = NULL;
    if (asprintf(&path, "%s/" TCTL_DIR, bpffs) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    int fd = open(path, flags | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

int pins_check_loaded(int folder_fd)
{
    struct stat folder;
    if (fstat(folder_fd, &folder) < 0)
        return -errno;
    return folder.st_nlink > 0 ? 0 : -ESTALE;
}

int pins_lock_holder(const char *bpffs, const char *folder, pid_t *ret_pid)
{
    _cleanup_free_ char *path = NULL;
    if (asprintf(&path, "%s/%s", bpffs, folder) < 0) {
        path = NULL;
        return -ENOMEM;
    }

    struct stat directory;
    if (stat(path, &directory) < 0) {
        if (errno != ENOENT)
            return -errno;
        *ret_pid = 0;
        return 0;
    }
    return locks_holder(&directory, ret_pid);
}
