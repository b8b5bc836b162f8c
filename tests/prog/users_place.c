/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "users_place.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <trafficctl/traffic.h>
#include <unistd.h>

#include <cmocka.h>

#include "base.h"
#include "fd.h"
#include "ifaces.h"
#include "pins.h"
#include "policy_file.h"
#include "state.h"
#include "users_table.h"

static void note_boot(struct tctl_state *state)
{
    _cleanup_free_ char *boot_id = NULL;
    assert_int_equal(fd_read_file("/proc/sys/kernel/random/boot_id", TCTL_BOOT_ID_LEN, &boot_id), 0);
    memcpy(state->boot_id, boot_id, strcspn(boot_id, "\n"));
}

static void note(const struct users_place *place, struct tctl_state *state)
{
    *state = (struct tctl_state){
        .abi_version = TCTL_ABI_VERSION,
        .since_sec = 1700000000,
        .wanted =
            1u << TCTL_PROG_INGRESS | 1u << TCTL_PROG_EGRESS | 1u << TCTL_PROG_CONNECT4 | 1u << TCTL_PROG_CONNECT6,
    };
    snprintf(state->options, sizeof(state->options),
             "[trafficd]\napp_uids = %u-%u\nper_user_range = 0\nexempt_esp = no\nexempt_loopback = no\n"
             "policy = %s\n[maps]\napp_uid_stats = 10000\nuid_stats = 20000\niface_stats = 1000\n",
             USERS_FIRST, USERS_LAST, place->policy);
    note_boot(state);
    assert_int_equal(ifaces_netns(&state->netns_inum), 0);
}

void users_place_make(struct users_place *place, gid_t group)
{
    *place = (struct users_place){.folder = "/tmp/test_users.XXXXXX"};
    assert_non_null(mkdtemp(place->folder));
    assert_return_code(chmod(place->folder, 0755), errno);
    snprintf(place->ours, sizeof(place->ours), "%s/" TCTL_DIR, place->folder);
    snprintf(place->file, sizeof(place->file), "%s/state", place->ours);
    snprintf(place->base, sizeof(place->base), "%s/" NFT_BASE_FILE, place->folder);
    snprintf(place->running, sizeof(place->running), "%s/" PINS_RUNNING_DIR, place->folder);
    snprintf(place->policy, sizeof(place->policy), "%s/policy", place->folder);
    assert_return_code(mkdir(place->ours, 0755), errno);
    assert_return_code(chmod(place->ours, 0711), errno);
    assert_int_equal(state_make_file(place->folder, group, &place->state), 0);
    note(place, place->state);
}

void users_place_remove(struct users_place *place)
{
    char good[160];
    snprintf(good, sizeof(good), "%s" POLICY_FILE_GOOD, place->policy);
    place->state = state_unmap(place->state);
    unlink(place->policy);
    unlink(good);
    unlink(place->base);
    unlink(place->file);
    rmdir(place->running);
    rmdir(place->ours);
    rmdir(place->folder);
}
