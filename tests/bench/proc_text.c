/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "proc_text.h"

#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "fd.h"
#include "traffic_abi.h"

#include "proc_text.skel.h"

struct proc_text {
    struct proc_text_object *programs;
    struct bpf_link *link;
    int map;
};

struct proc_text *proc_text_free(struct proc_text *text)
{
    if (!text)
        return NULL;
    bpf_link__destroy(text->link);
    proc_text_object__destroy(text->programs);
    fd_close(text->map);
    free(text);
    return NULL;
}

static int attach(struct proc_text *text)
{
    union bpf_iter_link_info over = {.map.map_fd = (unsigned int)text->map};
    LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &over, .link_info_len = sizeof(over));

    text->link = bpf_program__attach_iter(text->programs->progs.print_row, &options);
    return text->link ? 0 : -1;
}

struct proc_text *proc_text_new(unsigned int rows)
{
    struct proc_text *text = calloc(1, sizeof(*text));

    if (!text)
        return NULL;
    text->map = bpf_map_create(BPF_MAP_TYPE_HASH, "rows", sizeof(struct tctl_stats_key),
                               sizeof(struct tctl_stats_value), rows, NULL);
    text->programs = proc_text_object__open_and_load();
    if (text->map >= 0 && text->programs && attach(text) == 0)
        return text;
    perror("bench: the kernel cannot print rows");
    return proc_text_free(text);
}

int proc_text_map(const struct proc_text *text)
{
    return text->map;
}

FILE *proc_text_open(const struct proc_text *text)
{
    int fd = bpf_iter_create(bpf_link__fd(text->link));

    return fd < 0 ? NULL : fdopen(fd, "r");
}
