/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "window.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include "generation.h"

#define SECOND_NS UINT64_C(1000000000)

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static int write_words(const struct window *window, struct tctl_tag deleting, uint64_t until_ns)
{
    const uint32_t zero = 0;
    struct tctl_config config;
    int r = bpf_map_lookup_elem(window->config, &zero, &config);
    if (r < 0)
        return r;
    config.deleting = deleting;
    config.deleting_until = until_ns;
    return bpf_map_update_elem(window->config, &zero, &config, BPF_ANY);
}

/* Programs may read while the kernel copies: what is not the UID changes only while that is nobody. */
static int write_open(const struct window *window)
{
    int r = write_words(window, (struct tctl_tag){.uid = TCTL_NOBODY}, window->until_ns);
    if (r == 0)
        r = write_words(window, (struct tctl_tag){.uid = TCTL_NOBODY, .tag = window->what.tag}, window->until_ns);
    return r < 0 ? r : write_words(window, window->what, window->until_ns);
}

int window_open(int config, int generation, const struct tctl_tag *what, struct window *window)
{
    *window = (struct window){
        .config = config,
        .generation = generation,
        .what = *what,
        .until_ns = now_ns() + SECOND_NS,
    };
    int r = write_open(window);
    return r < 0 ? r : generation_raise(generation);
}

int window_hold(struct window *window)
{
    uint64_t old = window->until_ns, now = now_ns();
    if (now + SECOND_NS / 2 < old)
        return 0;
    window->until_ns = now + SECOND_NS;
    int r = write_words(window, window->what, window->until_ns);
    if (r < 0)
        return r;
    /* Asked after writing: this process may have been stopped in between. */
    return now_ns() < old ? 0 : -ETIME;
}

int window_close(const struct window *window)
{
    int r = write_words(window, (struct tctl_tag){.uid = TCTL_NOBODY, .tag = window->what.tag}, 0);
    return r < 0 ? r : generation_raise(window->generation);
}
