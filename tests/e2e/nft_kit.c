/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "nft_kit.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

void nft(const char *format, ...)
{
    char words[512];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    assert_int_equal(world_run(the_world, PLACE_A, "nft %s", words), 0);
}

static void assert_in_a(void)
{
    struct stat here, a;

    assert_return_code(stat("/proc/thread-self/ns/net", &here), errno);
    assert_return_code(fstat(the_world->netns[PLACE_A], &a), errno);
    assert_int_equal(here.st_ino, a.st_ino);
}

/* Those that packets have added, which nft(8) prints as what they are not: part of the rules. */
static void cut_counted_elements(char *text)
{
    static const char BEGIN[] = "elements = {";

    for (char *at = strstr(text, BEGIN); at; at = strstr(at, BEGIN)) {
        char *end = strchr(at, '}'), *counter = strstr(at, " counter");
        assert_non_null(end);
        if (counter && counter < end)
            memmove(at, end + 1, strlen(end + 1) + 1);
        else
            at = end;
    }
}

/* Lines of blanks are where such elements were, or not. */
static void cut_blank_lines(char *text)
{
    char *to = text;

    for (char *line = text, *next; *line; line = next) {
        next = strchrnul(line, '\n');
        next += *next != '\0';
        if (line + strspn(line, " \t\n") >= next)
            continue;
        memmove(to, line, (size_t)(next - line));
        to += next - line;
    }
    *to = '\0';
}

char *nft_ruleset(void)
{
    char *text = NULL;
    size_t length = 0;

    assert_in_a();
    FILE *nft = popen("nft --stateless list ruleset", "re");
    assert_non_null(nft);
    assert_true(getdelim(&text, &length, '\0', nft) >= 0 || feof(nft));
    assert_int_equal(pclose(nft), 0);
    cut_counted_elements(text);
    cut_blank_lines(text);
    return text;
}

static void wait_until_ready(void)
{
    char word[64] = "";

    while (!strstr(word, "READY=1")) {
        struct pollfd told = {.fd = the_world->notify, .events = POLLIN};
        assert_int_equal(poll(&told, 1, SECOND_MS), 1);
        ssize_t length = recv(the_world->notify, word, sizeof(word) - 1, 0);
        assert_true(length > 0);
        word[length] = '\0';
    }
}

void nft_reload(const char *config)
{
    assert_int_equal(world_configure(the_world, config), 0);
    assert_int_equal(kill(the_world->daemon, SIGHUP), 0);
    journal_waits_for("configuration read again");
    wait_until_ready();
}

/* Whatever was told of the ruleset before the second one has had its turn. */
void nft_settles(void)
{
    nft_reload(WALL_CONFIG);
    nft_reload(WALL_CONFIG);
    journal_forget();
}

void nft_closes(void)
{
    uint64_t start = now_ms();
    struct udp denied = udp_pair(the_world, DENIED, AF_INET, 1), free_one = udp_pair(the_world, FREE, AF_INET, 2);

    while (sends(&denied))
        assert_true(now_ms() - start < PROMISE_MS);
    assert_true(sends(&free_one));
    udp_close(&denied);
    udp_close(&free_one);
}
