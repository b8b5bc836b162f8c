/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "test_run.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>

#include "cpu.h"
#include "netd_rules.h"
#include "traffic_abi.h"

#define BATCH 4096 /* cookies that the kernel gives to a CPU at a time */
#define AHEAD 64   /* somebody else may make sockets on this CPU */
#define TRIES 10

static uint64_t cookie_now(void)
{
    uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
    close(fd);
    return cookie;
}

/* One whose successors are of the same batch: 1 to 4096 are the first. */
static uint64_t cookie_before_a_few(void)
{
    uint64_t cookie = cookie_now();

    while ((cookie - 1) % BATCH >= BATCH - AHEAD)
        cookie = cookie_now();
    return cookie;
}

static void tag_cookies_after(const struct competitor *competitor, uint64_t cookie, uint32_t uid)
{
    const struct tctl_tag tag = {.uid = uid, .tag = APP_TAG};

    for (uint64_t next = cookie + 1; next <= cookie + AHEAD; next++)
        bpf_map_update_elem(competitor->cookie_tag, &next, &tag, BPF_ANY);
}

static void untag_cookies_after(const struct competitor *competitor, uint64_t cookie)
{
    for (uint64_t next = cookie + 1; next <= cookie + AHEAD; next++)
        bpf_map_delete_elem(competitor->cookie_tag, &next);
}

/* The verdict of the last run, or -errno. */
static int run(int prog, uint32_t repeat, double *ret_ns)
{
    uint8_t packet[ETH_HLEN + 64] = {[12] = ETH_P_IP >> 8, [13] = ETH_P_IP & 0xff};
    struct iphdr *ip = (struct iphdr *)(packet + ETH_HLEN);
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet), .repeat = repeat);
    double start;
    int r;

    ip->version = 4;
    ip->ihl = 5;
    ip->tot_len = htons(64);
    ip->protocol = IPPROTO_UDP;
    start = cpu_ns();
    r = bpf_prog_test_run_opts(prog, &run);
    *ret_ns = (cpu_ns() - start) / repeat;
    return r < 0 ? -errno : (int)run.retval;
}

/*
 * The verdict of the last run; -EAGAIN: others took all cookies that were tagged. Then the packets are its socket's
 * owner's, 0; the app's own counters do not tell, since another thread may count there too.
 */
static int run_tagged(const struct competitor *competitor, int prog, uint32_t charged, uint32_t repeat, double *ret_ns)
{
    uint64_t cookie = cookie_before_a_few(), untagged = competitor_counted(competitor, 0);
    int verdict;

    tag_cookies_after(competitor, cookie, charged);
    verdict = run(prog, repeat, ret_ns);
    untag_cookies_after(competitor, cookie);
    return competitor_counted(competitor, 0) > untagged ? -EAGAIN : verdict;
}

double test_run(const struct competitor *competitor, bool out, uint32_t charged, uint32_t repeat)
{
    uint64_t before = competitor_counted(competitor, charged), counted;
    int verdict = -EAGAIN;
    double ns = -1;

    for (int i = 0; i < TRIES && verdict == -EAGAIN; i++)
        verdict = run_tagged(competitor, out ? competitor->egress : competitor->ingress, charged, repeat, &ns);
    counted = competitor_counted(competitor, charged) - before;
    if (verdict == 1 && (competitor->who == EMPTY || counted >= repeat))
        return ns;
    fprintf(stderr, "bench: %s: verdict %d, %llu of %u packets counted\n", candidate_names[competitor->who], verdict,
            (unsigned long long)counted, repeat);
    return -1;
}

/* As writers of policy do: what our programs know of a UID is old then. */
static void raise_generation(const struct competitor *competitor)
{
    const uint32_t zero = 0;
    uint64_t generation;

    if (bpf_map_lookup_elem(competitor->generation, &zero, &generation) < 0)
        return;
    generation++;
    bpf_map_update_elem(competitor->generation, &zero, &generation, BPF_ANY);
}

static void list(const struct competitor *competitor, bool listed)
{
    const struct netd_owner owner = {.rules = NETD_DOZABLE | NETD_POWERSAVE};
    const uint8_t allowed = 1;
    const uint32_t app = 0;

    if (listed)
        bpf_map_update_elem(competitor->allowed, &app, competitor->owner_rows ? (const void *)&owner : &allowed,
                            BPF_ANY);
    else
        bpf_map_delete_elem(competitor->allowed, &app);
    raise_generation(competitor);
}

int test_run_check(const struct competitor *competitor)
{
    int unlisted, listed;
    double ns;

    if (competitor->who == EMPTY)
        return 0;
    list(competitor, false);
    unlisted = run(competitor->egress, 1, &ns);
    list(competitor, true);
    listed = run(competitor->egress, 1, &ns);
    if (unlisted == 0 && listed == 1)
        return 0;
    fprintf(stderr, "bench: %s: unlisted %d, listed %d\n", candidate_names[competitor->who], unlisted, listed);
    return -ENODATA;
}

int competitors_check(const struct competitor competitors[COMPARED])
{
    int r = 0;

    for (enum who who = EMPTY; who < COMPARED && r == 0; who++)
        r = test_run_check(&competitors[who]);
    return r;
}
