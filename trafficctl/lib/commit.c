/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "commit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <firewall.bpf.h>

#include "asked.h"
#include "chains.h"
#include "cleanup.h"
#include "ifaces.h"
#include "policy_file.h"

/* What is saved, before a change and after it, and what holds. */
struct commit {
    struct tctl_firewall *firewall;
    struct asked asked;
    struct tctl_config config;
    ino_t saved; /* number of the file; 0: nothing was saved */
    struct policy old, new;
    struct staged *staged;
};

static void commit_done(struct commit *commit)
{
    policy_done(&commit->old);
    policy_done(&commit->new);
    commit->firewall->backend->stage_done(commit->staged);
}

static int read_asked(struct commit *commit)
{
    int r = asked_read(commit->firewall->bpffs, &commit->asked);
    if (r == 0)
        r = commit->firewall->backend->rules_config(commit->firewall->enforcer, &commit->config);
    return r < 0 ? firewall_failed(commit->firewall, r, "cannot read what trafficd was asked for") : 0;
}

/* 0: there is no such file. What takes a file's place has another number than that had. */
static ino_t number_of(const char *path)
{
    struct stat file;
    return lstat(path, &file) < 0 ? 0 : file.st_ino;
}

/* Nothing saved is the empty policy. */
static int read_saved(struct commit *commit)
{
    int r = policy_file_read(commit->asked.policy, &commit->old, &commit->firewall->problem);
    if (r < 0 && r != -ENOENT)
        return firewall_failed(commit->firewall, r, commit->asked.policy);
    commit->saved = r == 0 ? number_of(commit->asked.policy) : 0;
    *commit->firewall->problem.text = '\0';
    return policy_copy(&commit->old, &commit->new);
}

/* Whom it says nothing about that holds: a rule that is made, or a list left that the UID was never on. */
static bool means_nothing(const struct commit *commit, const struct change *change, uint32_t uid)
{
    if (may_judge(&commit->config, uid))
        return false;
    if (change_makes_rules(change))
        return true;
    return change->denies && !commit->firewall->backend->stage_lists(commit->staged, change->chain, uid) &&
           !policy_uids_has(&commit->old.listed[change->chain], uid);
}

static int check_uids(const struct commit *commit, const struct change *change)
{
    for (size_t i = 0; i < change->uids.count; i++) {
        uint32_t uid = change->uids.uids[i];
        if (means_nothing(commit, change, uid))
            return fault_set(
                &commit->firewall->problem, -EPERM,
                "uid %u is a system UID: the firewall judges those of app_uids in trafficd's configuration "
                "alone, and no rule would hold for it",
                uid);
    }
    return 0;
}

static bool is_saved_mark(const struct commit *commit, const char *name)
{
    for (size_t i = 0; i < commit->old.metered_count; i++) {
        if (strcmp(commit->old.metered[i], name) == 0)
            return true;
    }
    return false;
}

/* The mark of an interface that is gone can be taken from what is saved, and from what holds if that is by names. */
static int find_mark(const struct commit *commit, const char *iface, bool *ret_marked)
{
    const struct tctl_firewall *firewall = commit->firewall;
    *ret_marked = is_saved_mark(commit, iface);
    return *ret_marked ? 0 : firewall->backend->rules_metered(firewall->enforcer, 0, iface, ret_marked);
}

static int find_iface(const struct commit *commit, struct change *change)
{
    _cleanup_(ifaces_done) struct ifaces ifaces = {0};
    bool marked = false;
    if (!change->iface || (change->kind == CHANGE_IFACE && !*change->iface))
        return 0;
    int r = firewall_check_netns(commit->firewall, &commit->config);
    if (r == 0)
        r = ifaces_list(&ifaces);
    if (r < 0)
        return r;
    change->number = ifaces_number(&ifaces, change->iface);
    if (change->kind == CHANGE_METERED && change->number == IFACES_LOOPBACK)
        return fault_set(&commit->firewall->problem, -EINVAL, "the loopback interface cannot be metered");
    if (change->number)
        return 0;
    if (change->kind == CHANGE_METERED && !change->on)
        r = find_mark(commit, change->iface, &marked);
    if (r < 0 || marked)
        return r;
    return fault_set(&commit->firewall->problem, -ENODEV, "there is no interface %s", change->iface);
}

static int prepare(struct commit *commit, struct change *change)
{
    struct tctl_firewall *firewall = commit->firewall;
    int r = read_asked(commit);
    if (r == 0 && !change->runtime)
        r = read_saved(commit);
    if (r == 0)
        r = firewall->backend->stage_open(firewall->enforcer, &commit->staged);
    if (r == 0)
        r = check_uids(commit, change);
    if (r == 0)
        r = find_iface(commit, change);
    if (r == 0 && !change->runtime)
        r = change_policy(change, &commit->new);
    return r < 0 ? r : firewall->backend->stage_change(commit->staged, change, &firewall->problem);
}

static void put_old_back(const struct commit *commit)
{
    struct fault *problem = &commit->firewall->problem, why = {0}, said = *problem;
    int r = commit->saved ? policy_file_write(commit->asked.policy, &commit->old, &why)
                          : policy_file_remove(commit->asked.policy, &why);
    if (r < 0)
        snprintf(problem->text, sizeof(problem->text),
                 "%.300s; the saved policy asks for the change all the same: %.150s", said.text, why.text);
}

/* What holds now, in case that the policy is damaged later. Without it the change holds just as well. */
static void keep_good(const struct commit *commit, const struct policy *policy)
{
    _cleanup_free_ char *path = NULL;
    struct fault why = {0};
    if (asprintf(&path, "%s" POLICY_FILE_GOOD, commit->asked.policy) < 0)
        path = NULL;
    if (path && policy_file_write(path, policy, &why) < 0)
        fault_set(&commit->firewall->problem, 0, "the change holds; %.400s", why.text);
}

static int save_and_enforce(const struct commit *commit)
{
    struct tctl_firewall *firewall = commit->firewall;
    int r = policy_file_write(commit->asked.policy, &commit->new, &firewall->problem);
    if (r < 0 && number_of(commit->asked.policy) == commit->saved)
        return r;
    if (r == 0)
        r = firewall->backend->stage_commit(commit->staged, &firewall->problem);
    if (r < 0) {
        put_old_back(commit);
        return r;
    }
    keep_good(commit, &commit->new);
    return 0;
}

int commit_change(struct tctl_firewall *firewall, struct change *change, bool *ret_destroy)
{
    _cleanup_(commit_done) struct commit commit = {.firewall = firewall};
    int r = prepare(&commit, change);
    if (r < 0)
        return r;
    r = change->runtime ? firewall->backend->stage_commit(commit.staged, &firewall->problem)
                        : save_and_enforce(&commit);
    if (r < 0)
        return r;
    if (commit.config.closed)
        fault_set(&firewall->problem, 0,
                  "nobody passes, since the saved policy was damaged, until the policy is restored");
    *ret_destroy = commit.asked.destroy_sockets;
    return 0;
}

static bool names_interfaces(const struct policy *policy)
{
    bool named = policy->metered_count > 0;
    for (size_t i = 0; i < policy->iface_count && !named; i++)
        named = *policy->ifaces[i].iface;
    return named;
}

static void warn_of_system_uids(const struct commit *commit)
{
    uint32_t example = 0;
    size_t count = rules_of_system_uids(&commit->new, &commit->config, &example);
    if (count > 0)
        fault_set(&commit->firewall->problem, 0,
                  "%s: %zu of its rules do not hold: app_uids does not contain their UIDs, as %u", commit->asked.policy,
                  count, example);
}

int commit_saved(struct tctl_firewall *firewall, bool *ret_destroy)
{
    _cleanup_(commit_done) struct commit commit = {.firewall = firewall};
    int r = read_asked(&commit);
    if (r < 0)
        return r;
    r = policy_file_read(commit.asked.policy, &commit.new, &firewall->problem);
    if (r == -ENOENT)
        return fault_set(&firewall->problem, r, "nothing was saved: there is no %s", commit.asked.policy);
    if (r == 0 && names_interfaces(&commit.new))
        r = firewall_check_netns(firewall, &commit.config);
    if (r == 0)
        r = firewall->backend->rules_apply(firewall->enforcer, &commit.new, &firewall->problem);
    if (r < 0)
        return r;
    keep_good(&commit, &commit.new);
    warn_of_system_uids(&commit);
    *ret_destroy = commit.asked.destroy_sockets;
    return 0;
}
