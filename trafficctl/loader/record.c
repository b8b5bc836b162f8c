/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "record.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <iface_base.h>
#include <ifaces.h>
#include <net/if.h>
#include <state.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "fd.h"

void record_begin(struct tctl_state *state)
{
    _cleanup_free_ char *boot_id = NULL;
    if (fd_read_file("/proc/sys/kernel/random/boot_id", TCTL_BOOT_ID_LEN, &boot_id) == 0)
        snprintf(state->boot_id, sizeof(state->boot_id), "%.*s", (int)strcspn(boot_id, "\n"), boot_id);
    state->since_sec = (uint64_t)time(NULL);
}

void record_options(struct tctl_state *state, const struct load_options *options)
{
    snprintf(state->options, sizeof(state->options), "%s", options->effective ? options->effective : "");
}

int record_state(const struct job *job, uint32_t wanted, struct tctl_state **ret_state)
{
    uint32_t netns;
    _cleanup_fd_ int fd = -1;
    int r = ifaces_netns(&netns);
    if (r == 0)
        r = pins_open_map(job->options->bpffs, PIN_STATE, true, &fd);
    if (r < 0)
        return r;
    struct tctl_state *state;
    r = state_map(fd, &state);
    if (r < 0)
        return r;

    if (state->since_sec == 0)
        record_begin(state);
    state->percpu = job->options->percpu;
    state->wanted = wanted;
    state->netns_inum = netns;
    record_options(state, job->options);
    *ret_state = state;
    return 0;
}

/*
 * Only numbers without a name get one: the names that others have are what they had before, and whoever follows
 * interfaces sees by them which were renamed.
 */
int record_interfaces(const char *bpffs)
{
    _cleanup_(ifaces_done) struct ifaces ifaces = {0};
    _cleanup_fd_ int fd = -1;
    int r = iface_base_note_all(bpffs);
    if (r == 0)
        r = ifaces_list(&ifaces);
    if (r == 0)
        r = pins_open_map(bpffs, PIN_IFACE_INDEX_NAME, true, &fd);
    if (r < 0)
        return r;
    for (const struct if_nameindex *name = ifaces.all; (r == 0 || r == -EEXIST) && name->if_index; name++) {
        char value[TCTL_IFNAME_LEN] = "";
        uint32_t index = name->if_index;
        snprintf(value, sizeof(value), "%s", name->if_name);
        r = bpf_map_update_elem(fd, &index, value, BPF_NOEXIST);
    }
    return r == -EEXIST ? 0 : r;
}

void record_seen(struct tctl_state *state, uint32_t attached, uint32_t chains)
{
    state->attached = attached;
    state->chains = chains;
    state->seen_sec = (uint64_t)time(NULL);
}
