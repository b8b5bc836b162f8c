/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "legacy_world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>

#include "cleanup.h"
#include "fd.h"
#include "legacy.h"
#include "pins.h"

#define PATH "/usr/sbin:/usr/bin:/sbin:/bin"

static const enum pin_id directions[] = {PIN_XT_INGRESS_PROG, PIN_XT_EGRESS_PROG};

static int load(int map, uint32_t direction)
{
    const struct bpf_insn code[] = {
        {.code = BPF_LD | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = map},
        {.imm = (int)direction * 8},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 1},
        {.code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_2, .imm = BPF_ADD},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "counts", "GPL", code, ARRAY_SIZE(code), NULL);
    assert_return_code(fd, errno);
    return fd;
}

void legacy_world_replace_programs(struct legacy_world *world)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(directions); i++) {
        struct bpf_prog_info info = {0};
        uint32_t size = sizeof(info);
        _cleanup_free_ char *path = NULL;
        _cleanup_fd_ int fd = load(world->counts, i);
        assert_return_code(pins_path(world->bpffs, directions[i], &path), 0);
        unlink(path);
        assert_return_code(bpf_obj_pin(fd, path), errno);
        assert_return_code(bpf_obj_get_info_by_fd(fd, &info, &size), errno);
        world->programs[i] = info.id;
    }
}

uint64_t legacy_world_count(const struct legacy_world *world, uint32_t direction)
{
    const uint32_t zero = 0;
    uint64_t counts[2];
    assert_return_code(bpf_map_lookup_elem(world->counts, &zero, counts), errno);
    return counts[direction];
}

void legacy_world_run(const char *format, ...)
{
    char line[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof(line), format, list);
    va_end(list);
    int status = system(line);
    if (status != 0)
        fail_msg("%s: status 0x%x", line, status);
}

int legacy_world_set_up(void **state)
{
    struct legacy_world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    setenv("PATH", PATH, 1);
    assert_return_code(unshare(CLONE_NEWNET), errno);
    legacy_world_run("ip link set lo up");
    strcpy(world->bpffs, "/tmp/trafficctl-legacy-XXXXXX");
    strcpy(world->folder, "/tmp/trafficctl-tools-XXXXXX");
    assert_non_null(mkdtemp(world->bpffs));
    assert_non_null(mkdtemp(world->folder));
    assert_return_code(mount("bpf", world->bpffs, "bpf", 0, "mode=0700"), errno);
    world->counts = bpf_map_create(BPF_MAP_TYPE_ARRAY, "counts", 4, 16, 1, NULL);
    assert_return_code(world->counts, errno);
    legacy_world_replace_programs(world);
    *state = world;
    return 0;
}

int legacy_world_tear_down(void **state)
{
    struct legacy_world *world = *state;
    setenv("PATH", PATH, 1);
    close(world->counts);
    umount2(world->bpffs, MNT_DETACH);
    rmdir(world->bpffs);
    legacy_world_run("rm -r '%s'", world->folder);
    free(world);
    /* What this namespace still has goes with it. */
    return unshare(CLONE_NEWNET);
}

static void append_output(FILE *to, const char *command)
{
    char line[4096];
    FILE *from = popen(command, "r");
    assert_non_null(from);
    while (fgets(line, sizeof(line), from))
        if (*line != '#')
            fputs(line, to);
    assert_int_equal(pclose(from), 0);
}

char *legacy_world_save(const char *option)
{
    char command[64], *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    snprintf(command, sizeof(command), "/usr/sbin/iptables-legacy-save %s", option);
    append_output(to, command);
    snprintf(command, sizeof(command), "/usr/sbin/ip6tables-legacy-save %s", option);
    append_output(to, command);
    fclose(to);
    return text;
}

void legacy_world_script(const struct legacy_world *world, const char *tool, const char *lines)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", world->folder, tool);
    FILE *to = fopen(path, "we");
    assert_non_null(to);
    fprintf(to, "#!/bin/sh\n%s\n", lines);
    assert_return_code(fchmod(fileno(to), 0755), errno);
    fclose(to);
    snprintf(path, sizeof(path), "%s:" PATH, world->folder);
    setenv("PATH", path, 1);
}

void legacy_world_forget_scripts(const struct legacy_world *world)
{
    legacy_world_run("rm -f '%s'/*", world->folder);
    setenv("PATH", PATH, 1);
}

int legacy_world_sink(int family)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_return_code(fd, errno);
    assert_return_code(bind(fd, address, family == AF_INET ? sizeof(v4) : sizeof(v6)), errno);
    return fd;
}

void legacy_world_send(int sink, unsigned int packets)
{
    struct sockaddr_storage to = {0};
    socklen_t length = sizeof(to);
    assert_return_code(getsockname(sink, (struct sockaddr *)&to, &length), errno);
    _cleanup_fd_ int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_return_code(fd, errno);
    for (unsigned int i = 0; i < packets; i++)
        assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, length), 1);
}

void legacy_world_put(const struct legacy_world *world)
{
    struct fault fault = {0};
    int r = legacy_put(world->bpffs, &fault);
    if (r != 0)
        fail_msg("legacy_put: %d: %s", r, fault.text);
}

void legacy_world_take_away(const struct legacy_world *world)
{
    struct fault fault = {0};
    int r = legacy_remove(world->bpffs, &fault);
    if (r != 0)
        fail_msg("legacy_remove: %d: %s", r, fault.text);
}

uint32_t legacy_world_look(const struct legacy_world *world)
{
    uint32_t there = 0xFF;
    struct fault fault = {0};
    int r = legacy_look(world->bpffs, &there, &fault);
    if (r != 0)
        fail_msg("legacy_look: %d: %s", r, fault.text);
    return there;
}

void legacy_world_assert_saved(const char *option, const char *expected)
{
    _cleanup_free_ char *saved = legacy_world_save(option);
    assert_string_equal(saved, expected);
}

void legacy_world_assert_no_tables(void)
{
    const char *const files[] = {"/proc/thread-self/net/ip_tables_names", "/proc/thread-self/net/ip6_tables_names"};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        _cleanup_free_ char *names = NULL;
        assert_return_code(fd_read_file(files[i], 4096, &names), 0);
        assert_string_equal(names, "");
    }
}
