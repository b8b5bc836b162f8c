/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "users_table.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "fd.h"
#include "loopback.h"
#include "ruleset.h"

int users_set_up(void **state)
{
    struct users *users = calloc(1, sizeof(*users));
    struct fault fault = {};
    assert_non_null(users);
    loopback_enter();
    users->config = (struct tctl_config){.range_count = 1, .app_uids = {{USERS_FIRST, USERS_LAST}}};
    users->asked = (struct nft_asked){&users->config, {.users = 20000, .ifaces = 1000, .drops = 10000}};
    if (nft_talk_open(&users->talk, &fault) < 0)
        fail_msg("nft_talk_open: %s", fault.text);
    *state = users;
    return 0;
}

int users_tear_down(void **state)
{
    struct users *users = *state;
    nft_talk_free(users->talk);
    free(users);
    return 0;
}

static void assert_done(int r, const char *what, const struct fault *fault)
{
    if (r < 0)
        fail_msg("%s: %s (%s)", what, fault->text, strerror(-r));
}

void users_put(const struct users *users, const struct nft_held *held)
{
    const struct nft_held nothing = {0};
    struct fault fault = {};
    assert_done(nft_table_put(users->talk, &users->asked, held ? held : &nothing, &fault), "put", &fault);
}

void users_hold(const struct users *users, const struct nft_held *held)
{
    struct fault fault = {};
    assert_done(nft_table_hold(users->talk, &users->config, held, &fault), "hold", &fault);
}

void users_remove(const struct users *users)
{
    struct fault fault = {};
    assert_done(nft_table_remove(users->talk, &fault), "remove", &fault);
}

struct nft_whole users_look(const struct users *users)
{
    struct nft_whole whole;
    assert_int_equal(nft_whole_look(users->talk, &users->config, &whole), 0);
    return whole;
}

bool users_whole(const struct users *users)
{
    const struct nft_whole whole = users_look(users);
    return nft_whole_is(&whole);
}

struct nft_held users_held(const struct users *users)
{
    struct nft_held held = {0};
    uint32_t generation = 0;
    assert_int_equal(nft_sets_read_held(users->talk, &held, &generation), 0);
    return held;
}

uint64_t users_counted(const char *counter)
{
    char command[128];
    uint64_t packets = 0;
    snprintf(command, sizeof(command), "nft list counter inet " NFT_USERS " %s", counter);
    _cleanup_free_ char *text = ruleset_says(command);
    const char *at = strstr(text, "packets ");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "packets %" SCNu64, &packets), 1);
    return packets;
}

/* A socket is its maker's, by the UID that is used for files. */
static int socket_of(uint32_t uid)
{
    setfsuid(uid);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setfsuid(0);
    assert_return_code(fd, errno);
    return fd;
}

int users_send(uint32_t uid)
{
    const struct sockaddr_in there = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    _cleanup_fd_ int fd = socket_of(uid);
    return sendto(fd, "x", 1, 0, (const struct sockaddr *)&there, sizeof(there)) < 0 ? errno : 0;
}

void users_send_many(uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(users_send(first + i), 0);
}
