/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "netd_candidate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "candidates.h"
#include "traffic_abi.h"

#include "netd_like.skel.h"

/* The chain's switch, and the app if it is an allow list. */
static void fill_chain(struct bpf_map *map, uint32_t app, bool is_allow_list)
{
    const uint32_t on = TCTL_CHAIN_SWITCH;
    const uint8_t yes = 1;

    bpf_map__update_elem(map, &on, sizeof(on), &yes, sizeof(yes), BPF_ANY);
    if (is_allow_list)
        bpf_map__update_elem(map, &app, sizeof(app), &yes, sizeof(yes), BPF_ANY);
}

struct netd_like *netd_candidate_load(uint32_t app)
{
    struct netd_like *netd = netd_like__open();

    if (!netd)
        return NULL;
    netd->rodata->first_app = app;
    if (netd_like__load(netd) < 0) {
        fprintf(stderr, "bench: cannot load netd's questions: %s\n", strerror(errno));
        netd_like__destroy(netd);
        return NULL;
    }
    fill_chain(netd->maps.dozable, app, true);
    fill_chain(netd->maps.standby, app, false);
    fill_chain(netd->maps.powersave, app, true);
    candidates_tag_sockets_to_come(netd->maps.cookie_tag, app);
    return netd;
}
