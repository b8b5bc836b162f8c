/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* counterset */
#include "cmd.h"
#include "tagger.h"

enum cli_status cmd_counterset(const struct cli *cli, int argc, char **argv)
{
    _cleanup_tagger_ struct tagger tagger = {0};
    uint32_t uid = 0, set = 0;
    enum cli_status status = cli_uid("UID", argv[1], &uid);

    (void)argc;
    if (status == CLI_DONE)
        status = cli_number("counterset", argv[2], 0, 1, &set);
    if (status == CLI_DONE)
        status = tagger_open(cli, &tagger);
    if (status != CLI_DONE)
        return status;
    int r = tagger_counter_set(&tagger, uid, set);
    return r < 0 ? tagger_failed(&tagger, r, "cannot choose the counter set of %s", argv[1]) : CLI_DONE;
}
