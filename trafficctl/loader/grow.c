/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "grow.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <interfaces_page.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <traffic.skel.h>

#include "bpffs.h"
#include "cleanup.h"
#include "fd.h"
#include "grow_rows.h"
#include "lock.h"
#include "maps.h"
#include "mover.h"

#define GROWN_DIR TCTL_DIR "/grown"

/* More than there are programs. */
#define RUNNING_MAX 32

/* Programs delete rows of the cookie map, and mark those of live; the rest is user space's. row_count is recounted. */
static bool is_copied(enum pin_id id)
{
    static const enum pin_id COPIED[] = {
        PIN_COOKIE_TAG,    PIN_UID_COUNTER_SET, PIN_IFACE_INDEX_NAME, PIN_DOZABLE_UID, PIN_STANDBY_UID,
        PIN_POWERSAVE_UID, PIN_ROW_COUNT,       PIN_TAG_COUNT,        PIN_DELETIONS,   PIN_LIVE,
        PIN_UID_RULES,     PIN_UID_IFACE,       PIN_METERED,          PIN_IFACE_BASE,
    };
    for (size_t i = 0; i < ARRAY_SIZE(COPIED); i++)
        if (COPIED[i] == id)
            return true;
    return false;
}

static bool is_counted(enum pin_id id)
{
    return mover_plan(id)->words != 0;
}

bool grow_can(enum pin_id id)
{
    return is_copied(id) || is_counted(id);
}

static char *grown_path(const char *bpffs, enum pin_id id)
{
    const char *name = strrchr(pins[id].path, '/');
    char *path;
    return asprintf(&path, "%s/" GROWN_DIR "/%s", bpffs, name ? name + 1 : pins[id].path) < 0 ? NULL : path;
}

void grow_clear(const char *bpffs)
{
    for (int id = 0; id < PINS; id++) {
        _cleanup_free_ char *path = pins[id].kind == PIN_MAP ? grown_path(bpffs, id) : NULL;
        if (path)
            unlink(path);
    }
    _cleanup_free_ char *folder = job_path(bpffs, GROWN_DIR);
    if (folder)
        rmdir(folder);
}

/* Plain stores: nobody else writes the word. Only under the lock that writers of maps have too. */
static int set_moves(const struct job *job, bool odd)
{
    struct tctl_interfaces *page;
    int r = interfaces_map(job->options->bpffs, &page);
    if (r < 0)
        return fault_set(job->fault, r, "cannot tell readers that maps move: %s", strerror(-r));
    uint64_t moves = __atomic_load_n(&page->moves, __ATOMIC_RELAXED);
    if ((moves & 1) != odd)
        __atomic_store_n(&page->moves, moves + 1, __ATOMIC_SEQ_CST);
    interfaces_unmap(page);
    return 0;
}

static int refuse_leftover(const struct job *job, enum pin_id id, const struct bpf_map_info *info)
{
    return fault_set(job->fault, -EEXIST,
                     "%s: an earlier start has begun to move its rows to a map of %u entries, wanted are %u: no "
                     "downgrade; give that size, or run \"trafficctl unload\" first (counters are lost)",
                     pins[id].path, info->max_entries, bpf_map__max_entries(maps_of(job, id)));
}

/* What a start that was killed has left: programs may count in it already. */
static int take_leftover(struct job *job, enum pin_id id)
{
    struct bpf_map_info info = {0};
    uint32_t length = sizeof(info);
    _cleanup_free_ char *path = grown_path(job->options->bpffs, id);
    if (!path)
        return -ENOMEM;
    if (access(path, F_OK) < 0)
        return errno == ENOENT ? 0 : fault_set(job->fault, -errno, "%s: %s", path, strerror(errno));
    _cleanup_fd_ int fd = bpf_obj_get(path);
    int r = fd < 0 ? fd : bpf_obj_get_info_by_fd(fd, &info, &length);
    if (r < 0)
        return fault_set(job->fault, r, "%s: %s", path, strerror(-r));
    const struct bpf_map *map = maps_of(job, id);
    if (info.type != bpf_map__type(map) || info.key_size != pins[id].key_size ||
        info.value_size != pins[id].value_size || info.map_flags != bpf_map__map_flags(map))
        return fault_set(job->fault, -EEXIST, "%s is another map than this program's: run \"trafficctl unload\" first",
                         path);
    if (info.max_entries > bpf_map__max_entries(map))
        return refuse_leftover(job, id, &info);
    job->grow.again |= info.max_entries < bpf_map__max_entries(map);
    job->grow.wanted |= UINT64_C(1) << id;
    job->grow.leftover[id] = fd_take(&fd);
    return 0;
}

static int refuse_running(struct job *job)
{
    _cleanup_fd_ int fd = -1;
    return job->running_fd >= 0 ? 0
                                : lock_running(job->options->bpffs, "it has the smaller maps open; stop it first",
                                               &job->undo, &fd, job->fault);
}

int grow_examine(struct job *job)
{
    int r = 0;
    for (int id = 0; id < PINS && r == 0; id++)
        if (is_counted(id) && maps_wanted(job, id))
            r = take_leftover(job, id);
    if (r < 0 || !job->grow.wanted)
        return r;
    if (!job->privileged)
        return fault_set(job->fault, -EPERM, "larger maps are asked for than are pinned: that takes root");
    return refuse_running(job);
}

static int pin_at(const struct job *job, enum pin_id id, const char *path)
{
    int r = bpf_obj_pin(bpf_map__fd(maps_of(job, id)), path);
    if (r < 0)
        return fault_set(job->fault, r, "cannot pin %s: %s", path, strerror(-r));
    return chmod(path, 0600) < 0 ? -errno : 0;
}

/* The old map comes back when this start fails. */
static int plan_return(struct job *job, enum pin_id id, const char *aside, const char *path)
{
    struct undo_step *step;
    int r = undo_plan(&job->undo, UNDO_REPIN, path, job->found[id], -1, &step);
    if (r < 0)
        return r;
    step->aside = strdup(aside);
    if (!step->aside)
        return -ENOMEM;
    return stat(path, &step->old) < 0 ? -errno : 0;
}

static int copy_and_replace(struct job *job, enum pin_id id)
{
    _cleanup_free_ char *aside = grown_path(job->options->bpffs, id);
    _cleanup_free_ char *path = job_path(job->options->bpffs, pins[id].path);
    if (!aside || !path)
        return -ENOMEM;
    int r = grow_copy_rows(job->found[id], bpf_map__fd(maps_of(job, id)));
    if (r < 0)
        return fault_set(job->fault, r, "cannot copy %s to a larger map: %s", path, strerror(-r));
    unlink(aside); /* of a start that was killed; not in use before it is renamed */
    r = pin_at(job, id, aside);
    if (r == 0)
        r = plan_return(job, id, aside, path);
    if (r < 0)
        return r;
    if (rename(aside, path) < 0)
        return fault_set(job->fault, -errno, "cannot put the larger map at %s: %s", path, strerror(errno));
    undo_arm(&job->undo);
    return 0;
}

static int pin_counted(struct job *job, enum pin_id id)
{
    _cleanup_free_ char *path = grown_path(job->options->bpffs, id);
    return path ? pin_at(job, id, path) : -ENOMEM;
}

static bool grows(const struct job *job, enum pin_id id)
{
    return job->grow.wanted & UINT64_C(1) << id;
}

static int prepare(struct job *job)
{
    int r = 0;
    for (int id = 0; id < PINS && r == 0; id++) {
        if (!grows(job, id) || job->grow.leftover[id] >= 0)
            continue;
        r = is_copied(id) ? copy_and_replace(job, id) : pin_counted(job, id);
    }
    return r;
}

static int open_folder(struct job *job)
{
    _cleanup_free_ char *folder = job_path(job->options->bpffs, GROWN_DIR);
    return folder ? bpffs_mkdir(folder, 0700, &job->undo, job->fault) : -ENOMEM;
}

int grow_begin(struct job *job)
{
    struct tctl_interfaces page;
    int r = interfaces_read(job->options->bpffs, &page);
    if (r < 0)
        return fault_set(job->fault, r, "cannot read trafficctl/interfaces: %s", strerror(-r));
    job->grow.was_odd = page.moves & 1;
    job->grow.begun = job->grow.wanted || job->grow.was_odd;
    if (!job->grow.wanted)
        return 0;
    r = set_moves(job, true);
    if (r == 0)
        r = open_folder(job);
    return r < 0 ? r : prepare(job);
}

static int map_of(const struct job *job, enum pin_id id)
{
    return maps_wanted(job, id) ? bpf_map__fd(maps_of(job, id)) : -1;
}

static struct move move_of(const struct job *job, enum pin_id id)
{
    return (struct move){
        .id = id,
        .from = job->found[id],
        .to = map_of(job, id),
        .percpu = job->options->percpu && pins[id].counters,
        .spill = map_of(job, PIN_SPILL),
        .busy = map_of(job, PIN_BUSY),
    };
}

struct running {
    int fds[RUNNING_MAX];
    size_t count;
};

static void find_running(const struct job *job, struct running *ret_running)
{
    struct bpf_program *program;
    *ret_running = (struct running){0};
    bpf_object__for_each_program(program, job->skeleton->obj) if (ret_running->count < RUNNING_MAX)
        ret_running->fds[ret_running->count++] = bpf_program__fd(program);
}

static void warn_of_moved(const struct job *job, const struct moved *moved)
{
    char text[256];
    if (moved->by_hand) {
        snprintf(text, sizeof(text),
                 "this kernel cannot move counters to larger maps in one step: of %" PRIu64
                 " packets at most that passed meanwhile some counters are missed%s",
                 moved->missed, moved->unmeasured ? " (not measured: that takes Linux 5.8)" : "");
        job_warn(job, text);
    }
    if (moved->left > 0) {
        snprintf(text, sizeof(text), "%u rows of counters found no room in the larger maps and are lost", moved->left);
        job_warn(job, text);
    }
}

static int move_counters(struct job *job)
{
    struct running running;
    struct moved moved = {0};
    int r = mover_wait();
    find_running(job, &running);
    for (int id = 0; id < PINS && r == 0; id++) {
        struct move move = move_of(job, id);
        move.running = running.fds;
        move.running_count = running.count;
        if (grows(job, id) && is_counted(id) && move.from >= 0)
            r = mover_move(&move, &moved);
    }
    if (r < 0)
        return fault_set(job->fault, r, "cannot move the counters to larger maps: %s", strerror(-r));
    warn_of_moved(job, &moved);
    return 0;
}

/* Those of sockets that closed between the copy and the change of programs. */
static int drop_ended_tags(struct job *job)
{
    if (!grows(job, PIN_COOKIE_TAG))
        return 0;
    return grow_delete_others(map_of(job, PIN_COOKIE_TAG), job->found[PIN_COOKIE_TAG]);
}

static int rename_counted(struct job *job, enum pin_id id)
{
    struct stat old;
    _cleanup_free_ char *grown = grown_path(job->options->bpffs, id);
    _cleanup_free_ char *path = job_path(job->options->bpffs, pins[id].path);
    if (!grown || !path)
        return -ENOMEM;
    if (stat(path, &old) == 0 && (chown(grown, old.st_uid, old.st_gid) < 0 || chmod(grown, old.st_mode & 07777) < 0))
        return fault_set(job->fault, -errno, "cannot set owner and mode of %s: %s", grown, strerror(errno));
    if (rename(grown, path) < 0)
        return fault_set(job->fault, -errno, "cannot put the larger map at %s: %s", path, strerror(errno));
    return 0;
}

int grow_end(struct job *job)
{
    if (!job->grow.begun)
        return 0;
    int r = move_counters(job);
    if (r == 0)
        r = drop_ended_tags(job);
    if (r < 0)
        return r;
    job->grow.final = true;
    for (int id = 0; id < PINS && r == 0; id++)
        if (grows(job, id) && is_counted(id))
            r = rename_counted(job, id);
    if (r < 0)
        return r;
    grow_clear(job->options->bpffs);
    return set_moves(job, false);
}

bool grow_is_final(const struct job *job)
{
    return job->grow.final;
}

/* 0 too where there is nothing to take back. */
static int move_back(const struct job *job, enum pin_id id, struct moved *moved)
{
    struct move move = move_of(job, id);
    if (!grows(job, id) || !is_counted(id) || job->grow.leftover[id] >= 0 || move.from < 0 || move.to < 0)
        return 0;
    int new = move.to;
    move.to = move.from;
    move.from = new;
    if (id != PIN_SPILL && job->found[PIN_SPILL] >= 0)
        move.spill = job->found[PIN_SPILL];
    int r = mover_move(&move, moved);
    _cleanup_free_ char *path = grown_path(job->options->bpffs, id);
    if (r == 0 && moved->left == 0 && path)
        unlink(path);
    return r;
}

void grow_undo(struct job *job)
{
    struct moved moved = {0};
    if (!job->grow.begun || job->grow.final)
        return;
    int r = mover_wait();
    for (int id = 0; id < PINS && r == 0; id++)
        r = move_back(job, id, &moved);
    if (r < 0 || moved.left > 0 || job->grow.was_odd) {
        job_warn(job, "counters are in trafficctl/grown: nobody can read them before a start has succeeded");
        return;
    }
    grow_clear(job->options->bpffs);
    set_moves(job, false);
}
