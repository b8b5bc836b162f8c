/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * The firewall's maps: what they hold, and how they come to hold something else. The writers' lock is the caller's.
 */
#pragma once

#include "fault.h"
#include "policy.h"

struct enforce {
    int netd[TCTL_POWERSAVE + 1]; /* maps of netd's chains by number; 0 is not used */
    int rules, ifaces, metered, config, generation;
    int names; /* of interfaces, as they were when somebody last followed them; read-only */
};

/* End with enforce_done(), also after a failure. -ENOENT, -EACCES, -EPROTO as pins_open_map(). */
int enforce_open(const char *bpffs, struct enforce *enforce);
void enforce_done(struct enforce *enforce);

/*
 * What the maps hold, interfaces by the names they have now in this network namespace ("#7" where number 7 has none;
 * rules for an interface that is gone: "#0"). *ret_policy is owned by the caller. -ENOMEM, -errno of bpf(2).
 */
int enforce_read(const struct enforce *enforce, struct policy *ret_policy);

/*
 * Make the maps hold this policy, by as few steps as it takes: each UID by one write, what is right already is not
 * touched. A chain that goes on is filled before, one that goes off is emptied after; an allow list gains before it
 * loses, a deny list loses before it gains. That nobody passes ends with it. Raises the generation at the end, also of
 * a failure. Interfaces that are not there: TCTL_NO_IFACE, no metered mark.
 *
 * -E2BIG: a map has not the room; seen before anything is changed unless a peer fills it meanwhile. After any failure
 * the maps are put back; where that fails too, fault says what holds now.
 */
int enforce_apply(const struct enforce *enforce, const struct policy *policy, struct fault *fault);

/* The step of it, for its parts: from what the maps hold to what they are to hold. */
struct image;
int enforce_step(const struct enforce *enforce, const struct image *from, const struct image *to, struct fault *fault);

/* Whether nobody passes because the saved policy could not be read. -errno of bpf(2). */
int enforce_set_closed(const struct enforce *enforce, bool closed);

/*
 * Follow interfaces of this network namespace that came, went or got another name: metered marks and rules of policy
 * get their numbers, numbers that no interface has any more lose theirs. So do those of renamed interfaces that had
 * what policy asks for by their old names, which are those in traffic_iface_index_name_map: it is to be brought up to
 * date after this. Nothing else is touched. -ENOMEM, -errno of bpf(2).
 */
int enforce_follow(const struct enforce *enforce, const struct policy *policy);
