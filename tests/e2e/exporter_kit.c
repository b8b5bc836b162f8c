/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "exporter_kit.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fd.h"
#include "kit.h"

#define MAX_WORDS 16
#define PATIENCE_MS 3000

static char folder[] = "/tmp/exporter-XXXXXX";
static bool folder_made;

const char *exporter_path(const char *name)
{
    static char path[100];

    if (!folder_made) {
        assert_non_null(mkdtemp(folder));
        assert_return_code(chmod(folder, 0777), errno);
        folder_made = true;
    }
    assert_return_code(chmod(the_world->folder, 0755), errno); /* for who goes on to the bpffs */
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

void exporter_clean(void)
{
    DIR *dir = folder_made ? opendir(folder) : NULL;
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(folder);
}

/* Where services say that they are ready. */
static int notify_socket(char path[static 100])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(path, 100, "%s", exporter_path("notify"));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    unlink(path);
    assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof(address)), errno);
    assert_return_code(chmod(path, 0666), errno);
    return fd;
}

__attribute__((noreturn)) static void child(uid_t uid, const char *notify, const char *where, char *more)
{
    const char *word[MAX_WORDS] = {
        TCTL_BUILD "/trafficctl", "--bpffs", the_world->bpffs, "exporter", "--listen", where};
    size_t n = 6;

    for (int s = 1; s < 32; s++)
        signal(s, SIG_DFL);
    setenv("NOTIFY_SOCKET", notify, 1);
    for (char *w = strtok(more, " "); w && n < MAX_WORDS - 1; w = strtok(NULL, " "))
        word[n++] = w;
    if (setns(the_world->netns[PLACE_B], CLONE_NEWNET) == 0 &&
        (uid == 0 || (setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0)) &&
        prctl(PR_SET_PDEATHSIG, SIGKILL) == 0) /* another user forgets it */
        execv(word[0], (char *const *)word);
    _exit(126);
}

void exporter_start(struct exporter *exporter, uid_t uid, const char *where, const char *more)
{
    char notify[100], words[256], said[64] = "";
    _cleanup_fd_ int fd = notify_socket(notify);
    struct pollfd ready = {.fd = fd, .events = POLLIN};

    assert_int_equal(world_run(the_world, PLACE_B, "ip link set lo up"), 0);
    snprintf(exporter->where, sizeof(exporter->where), "%s", where);
    snprintf(words, sizeof(words), "%s", more);
    fflush(NULL);
    exporter->pid = fork();
    if (exporter->pid == 0)
        child(uid, notify, where, words);
    assert_true(exporter->pid > 0);
    if (poll(&ready, 1, PATIENCE_MS) != 1)
        fail_msg("the exporter is not ready");
    assert_true(recv(fd, said, sizeof(said) - 1, 0) > 0);
    assert_string_equal(said, "READY=1");
}

int exporter_stop(struct exporter *exporter, int signal)
{
    int status = 0;

    assert_return_code(kill(exporter->pid, signal), errno);
    assert_int_equal(waitpid(exporter->pid, &status, 0), exporter->pid);
    exporter->pid = 0;
    return status;
}

/* Behind the name of a field, and blanks; in *ret_text, which is the caller's. */
static const char *status_field(const char *path, const char *field, char **ret_text)
{
    char name[32];

    snprintf(name, sizeof(name), "\n%s:\t", field);
    assert_int_equal(fd_read_file(path, 65536, ret_text), 0);
    const char *line = strstr(*ret_text, name);
    assert_non_null(line);
    return line + strlen(name);
}

unsigned long exporter_field(const struct exporter *exporter, const char *field)
{
    _cleanup_free_ char *text = NULL;
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/status", (int)exporter->pid);
    return strtoul(status_field(path, field, &text), NULL, 10);
}

void exporter_threads_have(const struct exporter *exporter, const char *field, const char *value)
{
    struct dirent *entry;
    size_t threads = 0;
    char path[384];

    snprintf(path, sizeof(path), "/proc/%d/task", (int)exporter->pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        _cleanup_free_ char *text = NULL;
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)exporter->pid, entry->d_name);
        assert_memory_equal(status_field(path, field, &text), value, strlen(value));
        threads++;
    }
    closedir(dir);
    assert_true(threads > 0);
}

static int connect_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_return_code(connect(fd, (struct sockaddr *)&address, sizeof(address)), errno);
    return fd;
}

static int connect_local(void)
{
    const struct sockaddr_in to = {AF_INET, htons(9617), {htonl(INADDR_LOOPBACK)}};
    int fd = socket_as(the_world, PLACE_B, 0, AF_INET, SOCK_STREAM, 0);
    struct pollfd connected = {.fd = fd, .events = POLLOUT};

    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
        assert_int_equal(errno, EINPROGRESS);
    assert_int_equal(poll(&connected, 1, PATIENCE_MS), 1);
    assert_int_equal(connected.revents, POLLOUT);
    return fd;
}

int exporter_connect(const struct exporter *exporter)
{
    return strncmp(exporter->where, "unix:", 5) == 0 ? connect_path(exporter->where + 5) : connect_local();
}

void exporter_say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* More of an answer; false: there is no more. */
static bool hear_more(int fd, char *to, size_t room, size_t *length)
{
    struct pollfd heard = {.fd = fd, .events = POLLIN};

    if (poll(&heard, 1, PATIENCE_MS) != 1)
        fail_msg("no answer within %d ms", PATIENCE_MS);
    ssize_t n = recv(fd, to + *length, room, 0);
    if (n <= 0)
        return false;
    *length += (size_t)n;
    return true;
}

/* Up to the empty line, byte by byte: what follows is the body. */
static bool hear_head(int fd, struct answer *answer)
{
    char head[4096];
    size_t length = 0;

    while (length < 4 || memcmp(head + length - 4, "\r\n\r\n", 4) != 0) {
        assert_true(length < sizeof(head) - 1);
        if (!hear_more(fd, head, 1, &length))
            return false;
    }
    head[length] = '\0';
    assert_int_equal(sscanf(head, "HTTP/1.1 %d ", &answer->status), 1);
    answer->head = strdup(head);
    return true;
}

struct answer exporter_hear(int fd, bool head)
{
    struct answer answer = {0};
    size_t length = 0;

    if (!hear_head(fd, &answer))
        return answer;
    const char *promise = strstr(answer.head, "\r\nContent-Length: ");
    assert_non_null(promise);
    answer.promised = strtoul(promise + 18, NULL, 10);
    answer.last = strstr(answer.head, "\r\nConnection: close\r\n");
    answer.body = calloc(1, answer.promised + 1);
    while (!head && length < answer.promised)
        assert_true(hear_more(fd, answer.body, answer.promised - length, &length));
    return answer;
}

void answer_done(struct answer *answer)
{
    free(answer->head);
    free(answer->body);
}

char *exporter_scrape(const struct exporter *exporter, const char *accept)
{
    _cleanup_(answer_done) struct answer answer = {0};
    _cleanup_fd_ int fd = exporter_connect(exporter);
    char request[256];

    snprintf(request, sizeof(request), "GET /metrics HTTP/1.1\r\nHost: x\r\n%s%s\r\n\r\n", accept ? "Accept: " : "X: y",
             accept ?: "");
    exporter_say(fd, request);
    answer = exporter_hear(fd, false);
    assert_int_equal(answer.status, 200);
    char *body = answer.body;
    answer.body = NULL;
    return body;
}

/* The text behind the name of a sample; NULL: it is not there. */
static const char *find_sample(const char *text, const char *name)
{
    size_t length = strlen(name);

    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return line + length + 1;
    }
    return NULL;
}

bool has_sample(const char *text, const char *name)
{
    return find_sample(text, name);
}

uint64_t sample_of(const char *text, const char *name)
{
    const char *value = find_sample(text, name);

    if (!value)
        fail_msg("no sample %s in:\n%.4000s", name, text);
    return value ? strtoull(value, NULL, 10) : 0;
}

void exporter_waits_for(const struct exporter *exporter, const char *name, uint64_t value)
{
    uint64_t until = now_ms() + PATIENCE_MS, now;

    do {
        _cleanup_free_ char *text = exporter_scrape(exporter, NULL);
        now = sample_of(text, name);
    } while (now != value && now_ms() < until);
    if (now != value)
        fail_msg("%s is still %" PRIu64 ", not %" PRIu64, name, now, value);
}

size_t lines_of(const char *text, const char *begin)
{
    size_t lines = 0;

    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        lines += strncmp(line, begin, strlen(begin)) == 0;
    }
    return lines;
}
