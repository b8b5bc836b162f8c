/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * What counts and judges, as values: rows, drops, names, a status. Merging, saving and explaining them is the same
 * whoever does it. Who needs maps of BPF includes bpf_reader.h, and answers -EOPNOTSUPP where something else counts.
 */
#pragma once

#include <traffic_abi.h>
#include <trafficctl/traffic.h>

#include "cgroup_tree.h"
#include "change.h"
#include "difference_list.h"
#include "fault.h"
#include "names.h"
#include "rules.h"
#include "stats.h"

/* What is open for reading, what is open of the firewall, and a change of it; each backend has its own. */
struct reader;
struct enforcer;
struct staged;

/* Takes what was dropped of a UID for a reason; both are valid during the call only. A negative return ends it. */
typedef int (*backend_drop_fn)(void *context, const struct tctl_drop_key *key, const struct tctl_stats_value *dropped);

struct backend {
    const char *name;
    bool partial; /* it cannot all that is promised: never TCTL_OK */

    /*
     * Open what is below place, for members of read_group; the caller's until done(). -ENOENT: nothing is loaded
     * there; -EACCES; -EPROTO: of another version; what else tctl_open() says.
     */
    int (*open)(const char *place, struct reader **ret_reader);
    void (*done)(struct reader *reader);

    /*
     * After a reading. 0: it is whole; 1: it is not, and the next will be; -ESTALE: everything was unloaded; -EBUSY:
     * the counters have been on their way elsewhere for 5 seconds.
     */
    int (*again)(struct reader *reader);

    /* Add the rows of maps, 1 << enum tctl_stats_map; a key may come many times. After a failure there is a part. */
    int (*rows)(struct reader *reader, uint32_t maps, struct stats_rows *rows);
    /* One UID's sum; zeroes if it has none. */
    int (*uid)(struct reader *reader, uint32_t uid, struct tctl_stats_value *ret_value);
    /* Every row, in no order. Its errors, and what take() returned. */
    int (*drops)(struct reader *reader, backend_drop_fn take, void *context);
    /* Of the numbers of interfaces in the rows of the last reading. The caller ends them before the reader. */
    int (*names)(struct reader *reader, struct names *ret_names);

    /* -ESTALE: everything was unloaded. */
    int (*state)(struct reader *reader, struct tctl_state *ret_state);
    /* Fill in programs, maps, chains, places, netfilter, malformed and seen_sec. */
    int (*status)(struct reader *reader, const struct tctl_state *state, struct tctl_status *status);

    /* Append what it cannot do here to a backend without lacks. NULL: it can all that is promised. */
    void (*lacks)(const struct tctl_state *state, struct tctl_backend *backend);

    /*
     * The firewall. Open it, for root; the caller's until rules_done(). The writers' lock is the caller's. -ENOENT:
     * nothing is loaded there; -EACCES, -EPERM; -EPROTO; -EXDEV: what judges can be asked only in another network
     * namespace.
     */
    int (*rules_open)(const char *place, struct enforcer **ret_enforcer);
    void (*rules_done)(struct enforcer *enforcer);

    /*
     * What an errno of the functions below means; NULL: no more than it says itself. -ENOENT, -EEXIST: what others can
     * take away is gone, or is theirs; rules_config(), rules_differ() and, for what is gone, rules_apply() get on. The
     * function is NULL where none means more.
     */
    const char *(*rules_error)(int err);

    /* Whom the firewall may judge, what is exempt, whether nobody passes, and whose interfaces are meant. */
    int (*rules_config)(const struct enforcer *enforcer, struct tctl_config *ret_config);
    /* All that holds, by names or by numbers of interfaces; owned by the caller. -ENOMEM, errno of the kernel. */
    int (*rules_read)(const struct enforcer *enforcer, struct policy *ret_policy);
    int (*rules_image)(const struct enforcer *enforcer, struct image *ret_image);
    /* What holds for one UID, as rules_of(). */
    int (*rules_of)(const struct enforcer *enforcer, const struct tctl_config *config, uint32_t uid,
                    struct rules *ret_rules);
    /* Is the interface, by its number (0: there is none now) and its name, metered? */
    int (*rules_metered)(const struct enforcer *enforcer, uint32_t number, const char *name, bool *ret_metered);
    /* Is what is received, and what is sent, judged at all, as far as can be seen? */
    void (*rules_at_work)(const struct enforcer *enforcer, bool *ret_in, bool *ret_out);
    /* Whose sockets are judged; as cgroup_tree_configured(). */
    int (*rules_tree)(const struct enforcer *enforcer, struct cgroup_tree *tree);
    /* What is there that judges, against what a start made; tree_error is what rules_tree() returned. */
    int (*rules_differ)(const struct enforcer *enforcer, const struct cgroup_tree *tree, int tree_error,
                        struct difference_list *list);

    /* Make all of this hold, and end that nobody passes. After a failure what held holds, or fault says what does. */
    int (*rules_apply)(const struct enforcer *enforcer, const struct policy *policy, struct fault *fault);
    /* From now on nobody passes whom the firewall may judge, since the saved policy cannot be read. */
    int (*rules_shut)(const struct enforcer *enforcer);

    /*
     * A change: what holds now, does it list a UID (TCTL_LOCKDOWN too), what is to hold, and then make it so. Nothing
     * is written before stage_commit(), after whose failure it is as with rules_apply(). -E2BIG: no room for it.
     * stage_done() takes NULL; the enforcer and the change live longer.
     */
    int (*stage_open)(const struct enforcer *enforcer, struct staged **ret_staged);
    bool (*stage_lists)(const struct staged *staged, uint32_t chain, uint32_t uid);
    int (*stage_change)(struct staged *staged, const struct change *change, struct fault *fault);
    int (*stage_commit)(const struct staged *staged, struct fault *fault);
    void (*stage_done)(struct staged *staged);
};

extern const struct backend backend_bpf;
extern const struct backend backend_nft; /* of trafficctl/nft */

/* Whose state is below place; where none is, BPF's, which says so when it is opened. */
const struct backend *backend_of(const char *place);

struct tctl {
    const struct backend *backend;
    struct reader *reader;  /* the backend's */
    char *place;            /* as --bpffs */
    struct stats_rows rows; /* of the last reading: its memory is there for the next */
};
