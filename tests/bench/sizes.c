/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "sizes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "results.h"

static void tell_number(enum who who, bool out, const char *what, double value, const char *unit)
{
    char line[96];

    snprintf(line, sizeof(line), "%s, %s, %s", candidate_names[who], out ? "outgoing" : "incoming", what);
    results_number(line, value, unit, NULL);
}

static int tell(const struct competitor *competitor, bool out)
{
    struct bpf_prog_info info = {};
    __u32 size = sizeof(info);

    if (bpf_obj_get_info_by_fd(out ? competitor->egress : competitor->ingress, &info, &size) < 0) {
        fprintf(stderr, "bench: size of %s: %s\n", candidate_names[competitor->who], strerror(errno));
        return 1;
    }
    tell_number(competitor->who, out, "loaded", info.xlated_prog_len / (double)sizeof(struct bpf_insn), "instructions");
    tell_number(competitor->who, out, "for the CPU", info.jited_prog_len, "bytes");
    if (info.verified_insns)
        tell_number(competitor->who, out, "steps of the verifier", info.verified_insns, "instructions");
    return 0;
}

int sizes_tell(const struct competitor competitors[COMPARED])
{
    static const struct table table = {
        .id = "program_size",
        .title = "How large the programs are",
        .unit = "instructions",
        .how = "As the kernel holds them after its verifier, with all that they call; most of ours is not on the way "
               "of a packet that has a stored answer.",
    };

    results_table(&table);
    for (enum who who = NETD_9; who < COMPARED; who++)
        if (tell(&competitors[who], true) || tell(&competitors[who], false))
            return 1;
    return 0;
}
