/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "started.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include <trafficctl/traffic.h>

#include "base.h"
#include "cleanup.h"
#include "loopback.h"
#include "ruleset.h"
#include "state.h"

struct started at;

void note_warning(const char *text)
{
    strncat(at.warned, text, sizeof(at.warned) - strlen(at.warned) - 1);
}

void write_file(const char *path, const char *text)
{
    _cleanup_fclose_ FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
}

void ask_for(const char *policy)
{
    write_file(at.policy, policy);
    at.options.policy = at.policy;
}

int started_set_up(void **state)
{
    (void)state;
    loopback_enter();
    strcpy(at.folder, "/tmp/test_start_nft.XXXXXX");
    assert_non_null(mkdtemp(at.folder));
    assert_return_code(chmod(at.folder, 0755), errno);
    snprintf(at.ours, sizeof(at.ours), "%s/" TCTL_DIR, at.folder);
    snprintf(at.state, sizeof(at.state), "%s/state", at.ours);
    snprintf(at.policy, sizeof(at.policy), "%s/policy", at.folder);
    snprintf(at.base, sizeof(at.base), "%s/" NFT_BASE_FILE, at.folder);
    snprintf(at.text, sizeof(at.text), STARTED_OPTIONS, USERS_FIRST, USERS_LAST);
    at.options = (struct load_options){
        .bpffs = at.folder,
        .backend = LOAD_BACKEND_NFT,
        .app_uids = {{USERS_FIRST, USERS_LAST}},
        .app_uid_count = 1,
        .effective = at.text,
    };
    return 0;
}

void stop(void)
{
    at.loaded = loaded_free(at.loaded);
}

int started_tear_down(void **state)
{
    (void)state;
    char command[128];
    stop();
    snprintf(command, sizeof(command), "rm -rf %s", at.folder);
    ruleset_run(command);
    return 0;
}

int try_start(void)
{
    at.warned[0] = '\0';
    at.fault = (struct fault){0};
    return loader_start(&at.options, true, note_warning, &at.loaded, &at.fault);
}

void start(void)
{
    if (try_start() < 0)
        fail_msg("%s", at.fault.text);
}

void restart(void)
{
    stop();
    start();
}

struct tctl_state noted(void)
{
    struct tctl_state state = {0};
    assert_int_equal(state_read_pinned(at.folder, &state), 0);
    return state;
}

/* As the last word of an earlier trafficd. */
void write_noted(const struct tctl_state *state)
{
    struct tctl_state *mapped;
    assert_int_equal(state_make_file(at.folder, 0, &mapped), 0);
    *mapped = *state;
    state_unmap(mapped);
}

static struct tctl_counters sent(uint32_t uid)
{
    struct tctl *traffic = NULL;
    struct tctl_counters counters;
    assert_int_equal(tctl_open(at.folder, &traffic), 0);
    assert_int_equal(tctl_read_uid(traffic, uid, &counters), 0);
    tctl_close(traffic);
    return counters;
}

void assert_sent(uint32_t uid, uint64_t packets)
{
    assert_int_equal(sent(uid).tx_packets, packets);
    assert_int_equal(sent(uid).tx_bytes, packets * DATAGRAM);
}
