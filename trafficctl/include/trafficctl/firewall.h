/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * libtrafficctl: block users from the network, by the chains that trafficd's programs judge every packet by; with or
 * without trafficd running.
 *
 * A change holds from the next packet on. It is written to the saved policy first, so that it outlives a reboot, and
 * undone there when the maps refuse it; TCTL_RUNTIME changes the maps alone. Each UID goes from its old rule to its new
 * one in one step. Whatever is asked for that holds already succeeds.
 *
 * Every function that changes something returns 0 or a negative errno; a failure has changed nothing unless
 * tctl_firewall_problem() says otherwise, which always says what is wrong and what to do. They take root, and the
 * network namespace of trafficd where interfaces are named. Common errors: -EACCES: not root; -EBUSY: another writer
 * holds the lock for 5 s; -ESTALE: everything was unloaded, or maps were replaced by larger ones, since the handle was
 * opened, and this of functions that read, too; -EINVAL: no such chain or flag; -EBADMSG: the saved policy cannot be
 * read, see tctl_firewall_restore(); -E2BIG: a map is full; -EROFS, -ENOSPC and the like: the policy could not be
 * written; -ENOMEM, -errno of bpf(2). Where trafficd judges by nf_tables, of functions that read, too: -ENOENT: its
 * table is gone; -EEXIST: somebody else has a table of its name; -EAGAIN: others change the ruleset all the time.
 *
 * A handle may be used by one thread at a time; different handles are independent. Nothing here prints, exits or keeps
 * global state.
 */
#ifndef TRAFFICCTL_FIREWALL_H
#define TRAFFICCTL_FIREWALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <trafficctl/traffic.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Chains by netd's numbers (ConnectivityManager.FIREWALL_CHAIN_*): 1 dozable to 12 metered_deny_admin. */
#define TCTL_FIREWALL_CHAINS 12

/* Flags of a change. */
#define TCTL_RUNTIME 1u /* not in the saved policy */

struct tctl_firewall;

/*
 * Open the firewall of the pins below bpffs (NULL: TCTL_BPFFS). *ret_firewall is set also after a failure, unless that
 * is -ENOMEM, so that tctl_firewall_problem() can say why; end it with tctl_firewall_close() in any case.
 * -ENOENT: nothing is pinned; -EACCES: not root; -EPROTO: pins of another version; -EMEDIUMTYPE: pins of somebody
 * else's than root; -EXDEV: trafficd judges by nf_tables in another network namespace; -ENOMEM, -errno of bpf(2).
 */
int tctl_firewall_open(const char *bpffs, struct tctl_firewall **ret_firewall);
/* NULL is fine. Always returns NULL. */
struct tctl_firewall *tctl_firewall_close(struct tctl_firewall *firewall);

/* One line about the last call that failed, or that succeeded with something to know; else empty. Owned by firewall. */
const char *tctl_firewall_problem(const struct tctl_firewall *firewall);

/* The name of a chain (1 to TCTL_FIREWALL_CHAINS); static, NULL: there is none. */
const char *tctl_chain_name(unsigned int chain);
/* By name or number. -EINVAL: neither. */
int tctl_chain_find(const char *text, unsigned int *ret_chain);
/* Does it drop who is not listed? Else it drops who is. */
bool tctl_chain_is_allow_list(unsigned int chain);

/* Switch a chain. The common errors. */
int tctl_firewall_enable(struct tctl_firewall *firewall, unsigned int chain, bool on, unsigned int flags);

/*
 * netd's setUidRule: allow or deny UIDs in a chain. In an allow list that puts them on it or takes them off, in a deny
 * list the other way round. All or none of them. -EPERM: one is a system UID, which the firewall never judges;
 * -EINVAL: one is 0xFFFFFFFF.
 */
int tctl_firewall_set(struct tctl_firewall *firewall, unsigned int chain, const uint32_t *uids, size_t count,
                      bool allow, unsigned int flags);

/*
 * Make these the chain's whole list. Allowing comes before denying, so that the map needs room for both lists of an
 * allow list; a UID on both is not touched. Errors as tctl_firewall_set(); doubles are fine.
 */
int tctl_firewall_replace(struct tctl_firewall *firewall, unsigned int chain, const uint32_t *uids, size_t count,
                          unsigned int flags);

/*
 * What a UID receives comes from this interface (or loopback) alone. "": from any, which also lifts its lockdown; NULL:
 * no rule. -ENODEV: no such interface; -EXDEV: this is not trafficd's network namespace; -EPERM: a system UID.
 */
int tctl_firewall_set_iface(struct tctl_firewall *firewall, uint32_t uid, const char *iface, unsigned int flags);

/* A UID without interface of its own receives nothing but loopback. -EPERM: a system UID; -EINVAL: uid 0xFFFFFFFF. */
int tctl_firewall_lockdown(struct tctl_firewall *firewall, uint32_t uid, bool on, unsigned int flags);

/* Mark an interface as metered: there the chains metered_* judge. -ENODEV, -EXDEV as above; -EINVAL: the loopback. */
int tctl_firewall_meter(struct tctl_firewall *firewall, const char *iface, bool on, unsigned int flags);

/*
 * Make the maps hold what the saved policy says, all of it. -ENOENT: nothing was ever saved; -EBADMSG: it is damaged or
 * not a policy; the problem names the line, the maps are as they were.
 */
int tctl_firewall_restore(struct tctl_firewall *firewall);

struct tctl_firewall_chain {
    bool enabled;
    uint32_t *uids; /* on the list, ascending */
    size_t count;
};

struct tctl_firewall_iface {
    uint32_t uid;
    char iface[TCTL_IFACE_LEN]; /* "": any */
};

/* What the maps hold now. */
struct tctl_firewall_rules {
    struct tctl_firewall_chain chains[TCTL_FIREWALL_CHAINS + 1]; /* by number; 0 is not used */
    struct tctl_firewall_iface *ifaces;                          /* ascending by UID */
    size_t iface_count;
    uint32_t *lockdown; /* ascending */
    size_t lockdown_count;
    char (*metered)[TCTL_IFACE_LEN]; /* ascending; "#7" is number 7 without a name */
    size_t metered_count;
    bool closed; /* nobody passes: the saved policy could not be read */
};

/* *ret_rules is owned by the caller: tctl_firewall_rules_done(). -ESTALE, -ENOMEM, -errno of bpf(2). */
int tctl_firewall_read(struct tctl_firewall *firewall, struct tctl_firewall_rules *ret_rules);
void tctl_firewall_rules_done(struct tctl_firewall_rules *rules);

struct tctl_verdict {
    bool pass;
    /* The chain's name, or "iif", "lockdown", "closed"; passing: "system uid", "loopback", "allowed". Static. */
    const char *reason;
    unsigned int chain; /* 0: no chain's */
};

/*
 * The verdict on a UID's ordinary packet, by the maps as they are now. iface NULL: one that is neither loopback nor
 * metered. A UID of a rootless container is also judged as the user who owns it: ask for both. -ENODEV, -EXDEV as
 * tctl_firewall_set_iface(); -ESTALE, -ENOMEM, -errno of bpf(2).
 */
int tctl_firewall_why(struct tctl_firewall *firewall, uint32_t uid, const char *iface, bool out,
                      struct tctl_verdict *ret_verdict);

/* What the firewall dropped, by whose rule it was and which. */
struct tctl_drop_row {
    uint32_t uid;
    const char *reason; /* static; as in struct tctl_verdict */
    struct tctl_counters counters;
};

/* Ascending by UID, then by reason's number. Needs read_group. Ownership and errors as tctl_read_uids(). */
int tctl_read_drops(struct tctl *traffic, struct tctl_drop_row **ret_rows, size_t *ret_count);

/* Every reason there is, numbered from 1 (a chain's number is its own); static, NULL: there is none. */
const char *tctl_drop_reason(unsigned int number);

/* One thing that is not as asked for. */
struct tctl_difference {
    char what[128]; /* "chain standby", "uid 10001 in dozable", "program egress", "policy", ... */
    char asked[64]; /* "on", "listed", "attached" ... */
    char holds[192];
};

/*
 * What was asked for (saved policy, options) and does not hold: rules that peers or TCTL_RUNTIME changed, programs and
 * links that are gone or others', rules of UIDs that the firewall does not judge, listeners of processes in the control
 * group that were made outside it (in this network namespace), a policy that cannot be read. At most max are written to
 * differences; *ret_count is how many there are. UIDs that differ alike are one difference, which names the first.
 * Without a saved policy rules are not compared: nobody asked for any. Needs root. -ESTALE; -ENOMEM, -errno.
 */
int tctl_firewall_differences(struct tctl_firewall *firewall, struct tctl_difference *differences, size_t max,
                              size_t *ret_count);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
