/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Making and undoing a world. */
#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fd.h"
#include "inside.h"

#define FOLDER "/tmp/tctl-e2e-%d-XXXXXX"
#define FOLDER_PREFIX "tctl-e2e-"
#define STATE "bpf/trafficctl/"

/* The world that signals and exit() undo. */
static struct world *living;

/* Where cgroup2 is mounted, from /proc/self/mounts. */
static int cgroup_mount(char *ret_path, size_t size)
{
    FILE *mounts = fopen("/proc/self/mounts", "re");
    char path[96], type[32];
    int r = -ENOENT;

    while (mounts && r < 0 && fscanf(mounts, "%*s %95s %31s %*[^\n]", path, type) == 2)
        if (strcmp(type, "cgroup2") == 0)
            r = snprintf(ret_path, size, "%s", path) < (int)size ? 0 : -ENAMETOOLONG;
    if (mounts)
        fclose(mounts);
    return r < 0 ? SAY(r, "no cgroup2 is mounted") : 0;
}

/* Ends what still runs in the cgroup and removes it; async-signal-safe. */
static void cgroup_remove(const char *path)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    char file[160];
    int fd;

    snprintf(file, sizeof(file), "%s/cgroup.kill", path);
    fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "1", 1) < 0)
        SAY_ERRNO(file);
    fd_close(fd);
    for (int i = 0; i < 1000 && rmdir(path) < 0 && errno == EBUSY; i++)
        nanosleep(&pause, NULL);
}

static void folder_remove(const char *folder)
{
    static const char *const files[] = {"conf",        "notify",      "fwmarkd",    "handed",        "policy",
                                        "policy.good", STATE "state", STATE "base", STATE "readings"};
    static const char *const folders[] = {STATE "running", STATE, "bpf"};
    char path[128];

    snprintf(path, sizeof(path), "%s/bpf", folder);
    umount2(path, MNT_DETACH);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        unlink(path);
    }
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, folders[i]);
        rmdir(path);
    }
    if (rmdir(folder) < 0 && errno != ENOENT)
        SAY_ERRNO(folder);
}

/* What a kill -9 left: folders and cgroups that carry the pid of nobody alive. */
static void sweep(const char *directory, void (*undo)(const char *path))
{
    DIR *dir = opendir(directory);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        char path[384];
        int pid;

        if (sscanf(entry->d_name, FOLDER_PREFIX "%d-", &pid) != 1 || kill(pid, 0) == 0 || errno != ESRCH)
            continue;
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        undo(path);
    }
    if (dir)
        closedir(dir);
}

/* All that would outlive this process. */
static void world_undo(struct world *world)
{
    if (world->daemon > 0) {
        kill(world->daemon, SIGKILL);
        waitpid(world->daemon, NULL, 0);
        world->daemon = 0;
    }
    if (world->cgroup[0])
        cgroup_remove(world->cgroup);
    world->cgroup[0] = '\0';
    if (world->folder[0])
        folder_remove(world->folder);
    world->folder[0] = '\0';
}

static void on_signal(int number)
{
    if (living && living->owner == getpid())
        world_undo(living);
    signal(number, SIG_DFL);
    raise(number);
}

static void on_exit_undo(void)
{
    if (living && living->owner == getpid())
        world_undo(living);
}

static void guard(struct world *world)
{
    static bool registered;

    living = world;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGABRT, on_signal);
    if (!registered)
        atexit(on_exit_undo);
    registered = true;
}

/* Mounts of ours are seen by this process and its children only. In a chroot "/" may be no mount: then they are undone
 * by name. */
static int mounts_own(void)
{
    static bool done;

    if (!done && unshare(CLONE_NEWNS) < 0)
        return SAY_ERRNO("unshare");
    if (!done && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 && errno != EINVAL)
        return SAY_ERRNO("private mounts");
    done = true;
    return 0;
}

bool world_has_bpffs(const struct world *world)
{
    return !world->options.backend || strcmp(world->options.backend, "bpf") == 0;
}

static int bpffs_new(struct world *world)
{
    snprintf(world->bpffs, sizeof(world->bpffs), "%s/bpf", world->folder);
    if (mkdir(world->bpffs, world_has_bpffs(world) ? 0700 : 0755) < 0 ||
        (world_has_bpffs(world) && mount("bpf", world->bpffs, "bpf", 0, "mode=0700") < 0))
        return SAY_ERRNO(world->bpffs);
    return 0;
}

static int folder_new(struct world *world)
{
    snprintf(world->folder, sizeof(world->folder), FOLDER, getpid());
    if (!mkdtemp(world->folder)) {
        world->folder[0] = '\0';
        return SAY_ERRNO("mkdtemp");
    }
    if (chmod(world->folder, 0711) < 0) /* any user may connect to trafficd in it */
        return SAY_ERRNO(world->folder);
    return bpffs_new(world);
}

static int cgroup_new(struct world *world)
{
    char root[96];
    int r = cgroup_mount(root, sizeof(root));

    if (r < 0)
        return r;
    sweep(root, cgroup_remove);
    snprintf(world->cgroup, sizeof(world->cgroup), "%s/%s", root, strstr(world->folder, FOLDER_PREFIX));
    if (mkdir(world->cgroup, 0755) < 0) {
        world->cgroup[0] = '\0';
        return SAY_ERRNO("mkdir of a cgroup");
    }
    world->cgroup_fd = open(world->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return world->cgroup_fd < 0 ? SAY_ERRNO(world->cgroup) : 0;
}

static int world_fill(struct world *world)
{
    world->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (world->home < 0)
        return SAY_ERRNO("/proc/self/ns/net");
    sweep("/tmp", folder_remove);
    return mounts_own() ?: folder_new(world) ?: cgroup_new(world) ?: topology_new(world) ?: wire_new(world, &world->wire)
        ?: daemon_prepare(world) ?: (world->options.no_daemon ? 0 : world_start_daemon(world));
}

int world_new(const struct world_options *options, struct world **ret_world)
{
    struct world *world = calloc(1, sizeof(*world));
    int r;

    if (!world)
        return -ENOMEM;
    *world = (struct world){.options = *options,
                            .owner = getpid(),
                            .netns = {-1, -1, -1},
                            .home = -1,
                            .cgroup_fd = -1,
                            .notify = -1,
                            .handed = -1,
                            .hide_btf = options->hide_btf};
    guard(world);
    r = world_fill(world);
    if (r < 0)
        world_free(world);
    else
        *ret_world = world;
    return r;
}

struct world *world_free(struct world *world)
{
    if (!world)
        return NULL;
    world->traffic = tctl_close(world->traffic);
    world->wire = wire_free(world->wire);
    fd_close(world->notify);
    fd_close(world->cgroup_fd);
    for (int p = 0; p < PLACES; p++)
        fd_close(world->netns[p]);
    world_undo(world);
    fd_close(world->home);
    living = NULL;
    free(world);
    return NULL;
}

int world_map(struct world *world, const char *pin)
{
    char path[160];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", world->bpffs, pin);
    fd = bpf_obj_get(path);
    return fd < 0 ? SAY(-errno, path) : fd;
}
