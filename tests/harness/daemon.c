/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trafficd of a world: started in A, outside the world's cgroup, ready when it says so. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "denial.h"
#include "fd.h"
#include "inside.h"

#define READY_MS 20000

int world_configure(struct world *world, const char *config)
{
    _cleanup_fd_ int file = open(world->config, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (file < 0 || dprintf(file, "[trafficd]\ncounters = %s\nnetfilter = %s\npolicy = %s/policy\n%s",
                            world->options.percpu ? "percpu" : "shared", world->options.netfilter ?: "off",
                            world->folder, config ?: "") < 0)
        return SAY_ERRNO(world->config);
    return 0;
}

int daemon_prepare(struct world *world)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int r;

    snprintf(world->config, sizeof(world->config), "%s/conf", world->folder);
    r = world_configure(world, world->options.config);
    if (r < 0)
        return r;
    snprintf(at.sun_path, sizeof(at.sun_path), "%s/notify", world->folder);
    world->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (world->notify < 0 || bind(world->notify, (struct sockaddr *)&at, sizeof(at)) < 0 ||
        chmod(at.sun_path, 0600) < 0)
        return SAY_ERRNO(at.sun_path);
    snprintf(world->fwmarkd, sizeof(world->fwmarkd), "%s/fwmarkd", world->folder);
    return 0;
}

/* An empty file system over /sys/kernel/btf, seen by this process alone. */
static int btf_hide(void)
{
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/sys/kernel/btf", "tmpfs", 0, NULL) < 0)
        return SAY_ERRNO("hide btf");
    return 0;
}

static int deny(const struct world *world)
{
    switch (world->options.deny) {
    case WORLD_DENIES_PROGRAMS:
        return denial_of_bpf(DENIAL_OF(BPF_PROG_LOAD) | DENIAL_OF(BPF_LINK_CREATE), EINVAL);
    case WORLD_DENIES_BPF:
        return denial_of_bpf(DENIAL_ALL, EPERM);
    default:
        return 0;
    }
}

static int files_limit(const struct world *world)
{
    const struct rlimit limit = {world->open_files, world->open_files};

    return world->open_files && setrlimit(RLIMIT_NOFILE, &limit) < 0 ? SAY_ERRNO("limit of open files") : 0;
}

/* As the number 3, which is where LISTEN_FDS begins. */
static int hand_over(const struct world *world)
{
    bool android = strncmp(world->handed_in, "ANDROID", 7) == 0;
    char pid[16];

    snprintf(pid, sizeof(pid), "%d", getpid());
    if ((world->handed == 3 ? fcntl(3, F_SETFD, 0) : dup2(world->handed, 3)) < 0 || setenv("LISTEN_PID", pid, 1) < 0 ||
        setenv(world->handed_in, android ? "3" : "1", 1) < 0)
        return SAY_ERRNO("hand a socket over");
    return 0;
}

__attribute__((noreturn)) static void daemon_child(struct world *world)
{
    const char *word[] = {TCTL_BUILD "/trafficd", "--config", world->config, "--bpffs", world->bpffs, "--socket",
                          world->fwmarkd,         "--cgroup", world->cgroup, NULL};
    char socket_path[128];

    snprintf(socket_path, sizeof(socket_path), "%s/notify", world->folder);
    for (int s = 1; s < 32; s++)
        signal(s, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!world_has_bpffs(world)) {
        word[7] = "--backend";
        word[8] = world->options.backend;
    }
    setenv("NOTIFY_SOCKET", socket_path, 1);
    if (setns(world->netns[PLACE_A], CLONE_NEWNET) == 0 && (!world->hide_btf || btf_hide() == 0) &&
        (world->handed < 0 || hand_over(world) == 0) && files_limit(world) == 0 && deny(world) == 0)
        execv(word[0], (char *const *)word);
    fprintf(stderr, "%s: %s\n", word[0], strerror(errno));
    _exit(126);
}

/* Until READY=1, or the end of trafficd. */
static int daemon_ready(struct world *world)
{
    for (int waited = 0; waited < READY_MS; waited += 20) {
        struct pollfd said = {.fd = world->notify, .events = POLLIN};
        char text[256] = "";
        int status;

        if (poll(&said, 1, 20) > 0 && recv(world->notify, text, sizeof(text) - 1, 0) > 0 && strstr(text, "READY=1"))
            return 0;
        if (waitpid(world->daemon, &status, WNOHANG) == world->daemon) {
            world->daemon = 0;
            return SAY(-ECHILD, "trafficd ended before it was ready");
        }
    }
    return SAY(-ETIMEDOUT, "trafficd does not say READY=1");
}

int world_start_daemon(struct world *world)
{
    char stale[256];
    int r;

    while (recv(world->notify, stale, sizeof(stale), MSG_DONTWAIT) > 0)
        ;
    fflush(NULL);
    world->daemon = fork();
    if (world->daemon == 0)
        daemon_child(world);
    if (world->daemon < 0)
        return SAY_ERRNO("fork");
    r = daemon_ready(world);
    if (r == 0 && !world->traffic) {
        r = tctl_open(world->bpffs, &world->traffic);
        if (r < 0)
            SAY(r, "tctl_open");
    }
    return r;
}

int world_stop_daemon(struct world *world, int signal_number, int *ret_status)
{
    int status;

    if (world->daemon <= 0)
        return -ESRCH;
    if (kill(world->daemon, signal_number) < 0 || waitpid(world->daemon, &status, 0) < 0)
        return SAY_ERRNO("stop trafficd");
    world->daemon = 0;
    if (ret_status)
        *ret_status = status;
    return 0;
}
