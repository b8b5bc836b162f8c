/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "surroundings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "cleanup.h"
#include "fd.h"

static void list(const char *path, FILE *to)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    assert_return_code(count, errno);
    for (int i = 0; i < count; i++) {
        char file[PATH_MAX];
        struct stat status;
        snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0) {
            assert_return_code(lstat(file, &status), errno);
            fprintf(to, "%s %llu %u:%u %o\n", file, (unsigned long long)status.st_ino, status.st_uid, status.st_gid,
                    status.st_mode);
            if (S_ISDIR(status.st_mode))
                list(file, to);
        }
        free(entries[i]);
    }
    free(entries);
}

char *surroundings_list(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    assert_non_null(to);
    list(path, to);
    fclose(to);
    return text;
}

static int open_cgroup(const char *cgroup)
{
    int fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_return_code(fd, errno);
    return fd;
}

struct attached surroundings_attached(const char *cgroup, uint32_t attach_type)
{
    struct attached attached = {.count = SURROUNDINGS_MAX};
    _cleanup_fd_ int fd = open_cgroup(cgroup);
    assert_return_code(bpf_prog_query(fd, attach_type, 0, NULL, attached.ids, &attached.count), errno);
    return attached;
}

void surroundings_attach_alone(const char *cgroup, uint32_t attach_type)
{
    const struct bpf_insn pass[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach_type);
    _cleanup_fd_ int fd = open_cgroup(cgroup);
    _cleanup_fd_ int program =
        bpf_prog_load(BPF_PROG_TYPE_CGROUP_SKB, "alone", "GPL", pass, ARRAY_SIZE(pass), &options);
    assert_return_code(program, errno);
    assert_return_code(bpf_prog_attach(program, fd, attach_type, 0), errno);
}

void surroundings_detach(const char *cgroup, uint32_t attach_type)
{
    _cleanup_fd_ int fd = open_cgroup(cgroup);
    assert_return_code(bpf_prog_detach(fd, attach_type), errno);
}

pid_t surroundings_fork(child_fn run, void *context)
{
    fflush(NULL);
    pid_t child = fork();
    assert_return_code(child, errno);
    if (child == 0)
        _exit(run(context));
    return child;
}

int surroundings_wait(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status))
        fail_msg("the child died of signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}
