/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "legacy.h"

#include <errno.h>
#include <linux/netfilter/xt_bpf.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "command.h"
#include "fd.h"
#include "legacy_table.h"
#include "legacy_text.h"
#include "legacy_tool.h"

#define DEADLINE_MS 3000 /* for all that one call runs; as much again to take back */
#define ATTEMPTS 3       /* when others change the rules that we are about to change */

static const int families[] = {AF_INET, AF_INET6};

/* What one call is about: the programs that are pinned, and until when. */
struct job {
    struct legacy_wanted wanted[TCTL_IFACE_HOOKS];
    char *paths[TCTL_IFACE_HOOKS];
    uint64_t deadline;
    struct fault *fault;
};

/* A change of one family's tables. */
struct change {
    struct job *job;
    int family, fd;
    uint32_t places; /* of both families; those of the other are passed over */
    bool put;        /* or remove */
};

static void job_done(struct job *job)
{
    for (size_t i = 0; i < TCTL_IFACE_HOOKS; i++)
        freep(&job->paths[i]);
}

static void job_init(struct job *job, struct fault *fault)
{
    *job = (struct job){.deadline = command_now_ms() + DEADLINE_MS, .fault = fault};
    for (size_t i = 0; i < TCTL_IFACE_HOOKS; i++)
        job->wanted[i].place = &legacy_places[i];
}

static int id_of(const char *bpffs, enum pin_id pin, uint32_t *ret_id)
{
    _cleanup_fd_ int fd = -1;
    int r = pins_open(bpffs, pin, &fd);
    return r < 0 ? r : pins_number(fd, ret_id);
}

/* A line of text names the path, and the match has so much room for it. */
static bool is_path_usable(const char *path)
{
    for (const char *c = path; *c; c++)
        if ((unsigned char)*c < ' ')
            return false;
    return strlen(path) < XT_BPF_PATH_MAX;
}

static int find_programs(struct job *job, const char *bpffs)
{
    for (size_t i = 0; i < TCTL_IFACE_HOOKS; i++) {
        const enum pin_id pin = legacy_places[i].program;
        int r = pins_path(bpffs, pin, &job->paths[i]);
        if (r == 0)
            r = id_of(bpffs, pin, &job->wanted[i].program);
        if (r < 0)
            return fault_set(job->fault, r, "%s/%s: %s", bpffs, pins[pin].path, strerror(-r));
        if (!is_path_usable(job->paths[i]))
            return fault_set(job->fault, -ENOTSUP, "%s: no path that a rule can have", bpffs);
        job->wanted[i].path = job->paths[i];
    }
    return 0;
}

static const char *family_name(int family)
{
    return family == AF_INET ? "IPv4" : "IPv6";
}

static int find_rules(const struct job *job, int fd, size_t i, struct legacy_found *ret)
{
    _cleanup_blob_ struct legacy_blob blob = {0};
    int r = legacy_table_read(fd, &legacy_places[i], &blob);
    return r < 0 ? r : legacy_entries_find(&blob, &job->wanted[i], ret);
}

static int cannot_read(const struct job *job, size_t i, int error)
{
    return fault_set(job->fault, error, "table %s of %s: %s", legacy_places[i].table,
                     family_name(legacy_places[i].family), strerror(-error));
}

/* A table that is not there yet has no rules, and asking for it would make it. */
static int find_existing(const struct job *job, int fd, size_t i, struct legacy_found *ret)
{
    bool exists = false;
    *ret = (struct legacy_found){0};
    int r = legacy_table_exists(&legacy_places[i], &exists);
    if (r == 0 && exists)
        r = find_rules(job, fd, i, ret);
    return r < 0 ? cannot_read(job, i, r) : 0;
}

/* iptables knows how to load what a kernel has in modules: it is given a commit without a change. */
static int find_or_load(const struct job *job, int fd, size_t i, struct legacy_found *ret)
{
    char nothing[64];
    int r = find_rules(job, fd, i, ret);
    if (r == -ENOPROTOOPT || r == -ENOENT) {
        snprintf(nothing, sizeof(nothing), "*%s\nCOMMIT\n", legacy_places[i].table);
        r = legacy_tool_restore(legacy_places[i].family, nothing, job->deadline, job->fault);
        if (r < 0)
            return r;
        r = find_rules(job, fd, i, ret);
    }
    return r < 0 ? cannot_read(job, i, r == -ENOPROTOOPT || r == -ENOENT ? -ENOTSUP : r) : 0;
}

static int write_put(const struct change *change, FILE *to, size_t i)
{
    struct legacy_found found = {0};
    int r = find_or_load(change->job, change->fd, i, &found);
    if (r < 0 || legacy_found_is_right(&found))
        return r;
    if (!legacy_table_has_match(change->fd, change->family, "bpf", 1))
        return fault_set(change->job->fault, -ENOTSUP, "this kernel lacks the match \"bpf\" for pinned programs");
    const struct legacy_matches matches = {
        .comment = legacy_table_has_match(change->fd, change->family, "comment", 0),
        .policy = legacy_table_has_match(change->fd, change->family, "policy", 0),
    };
    legacy_text_put(to, &change->job->wanted[i], &found, &matches);
    return 0;
}

static int write_remove(const struct change *change, FILE *to, size_t i)
{
    struct legacy_found found = {0};
    int r = find_existing(change->job, change->fd, i, &found);
    if (r == 0)
        legacy_text_remove(to, &legacy_places[i], &found);
    return r;
}

/* What is to be done now, as text for the tool; empty: nothing. *ret_places: whose tables it writes. */
static int write_all(const struct change *change, char **ret_text, uint32_t *ret_places)
{
    size_t size = 0;
    int r = 0;
    FILE *to = open_memstream(ret_text, &size);
    if (!to)
        return -ENOMEM;
    *ret_places = 0;
    for (size_t i = 0; i < TCTL_IFACE_HOOKS && r == 0; i++) {
        if (legacy_places[i].family != change->family || !(change->places & 1u << i))
            continue;
        const long before = ftell(to);
        r = change->put ? write_put(change, to, i) : write_remove(change, to, i);
        if (ftell(to) > before)
            *ret_places |= 1u << i;
    }
    if (fclose(to) != 0 && r == 0)
        r = -ENOMEM;
    return r;
}

/*
 * *places: what was written, or may have been. It is done when nothing is left to do, whatever the tool says; others
 * may have changed the rules meanwhile, and then there is something else to do.
 */
static int do_change(const struct change *change, uint32_t *places)
{
    _cleanup_free_ char *last = NULL;
    int r = 0;
    for (int i = 0;; i++) {
        _cleanup_free_ char *text = NULL;
        uint32_t touched = 0;
        const int written = write_all(change, &text, &touched);
        if (written < 0 || !*text)
            return written;
        if (i == ATTEMPTS || (last && !strcmp(last, text)))
            break;
        *places |= touched;
        r = legacy_tool_restore(change->family, text, change->job->deadline, change->job->fault);
        if (r == -ETIMEDOUT || r == -EBUSY)
            break;
        freep(&last);
        last = TAKE_PTR(text);
    }
    return r < 0 ? r
                 : fault_set(change->job->fault, -EIO, "iptables-legacy-restore for %s did not do what it was told",
                             family_name(change->family));
}

static int change_family(struct job *job, int family, uint32_t places, bool put, uint32_t *written)
{
    _cleanup_fd_ int fd = -1;
    int r = legacy_table_open(family, &fd);
    if (r == -EAFNOSUPPORT && family == AF_INET6)
        return 0; /* there are no such packets */
    if (r < 0)
        return fault_set(job->fault, r, "%s socket: %s", family_name(family), strerror(-r));
    const struct change change = {job, family, fd, places, put};
    return do_change(&change, written);
}

/* What one family cannot have does not keep the other from being removed. */
static int remove_places(struct job *job, uint32_t places)
{
    int first = 0;
    uint32_t written = 0;
    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        int r = change_family(job, families[i], places, false, &written);
        if (first == 0)
            first = r;
    }
    return first;
}

static void take_back(uint32_t places)
{
    struct job job;
    struct fault ignored = {0}; /* the first failure is the one to be told */
    job_init(&job, &ignored);
    remove_places(&job, places);
    job_done(&job);
}

int legacy_put(const char *bpffs, struct fault *fault)
{
    _cleanup_(job_done) struct job job;
    uint32_t written = 0;
    job_init(&job, fault);
    int r = find_programs(&job, bpffs);
    for (size_t i = 0; i < ARRAY_SIZE(families) && r == 0; i++)
        r = change_family(&job, families[i], TCTL_ALL_IFACE_HOOKS, true, &written);
    if (r < 0 && written)
        take_back(written);
    return r;
}

static int look_family(struct job *job, int family, uint32_t *there)
{
    _cleanup_fd_ int fd = -1;
    int r = legacy_table_open(family, &fd);
    const bool lacking = r == -EAFNOSUPPORT && family == AF_INET6;
    if (r < 0 && !lacking)
        return fault_set(job->fault, r, "%s socket: %s", family_name(family), strerror(-r));
    r = 0;
    for (size_t i = 0; i < TCTL_IFACE_HOOKS && r == 0; i++) {
        struct legacy_found found = {0};
        if (legacy_places[i].family != family)
            continue;
        if (!lacking)
            r = find_existing(job, fd, i, &found);
        if (r == 0 && (lacking || legacy_found_is_right(&found)))
            *there |= 1u << i;
    }
    return r;
}

int legacy_look(const char *bpffs, uint32_t *ret_there, struct fault *fault)
{
    _cleanup_(job_done) struct job job;
    uint32_t there = 0;
    job_init(&job, fault);
    int r = find_programs(&job, bpffs);
    for (size_t i = 0; i < ARRAY_SIZE(families) && r == 0; i++)
        r = look_family(&job, families[i], &there);
    *ret_there = r == 0 ? there : 0;
    return r == -ENOENT ? 0 : r; /* nothing is pinned, so nothing runs it */
}

int legacy_remove(const char *bpffs, struct fault *fault)
{
    _cleanup_(job_done) struct job job;
    (void)bpffs; /* the chains are ours by their names, whatever is pinned */
    job_init(&job, fault);
    return remove_places(&job, TCTL_ALL_IFACE_HOOKS);
}
