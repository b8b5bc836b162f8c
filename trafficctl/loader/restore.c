/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "restore.h"

#include <backend.h>
#include <errno.h>
#include <limits.h>
#include <policy_file.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

struct restore {
    const struct load_options *options;
    load_warn_fn warn;
    const struct backend *backend;
    struct enforcer *enforcer; /* the backend's */
    struct policy policy;
    struct tctl_config config;
    char good[PATH_MAX];
};

static void restore_done(struct restore *restore)
{
    policy_done(&restore->policy);
    if (restore->enforcer)
        restore->backend->rules_done(restore->enforcer);
}

#define WARN(restore, ...)                                                                                             \
    ({                                                                                                                 \
        struct fault line_;                                                                                            \
        fault_set(&line_, 0, __VA_ARGS__);                                                                             \
        if ((restore)->warn)                                                                                           \
            (restore)->warn(line_.text);                                                                               \
    })

static void warn_of_system_uids(const struct restore *restore)
{
    uint32_t example = 0;
    size_t count = rules_of_system_uids(&restore->policy, &restore->config, &example);
    if (count > 0)
        WARN(restore, "%s: %zu of its rules do not hold: app_uids does not contain their UIDs, as %u",
             restore->options->policy, count, example);
}

static int open_rules(const struct load_options *options, load_warn_fn warn, struct restore *ret_restore)
{
    const struct backend *backend = backend_of(options->bpffs);
    *ret_restore = (struct restore){.options = options, .warn = warn, .backend = backend};
    snprintf(ret_restore->good, sizeof(ret_restore->good), "%s" POLICY_FILE_GOOD, options->policy);
    int r = backend->rules_open(options->bpffs, &ret_restore->enforcer);
    return r < 0 ? r : backend->rules_config(ret_restore->enforcer, &ret_restore->config);
}

/* -ENOENT, with nothing changed, where there is no such file. */
static int put(struct restore *restore, const char *path, struct fault *why)
{
    policy_done(&restore->policy);
    int r = policy_file_read(path, &restore->policy, why);
    if (r < 0)
        return r;
    r = restore->backend->rules_apply(restore->enforcer, &restore->policy, why);
    if (r == 0)
        warn_of_system_uids(restore);
    /* Whatever it is, the file is there. */
    return r == -ENOENT ? -EIO : r;
}

static int close_all(const struct restore *restore, const char *why)
{
    int r = restore->backend->rules_shut(restore->enforcer);
    if (r == 0)
        WARN(restore,
             "%.300s; nobody passes whom the firewall may judge until it is mended and \"trafficctl firewall "
             "restore\" is run",
             why);
    return r;
}

static int open_all(const struct restore *restore, const char *why)
{
    const struct policy nothing = {0};
    int r = restore->backend->rules_apply(restore->enforcer, &nothing, NULL);
    if (r == 0)
        WARN(restore, "%.400s; everybody passes (on_bad_policy = open)", why);
    return r;
}

/* What holds instead of a policy that is bad; what is new holds nothing to keep. */
static int put_instead(struct restore *restore, bool is_new, const char *why)
{
    struct fault none;
    switch (restore->options->on_bad_policy) {
    case LOAD_CLOSED:
        return close_all(restore, why);
    case LOAD_OPEN:
        return open_all(restore, why);
    case LOAD_KEEP:
        break;
    }
    if (!is_new) {
        WARN(restore, "%.400s; the rules that the kernel has go on holding", why);
        return 0;
    }
    if (put(restore, restore->good, &none) < 0)
        return close_all(restore, why);
    WARN(restore, "%.250s; the last good policy holds instead: %s", why, restore->good);
    return 0;
}

static const char *text_of(const struct fault *why, int r)
{
    return *why->text ? why->text : strerror(-r);
}

/* So that what holds now can hold again when the file is damaged later. */
static void copy_good(const struct restore *restore)
{
    struct fault why = {0};
    int r = policy_file_write(restore->good, &restore->policy, &why);
    if (r < 0)
        WARN(restore, "the good policy is not kept: %s; going on", text_of(&why, r));
}

static void warn_of_closed(const struct restore *restore)
{
    if (restore->config.closed)
        WARN(restore,
             "nobody passes yet whom the firewall may judge, since %s could not be read: run \"trafficctl "
             "firewall restore\"",
             restore->options->policy);
}

static int fill(struct restore *restore)
{
    struct fault why = {0};
    int r = put(restore, restore->options->policy, &why);
    if (r < 0 && r != -ENOENT)
        return put_instead(restore, true, text_of(&why, r));
    if (r == 0) {
        copy_good(restore);
        return 0;
    }
    warn_of_closed(restore);
    return 0;
}

static int check(struct restore *restore)
{
    struct fault why = {0};
    int r = policy_file_read(restore->options->policy, &restore->policy, &why);
    if (r < 0 && r != -ENOENT)
        return put_instead(restore, false, text_of(&why, r));
    warn_of_system_uids(restore);
    warn_of_closed(restore);
    return 0;
}

int restore_policy(const struct load_options *options, bool is_new, load_warn_fn warn, struct fault *fault)
{
    if (!options->policy)
        return 0;
    _cleanup_(restore_done) struct restore restore;
    int r = open_rules(options, warn, &restore);
    if (r == 0)
        r = is_new ? fill(&restore) : check(&restore);
    return r < 0 ? fault_set(fault, r, "cannot put the policy into what is at %s: %s", options->bpffs, strerror(-r))
                 : 0;
}

void restore_warn(const struct load_options *options, load_warn_fn warn)
{
    if (!options->policy)
        return;
    _cleanup_(restore_done) struct restore restore;
    if (open_rules(options, warn, &restore) == 0 && policy_file_read(options->policy, &restore.policy, NULL) == 0)
        warn_of_system_uids(&restore);
}
