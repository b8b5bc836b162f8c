/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficctl's tags: at the maps, through trafficd, refused; and the example program of libtrafficctl-tag. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <trafficctl/accounting.h>

#include "fd.h"
#include "kit.h"
#include "program.h"

#define UID 10001
#define OTHER 10002

static struct program said;

/* trafficctl with the world's pins and more words, as a user. These commands print nothing when they succeed. */
__attribute__((format(printf, 3, 4))) static void ctl(uid_t uid, int exit, const char *format, ...)
{
    const char *argument[16] = {"--bpffs", the_world->bpffs};
    char line[256];
    size_t n = 2;
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    for (char *w = strtok(line, " "); w && n < ARRAY_SIZE(argument) - 1; w = strtok(NULL, " "))
        argument[n++] = w;
    run_as(uid, "trafficctl", argument, &said);
    assert_string_equal(said.out, "");
    if (exit == 0)
        assert_string_equal(said.error, "");
    assert_int_equal(said.exit, exit);
}

/* A process that has a socket, and our own descriptors for it and for the other end. */
struct holder {
    struct actor actor;
    uint64_t number; /* what it calls its descriptor */
    struct udp udp;
};

/* Such a process was root before: it says that it is not to be hidden from its own user. */
static int hold(int channel, void *arg)
{
    const int *given = arg;
    int fd = given ? *given : socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    uint64_t end;

    if (fd < 0 || prctl(PR_SET_DUMPABLE, 1) < 0 || channel_send(channel, (uint64_t)fd) < 0 ||
        channel_send_fd(channel, fd) < 0)
        return -EIO;
    return channel_recv(channel, &end) == -EPIPE ? 0 : -EIO;
}

/* given: a socket of somebody else's; NULL: the process makes its own. */
static struct holder holder_start(uid_t uid, int *given)
{
    union address at_b = address_of(AF_INET, 0, 0);
    struct holder holder = {.number = 0};

    assert_int_equal(actor_start(the_world, PLACE_A, uid, hold, given, &holder.actor), 0);
    assert_int_equal(channel_recv(holder.actor.channel, &holder.number), 0);
    holder.udp.a = channel_recv_fd(holder.actor.channel);
    holder.udp.b = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_DGRAM, 0);
    assert_true(holder.udp.a >= 0 && holder.udp.b >= 0);
    bind_to(holder.udp.b, &at_b);
    at_b = name_of(holder.udp.b);
    assert_return_code(connect(holder.udp.a, &at_b.any, address_size(&at_b)), errno);
    return holder;
}

static void holder_end(struct holder *holder)
{
    assert_int_equal(actor_wait(&holder->actor), 0);
    udp_close(&holder->udp);
}

static void send_times(const struct holder *holder, int times)
{
    for (int i = 0; i < times; i++)
        udp_send(holder->udp.a, holder->udp.b, 72);
}

/* Datagrams that were counted under a tag since before. */
static void counted(uint32_t uid, uint32_t tag, struct tctl_counters before, uint64_t packets)
{
    assert_counters_equal("tag", counters_less(tag_sum(the_world, uid, tag), before),
                          (struct tctl_counters){.tx_packets = packets, .tx_bytes = packets * 100});
}

/* A tag on, exact to the packet, and off again; words name the way. */
static void tags_and_untags(uid_t caller, const char *words, const struct holder *holder)
{
    struct tctl_counters before = tag_sum(the_world, UID, 0xabc);

    send_times(holder, 2);
    ctl(caller, 0, "%s tag --pid %d --fd %lu --tag 0xabc", words, holder->actor.pid, holder->number);
    assert_tag(the_world, holder->udp.a, UID, 0xabc);
    send_times(holder, 5);
    ctl(caller, 0, "%s untag --pid %d --fd %lu", words, holder->actor.pid, holder->number);
    assert_tag(the_world, holder->udp.a, UINT32_MAX, 0);
    send_times(holder, 3);
    counted(UID, 0xabc, before, 5);
}

static const char *through(const char *server)
{
    static char words[128];

    snprintf(words, sizeof(words), "--socket %s", server);
    return words;
}

static void test_root_tags_while_trafficd_is_down(void **state)
{
    struct holder holder = holder_start(UID, NULL);

    (void)state;
    assert_int_equal(world_stop_daemon(the_world, SIGTERM, NULL), 0);
    tags_and_untags(0, "", &holder);
    assert_int_equal(world_start_daemon(the_world), 0);
    holder_end(&holder);
}

static void test_user_tags_through_trafficd(void **state)
{
    struct holder holder = holder_start(UID, NULL);

    (void)state;
    tags_and_untags(UID, through(the_world->fwmarkd), &holder);
    tags_and_untags(0, through(the_world->fwmarkd), &holder);
    holder_end(&holder);
}

/* As if the world's server were this machine's, and the caller the plain user who found it there. */
__attribute__((noreturn)) static void tag_in_a_world_of_its_own(const struct holder *holder,
                                                                struct program *ret_program)
{
    char pid[16], fd[16];
    const char *const arguments[] = {"--bpffs", the_world->bpffs, "tag", "--pid", pid, "--fd", fd, NULL};

    snprintf(pid, sizeof(pid), "%d", holder->actor.pid);
    snprintf(fd, sizeof(fd), "%lu", holder->number);
    if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("run", "/run", "tmpfs", 0, "mode=0755") == 0 && mkdir("/run/trafficctl", 0755) == 0 &&
        symlink(the_world->fwmarkd, "/run/trafficctl/fwmarkd") == 0)
        run_as(UID, "trafficctl", arguments, ret_program);
    _exit(0);
}

static void test_user_without_the_maps_asks_trafficd(void **state)
{
    struct holder holder = holder_start(UID, NULL);
    struct program *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid;

    (void)state;
    assert_true(shared != MAP_FAILED);
    shared->exit = -1;
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        tag_in_a_world_of_its_own(&holder, shared);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_string_equal(shared->error, "");
    assert_int_equal(shared->exit, 0);
    assert_tag(the_world, holder.udp.a, UID, 0); /* no --tag, no --uid */
    munmap(shared, sizeof(*shared));
    holder_end(&holder);
}

static void test_tag_charges_whom_it_is_told_to(void **state)
{
    struct holder holder = holder_start(UID, NULL);
    struct meter owner, payer;

    (void)state;
    ctl(0, 0, "tag --pid %d --fd %lu --uid %d", holder.actor.pid, holder.number, OTHER);
    assert_tag(the_world, holder.udp.a, OTHER, 0);
    owner = meter_start(the_world, UID, &(struct wire_filter){.family = AF_INET});
    payer = meter_start(the_world, OTHER, &(struct wire_filter){.family = AF_INET});
    send_times(&holder, 4);
    meter_exact(&payer);
    assert_counters_equal("owner", meter_counted(&owner), (struct tctl_counters){0});
    ctl(0, 0, "tag --pid %d --fd %lu", holder.actor.pid, holder.number);
    assert_tag(the_world, holder.udp.a, UID, 0);
    holder_end(&holder);
}

/* Who only holds a socket is not who pays for it. */
static void test_socket_of_another_charges_its_owner(void **state)
{
    _cleanup_fd_ int fd = socket_as(the_world, PLACE_A, UID, AF_INET, SOCK_DGRAM, 0);
    struct holder holder = holder_start(OTHER, &fd);
    const char *server = through(the_world->fwmarkd);

    (void)state;
    ctl(OTHER, 1, "%s tag --pid %d --fd %lu --tag 7", server, holder.actor.pid, holder.number);
    assert_refused(&said, 1, "accounting_group", the_world->fwmarkd);
    assert_tag(the_world, fd, UINT32_MAX, 0);
    ctl(OTHER, 0, "%s tag --pid %d --fd %lu --tag 7 --uid %d", server, holder.actor.pid, holder.number, OTHER);
    assert_tag(the_world, fd, OTHER, 7);
    ctl(0, 0, "tag --pid %d --fd %lu --tag 7", holder.actor.pid, holder.number);
    assert_tag(the_world, fd, UID, 7);
    ctl(OTHER, 1, "%s untag --pid %d --fd %lu", server, holder.actor.pid, holder.number);
    assert_refused(&said, 1, "accounting_group", NULL);
    holder_end(&holder);
}

static struct tctl_counters of_set(uint32_t set)
{
    return detail_sum(the_world,
                      &(struct tctl_filter){.has_uid = true, .uid = UID, .has_tag = true, .has_set = true, .set = set});
}

static void test_counterset(void **state)
{
    struct holder holder = holder_start(UID, NULL);
    struct tctl_counters background, foreground;

    (void)state;
    send_times(&holder, 1);
    background = of_set(0);
    foreground = of_set(1);
    ctl(0, 0, "counterset %d 1", UID);
    send_times(&holder, 3);
    ctl(0, 0, "%s counterset %d 0", through(the_world->fwmarkd), UID);
    send_times(&holder, 2);
    assert_counters_equal("foreground", counters_less(of_set(1), foreground), (struct tctl_counters){0, 0, 300, 3});
    assert_counters_equal("background", counters_less(of_set(0), background), (struct tctl_counters){0, 0, 200, 2});
    assert_int_equal(map_rows(the_world, "traffic_uid_counterSet_map"), 0);
    holder_end(&holder);
}

static void test_delete_tag_data(void **state)
{
    struct holder holder = holder_start(UID, NULL);
    struct tctl_counters total;

    (void)state;
    for (int tag = 21; tag <= 22; tag++) {
        ctl(0, 0, "tag --pid %d --fd %lu --tag %d", holder.actor.pid, holder.number, tag);
        send_times(&holder, tag);
    }
    total = uid_total(the_world, UID);
    ctl(0, 0, "delete-tag-data %d 21", UID);
    counted(UID, 21, (struct tctl_counters){0}, 0);
    counted(UID, 22, (struct tctl_counters){0}, 22);
    assert_counters_equal("total", uid_total(the_world, UID), total);
    assert_tag(the_world, holder.udp.a, UID, 22);
    ctl(0, 0, "%s delete-tag-data %d", through(the_world->fwmarkd), UID);
    assert_counters_equal("total", uid_total(the_world, UID), (struct tctl_counters){0});
    assert_tag(the_world, holder.udp.a, UINT32_MAX, 0);
    holder_end(&holder);
}

static void test_accounting_is_not_for_everybody(void **state)
{
    const char *server = through(the_world->fwmarkd);

    (void)state;
    ctl(UID, 1, "%s counterset %d 1", server, UID);
    assert_refused(&said, 1, "accounting_group", NULL);
    ctl(UID, 1, "%s delete-tag-data %d", server, UID);
    assert_refused(&said, 1, "accounting_group", NULL);
}

static void test_server_that_is_not_there(void **state)
{
    struct holder holder = holder_start(UID, NULL);

    (void)state;
    ctl(0, 1, "--socket %s/none tag --pid %d --fd %lu", the_world->folder, holder.actor.pid, holder.number);
    assert_refused(&said, 1, "start trafficd", "/none");
    assert_tag(the_world, holder.udp.a, UINT32_MAX, 0);
    ctl(0, 1, "--bpffs %s counterset %d 1", the_world->folder, UID);
    assert_refused(&said, 1, the_world->folder, "has trafficd run");
    holder_end(&holder);
}

static void test_what_cannot_be_tagged(void **state)
{
    struct holder holder = holder_start(UID, NULL);
    _cleanup_fd_ int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    _cleanup_fd_ int file = memfd_create("file", MFD_CLOEXEC);
    struct rows before, after;

    (void)state;
    rows_read(the_world, &before);
    ctl(0, 1, "tag --pid %d --fd 999999", holder.actor.pid);
    assert_refused(&said, 1, "no descriptor 999999", NULL);
    ctl(0, 1, "tag --pid 2147483647 --fd 0");
    assert_refused(&said, 1, "no process 2147483647", NULL);
    ctl(0, 1, "tag --pid %d --fd %d", getpid(), file);
    assert_refused(&said, 1, "not a socket", NULL);
    ctl(0, 1, "tag --pid %d --fd %d", getpid(), local);
    assert_refused(&said, 1, "only IPv4 and IPv6", NULL);
    ctl(0, 1, "untag --pid %d --fd %lu", holder.actor.pid, holder.number);
    assert_refused(&said, 1, "not tagged", NULL);
    ctl(OTHER, 1, "%s tag --pid %d --fd %lu", through(the_world->fwmarkd), holder.actor.pid, holder.number);
    assert_refused(&said, 1, "another user's", "root");
    rows_read(the_world, &after);
    assert_rows_equal(&after, &before);
    holder_end(&holder);
}

struct thread {
    pthread_barrier_t barrier; /* it is there; it may go */
    pid_t number;
};

static void *be_there(void *arg)
{
    struct thread *thread = arg;

    thread->number = gettid();
    pthread_barrier_wait(&thread->barrier);
    pthread_barrier_wait(&thread->barrier);
    return NULL;
}

static void test_thread_is_no_process(void **state)
{
    struct thread thread;
    pthread_t id;

    (void)state;
    assert_int_equal(pthread_barrier_init(&thread.barrier, NULL, 2), 0);
    assert_int_equal(pthread_create(&id, NULL, be_there, &thread), 0);
    pthread_barrier_wait(&thread.barrier);
    ctl(0, 1, "tag --pid %d --fd 0", thread.number);
    pthread_barrier_wait(&thread.barrier);
    assert_int_equal(pthread_join(id, NULL), 0);
    pthread_barrier_destroy(&thread.barrier);
    assert_refused(&said, 1, "is a thread", NULL);
}

static void test_limit_of_tags_is_explained(void **state)
{
    struct tctl_accounting *accounting;
    struct holder holder = holder_start(UID, NULL);

    (void)state;
    assert_int_equal(tctl_accounting_open(the_world->bpffs, &accounting), 0);
    for (uint32_t tag = 1; tag <= TCTL_TAGS_PER_UID; tag++)
        assert_int_equal(tctl_socket_tag(accounting, holder.udp.a, OTHER, tag), 0);
    tctl_accounting_close(accounting);
    ctl(0, 1, "tag --pid %d --fd %lu --uid %d --tag 501", holder.actor.pid, holder.number, OTHER);
    assert_refused(&said, 1, "500 other tags", "delete-tag-data");
    ctl(0, 1, "%s tag --pid %d --fd %lu --uid %d --tag 501", through(the_world->fwmarkd), holder.actor.pid,
        holder.number, OTHER);
    assert_refused(&said, 1, "500 other tags", "delete-tag-data");
    ctl(0, 0, "delete-tag-data %d 7", OTHER);
    ctl(0, 0, "tag --pid %d --fd %lu --uid %d --tag 501", holder.actor.pid, holder.number, OTHER);
    assert_tag(the_world, holder.udp.a, OTHER, 501);
    ctl(0, 0, "delete-tag-data %d", OTHER);
    holder_end(&holder);
}

static void test_wrong_arguments_change_nothing(void **state)
{
    static const char *const wrong[][2] = {
        {"tag", "--pid P --fd N"},
        {"tag --pid 1", "--pid P --fd N"},
        {"untag --fd 1", "--pid P --fd N"},
        {"tag --pid 0 --fd 1", "--pid"},
        {"tag --pid -1 --fd 1", "--pid"},
        {"tag --pid 1 --fd x", "--fd"},
        {"tag --pid 1 --fd 1 --tag 4294967296", "--tag"},
        {"tag --pid 1 --fd 1 --uid 4294967295", "--uid"},
        {"tag --pid 1 --fd 1 --uid nobody-of-that-name", "nobody-of-that-name"},
        {"tag --pid 1 --fd 1 5", "'5'"},
        {"untag --pid 1 --fd 1 --tag 5", "--tag"},
        {"counterset", "UID 0|1"},
        {"counterset 10001", "UID 0|1"},
        {"counterset 10001 2", "'2'"},
        {"counterset 10001 1 1", "'1'"},
        {"counterset 4294967295 1", "4294967295"},
        {"delete-tag-data", "UID [TAG]"},
        {"delete-tag-data 10001 x", "'x'"},
        {"delete-tag-data 10001 1 2", "'2'"},
    };
    char longest[160] = "";
    struct rows before, after;

    (void)state;
    rows_read(the_world, &before);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        ctl(0, 2, "%s", wrong[i][0]);
        assert_refused(&said, 2, wrong[i][1], NULL);
    }
    memset(longest, 'x', 108);
    ctl(0, 2, "--socket %s counterset %d 1", longest, UID);
    assert_refused(&said, 2, "--socket", "107");
    rows_read(the_world, &after);
    assert_rows_equal(&after, &before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_tags_while_trafficd_is_down),
        cmocka_unit_test(test_user_tags_through_trafficd),
        cmocka_unit_test(test_user_without_the_maps_asks_trafficd),
        cmocka_unit_test(test_tag_charges_whom_it_is_told_to),
        cmocka_unit_test(test_socket_of_another_charges_its_owner),
        cmocka_unit_test(test_counterset),
        cmocka_unit_test(test_delete_tag_data),
        cmocka_unit_test(test_accounting_is_not_for_everybody),
        cmocka_unit_test(test_server_that_is_not_there),
        cmocka_unit_test(test_what_cannot_be_tagged),
        cmocka_unit_test(test_thread_is_no_process),
        cmocka_unit_test(test_limit_of_tags_is_explained),
        cmocka_unit_test(test_wrong_arguments_change_nothing),
    };

    return run_both("tagging commands", tests, ARRAY_SIZE(tests));
}
