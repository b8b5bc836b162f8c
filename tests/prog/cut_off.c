/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "cut_off.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/bpf.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

struct traced {
    child_fn run;
    void *context;
};

/* Does this call of a child change what others see? */
typedef bool (*changes_fn)(pid_t child, const struct __ptrace_syscall_info *call);

static int run_traced(void *context)
{
    const struct traced *traced = context;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
        return EXIT_FAILURE;
    return traced->run(traced->context);
}

static bool is_change(pid_t child, const struct __ptrace_syscall_info *call)
{
    const uint64_t number = call->entry.nr, command = call->entry.args[0];
    (void)child;
    if (number != __NR_bpf)
        return number == __NR_renameat2
#ifdef __NR_renameat
               || number == __NR_renameat
#endif
#ifdef __NR_rename
               || number == __NR_rename
#endif
            ;
    return command == BPF_OBJ_PIN || command == BPF_PROG_TEST_RUN || command == BPF_MAP_UPDATE_ELEM ||
           command == BPF_MAP_UPDATE_BATCH || command == BPF_LINK_CREATE || command == BPF_LINK_UPDATE;
}

/* The type of a message is behind its length. */
static bool is_batch(pid_t child, const struct __ptrace_syscall_info *call)
{
    union {
        long word;
        struct {
            uint32_t length;
            uint16_t type, flags;
        } head;
    } begin = {0};
    if (call->entry.nr != __NR_sendto)
        return false;
    begin.word = ptrace(PTRACE_PEEKDATA, child, (void *)call->entry.args[1], NULL);
    return begin.head.type == NFNL_MSG_BATCH_BEGIN;
}

/* It stands before a call or behind one. */
static bool stands_before_change(pid_t child, changes_fn changes)
{
    struct __ptrace_syscall_info info = {0};
    assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) > 0);
    return info.op == PTRACE_SYSCALL_INFO_ENTRY && changes(child, &info);
}

/* Its own children, as probes are, run on untraced. */
static bool reaches_change(pid_t child, changes_fn changes, unsigned int change)
{
    int status, signal_number = 0;
    while (change > 0) {
        assert_return_code(ptrace(PTRACE_SYSCALL, child, NULL, (long)signal_number), errno);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            return false;
        }
        assert_true(WIFSTOPPED(status));
        bool call = WSTOPSIG(status) == (SIGTRAP | 0x80);
        signal_number = call ? 0 : WSTOPSIG(status);
        change -= call && stands_before_change(child, changes);
    }
    return true;
}

static bool cut_off_at(child_fn run, void *context, changes_fn changes, unsigned int change)
{
    struct traced traced = {run, context};
    int status;
    pid_t child = surroundings_fork(run_traced, &traced);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSTOPPED(status));
    assert_return_code(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), errno);
    if (!reaches_change(child, changes, change))
        return false;
    assert_return_code(kill(child, SIGKILL), errno);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    return true;
}

bool cut_off(child_fn run, void *context, unsigned int change)
{
    return cut_off_at(run, context, is_change, change);
}

bool cut_off_batch(child_fn run, void *context, unsigned int batch)
{
    return cut_off_at(run, context, is_batch, batch);
}
