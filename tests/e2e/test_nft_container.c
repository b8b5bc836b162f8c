/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Whoever is root of a user namespace alone, in a file system of his own, has no bpf(2): nf_tables counts, and nobody
 * had to say so.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "meter.h"
#include "userns.h"

/* $0: where the file system is made; $1: where the programs are. */
static const char MAKE_ROOT[] = "mount -t tmpfs root $0; cd $0; mkdir run tmp;"
                                "for d in bin dev etc lib lib64 proc sbin usr $1; do [ ! -e /$d ] || { mkdir -p ./$d; "
                                "mount --rbind /$d ./$d; }; done;"
                                "exec chroot . /bin/sh -ec \"$2\" $1";

/* $0: where the programs are. Datagrams of one byte, to nobody. */
static const char LIVE[] = "ip link set lo up;"
                           "$0/trafficd --load-only --policy /run/policy;"
                           "for i in 1 2 3; do bash -c 'echo -n x >/dev/udp/127.0.0.1/9' || :; done;"
                           "$0/trafficctl stats uid 0 | grep -q ' 87 *3$';"
                           "$0/trafficctl status | grep -q '^backend: nft, since bpf(2): Operation not permitted';"
                           "$0/trafficctl unload;"
                           "[ -z \"$(nft list ruleset)\" ]";

static int live(int channel, void *unused)
{
    int r = userns_enter(channel) ?: unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 ? -errno : 0;

    (void)unused;
    if (r == 0)
        execl("/bin/sh", "sh", "-ec", MAKE_ROOT, the_world->bpffs, TCTL_BUILD, LIVE, NULL);
    return r ?: -errno;
}

static void test_root_of_a_user_namespace(void **state)
{
    struct actor actor;

    (void)state;
    userns_start(live, NULL, &actor);
    assert_int_equal(actor_wait(&actor), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_of_a_user_namespace),
    };
    const struct world_options options = {.no_daemon = true, .backend = "auto"};

    return run_world("a container", tests, sizeof(tests) / sizeof(*tests), &options);
}
