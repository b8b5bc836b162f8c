/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "firewall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "asked.h"
#include "chains.h"
#include "cleanup.h"
#include "commit.h"
#include "destroy.h"
#include "ifaces.h"
#include "place.h"
#include "state.h"

/* What is pinned says which file root writes to: a bpffs that somebody else has mounted is not to be believed. */
static int check_owner(const struct tctl_firewall *firewall)
{
    struct stat folder;
    if (fstat(firewall->writer.folder_fd, &folder) < 0)
        return -errno;
    return folder.st_uid == 0 || folder.st_uid == geteuid() ? 0 : -EMEDIUMTYPE;
}

static int open_pins(struct tctl_firewall *firewall)
{
    int r = writer_open(firewall->bpffs, &firewall->writer);
    if (r == 0)
        r = check_owner(firewall);
    if (r == 0)
        r = state_check_version(firewall->bpffs);
    return r < 0 ? r : firewall->backend->rules_open(firewall->bpffs, &firewall->enforcer);
}

static int say_why_not_open(struct tctl_firewall *firewall, int err)
{
    switch (err) {
    case -ENOENT:
        return fault_set(&firewall->problem, err, "nothing is pinned below %s: start trafficd", firewall->bpffs);
    case -EACCES:
    case -EPERM:
        return fault_set(&firewall->problem, -EACCES, "the firewall takes root");
    case -EPROTO:
        return fault_set(&firewall->problem, err, "what is pinned below %s is of another version: restart trafficd",
                         firewall->bpffs);
    case -EXDEV:
        return fault_set(&firewall->problem, err,
                         "what judges below %s is in another network namespace: run this in trafficd's",
                         firewall->bpffs);
    case -EMEDIUMTYPE:
        return fault_set(&firewall->problem, err, "what is pinned below %s is not root's", firewall->bpffs);
    default:
        return fault_set(&firewall->problem, err, "cannot open the pins below %s: %s", firewall->bpffs, strerror(-err));
    }
}

int tctl_firewall_open(const char *bpffs, struct tctl_firewall **ret_firewall)
{
    struct tctl_firewall *firewall = calloc(1, sizeof(*firewall));
    if (!firewall)
        return -ENOMEM;
    firewall->bpffs = strdup(place_find(bpffs));
    if (!firewall->bpffs) {
        free(firewall);
        return -ENOMEM;
    }
    firewall->backend = backend_of(firewall->bpffs);
    int r = open_pins(firewall);
    if (r == -ENOMEM) {
        tctl_firewall_close(firewall);
        return r;
    }
    *ret_firewall = firewall;
    return r < 0 ? say_why_not_open(firewall, r) : 0;
}

struct tctl_firewall *tctl_firewall_close(struct tctl_firewall *firewall)
{
    if (!firewall)
        return NULL;
    writer_done(&firewall->writer);
    if (firewall->enforcer)
        firewall->backend->rules_done(firewall->enforcer);
    free(firewall->bpffs);
    free(firewall);
    return NULL;
}

const char *tctl_firewall_problem(const struct tctl_firewall *firewall)
{
    return firewall->problem.text;
}

int firewall_failed(struct tctl_firewall *firewall, int err, const char *what)
{
    const char *(*error)(int) = firewall->backend->rules_error;
    const char *why = error ? error(err) : NULL;
    if (*firewall->problem.text)
        return err;
    return fault_set(&firewall->problem, err, "%s: %s", what, why ?: strerror(-err));
}

static int say_why_not_locked(struct tctl_firewall *firewall, int err)
{
    switch (err) {
    case -EBUSY:
        return fault_set(&firewall->problem, err,
                         "others have kept what is below %s/" TCTL_DIR " locked for 5 seconds: see /proc/locks; or a "
                         "start was killed that made maps larger: start again",
                         firewall->bpffs);
    case -ESTALE:
        return fault_set(&firewall->problem, err, "everything below %s was unloaded, or its maps are larger ones now",
                         firewall->bpffs);
    default:
        return firewall_failed(firewall, err, "cannot take the writers' lock");
    }
}

int firewall_begin(struct tctl_firewall *firewall)
{
    *firewall->problem.text = '\0';
    int r = writer_check(&firewall->writer);
    return r < 0 ? say_why_not_locked(firewall, r) : 0;
}

int firewall_check_netns(struct tctl_firewall *firewall, const struct tctl_config *config)
{
    bool same;
    int r = ifaces_are_of(config->netns_inum, &same);
    if (r < 0)
        return firewall_failed(firewall, r, "cannot look at this network namespace");
    return same ? 0
                : fault_set(&firewall->problem, -EXDEV,
                            "trafficd counts the interfaces of another network namespace: run this there");
}

/* Sockets that were open before are none of the change itself: it holds, and the problem says what is left. */
static void abort_sockets(struct tctl_firewall *firewall)
{
    size_t count;
    struct fault why = {0};
    if (destroy_blocked(firewall, &count, &why) < 0)
        firewall->problem = why;
}

void firewall_note_lacks(struct tctl_firewall *firewall)
{
    bool in, out;
    firewall->backend->rules_at_work(firewall->enforcer, &in, &out);
    if ((!in || !out) && !*firewall->problem.text)
        fault_set(&firewall->problem, 0, "the rules say this, but nothing that is %s is judged: see trafficctl status",
                  out  ? "received"
                  : in ? "sent"
                       : "sent or received");
}

/* change NULL: all that was saved. */
static int with_lock(struct tctl_firewall *firewall, struct change *change)
{
    bool destroy = false;
    int r = writer_lock(&firewall->writer);
    if (r < 0)
        return say_why_not_locked(firewall, r);
    r = change ? commit_change(firewall, change, &destroy) : commit_saved(firewall, &destroy);
    writer_unlock(&firewall->writer);
    if (r == 0 && destroy && (!change || change->denies))
        abort_sockets(firewall);
    if (r == 0)
        firewall_note_lacks(firewall);
    return r < 0 ? firewall_failed(firewall, r, "cannot change the firewall") : 0;
}

static int run(struct tctl_firewall *firewall, struct change *change, const uint32_t *uids, size_t count,
               unsigned int flags)
{
    int r = firewall_begin(firewall);
    if (r < 0)
        return r;
    if (flags & ~TCTL_RUNTIME)
        return fault_set(&firewall->problem, -EINVAL, "no such flags: 0x%x", flags);
    change->runtime = flags & TCTL_RUNTIME;
    r = policy_uids_replace(&change->uids, uids, count);
    if (r < 0)
        return firewall_failed(firewall, r, "cannot change the firewall");
    if (policy_uids_has(&change->uids, TCTL_CHAIN_SWITCH))
        return fault_set(&firewall->problem, -EINVAL, "%u is nobody's UID", TCTL_CHAIN_SWITCH);
    return with_lock(firewall, change);
}

static int refuse_chain(struct tctl_firewall *firewall, unsigned int chain)
{
    return fault_set(&firewall->problem, -EINVAL, "there is no chain %u", chain);
}

int tctl_firewall_enable(struct tctl_firewall *firewall, unsigned int chain, bool on, unsigned int flags)
{
    struct change change = {.kind = CHANGE_SWITCH, .chain = chain, .on = on, .denies = on};
    return tctl_chain_name(chain) ? run(firewall, &change, NULL, 0, flags) : refuse_chain(firewall, chain);
}

int tctl_firewall_set(struct tctl_firewall *firewall, unsigned int chain, const uint32_t *uids, size_t count,
                      bool allow, unsigned int flags)
{
    _cleanup_(change_done) struct change change = {
        .kind = CHANGE_LIST,
        .chain = chain,
        .edit = allow == tctl_chain_is_allow_list(chain) ? IMAGE_ADD : IMAGE_TAKE,
        .denies = !allow,
    };
    return tctl_chain_name(chain) ? run(firewall, &change, uids, count, flags) : refuse_chain(firewall, chain);
}

int tctl_firewall_replace(struct tctl_firewall *firewall, unsigned int chain, const uint32_t *uids, size_t count,
                          unsigned int flags)
{
    _cleanup_(change_done) struct change change = {
        .kind = CHANGE_LIST,
        .chain = chain,
        .edit = IMAGE_REPLACE,
        .denies = true,
    };
    return tctl_chain_name(chain) ? run(firewall, &change, uids, count, flags) : refuse_chain(firewall, chain);
}

int tctl_firewall_set_iface(struct tctl_firewall *firewall, uint32_t uid, const char *iface, unsigned int flags)
{
    _cleanup_(change_done) struct change change = {.kind = CHANGE_IFACE, .iface = iface};
    return run(firewall, &change, &uid, 1, flags);
}

int tctl_firewall_lockdown(struct tctl_firewall *firewall, uint32_t uid, bool on, unsigned int flags)
{
    _cleanup_(change_done) struct change change = {
        .kind = CHANGE_LIST,
        .chain = TCTL_LOCKDOWN,
        .edit = on ? IMAGE_ADD : IMAGE_TAKE,
    };
    return run(firewall, &change, &uid, 1, flags);
}

int tctl_firewall_meter(struct tctl_firewall *firewall, const char *iface, bool on, unsigned int flags)
{
    struct change change = {.kind = CHANGE_METERED, .iface = iface, .on = on};
    return run(firewall, &change, NULL, 0, flags);
}

int tctl_firewall_restore(struct tctl_firewall *firewall)
{
    int r = firewall_begin(firewall);
    return r < 0 ? r : with_lock(firewall, NULL);
}
