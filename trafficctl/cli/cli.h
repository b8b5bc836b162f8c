/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What every command of trafficctl shares: the general options, exit statuses, and how it fails. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "log.h"
#include "trafficctl/maps.h"

enum cli_status {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_DEGRADED = 4,
};

/* An option that was given to a command; its argument, "" if it takes none. */
struct cli_given {
    const char *name, *argument;
};
#define CLI_MAX_GIVEN 64

/* The general options, and those of the command that runs. */
struct cli {
    const char *bpffs;
    const char *socket; /* of fwmarkd; NULL: none was named */
    bool json;
    bool numeric; /* no user names */
    bool human;   /* sizes for people; default: standard output is a terminal */
    bool no_legend;
    bool coloured;                 /* standard output is a terminal, and the user has nothing against colours */
    const char *group;             /* the first word of a command of two; NULL: there was none */
    const struct command *command; /* NULL: there was none */
    struct cli_given given[CLI_MAX_GIVEN];
    size_t given_count;
    bool help, version; /* print that instead of running it */
    char **argv;        /* all words, as they were typed */
};

/* Say what was wrong and what to do, and give the status. */
#define cli_usage(...) (log_error(__VA_ARGS__), CLI_USAGE)
#define cli_failed(...) (log_error(__VA_ARGS__), CLI_FAILED)

/*
 * Open the pins of cli->bpffs (end with tctl_close()). CLI_FAILED: said why and what to do.
 */
enum cli_status cli_open(const struct cli *cli, struct tctl **ret_traffic);

/* The same for tctl_maps_open(); end with tctl_maps_close(). */
enum cli_status cli_open_maps(const struct cli *cli, struct tctl_maps **ret_maps);

/* A failed read of what these gave; always CLI_FAILED. */
enum cli_status cli_read_failed(const struct cli *cli, int err);

static inline void cli_closep(struct tctl **traffic)
{
    *traffic = tctl_close(*traffic);
}

static inline void cli_maps_closep(struct tctl_maps **maps)
{
    *maps = tctl_maps_close(*maps);
}

/* An argument that is a UID, or a number; CLI_USAGE: said which argument does not fit. name is how help calls it. */
enum cli_status cli_uid(const char *name, const char *text, uint32_t *ret);
/* Can an interface be called so? Whether there is one is not asked. */
enum cli_status cli_iface(const char *text);
enum cli_status cli_number(const char *name, const char *text, uint32_t min, uint32_t max, uint32_t *ret);

/* The argument of an option (its name with dashes) of this command, the last that was given; NULL: it was not given. */
const char *cli_given(const struct cli *cli, const char *name);
/* The same as what cli_number(), cli_uid() and cli_iface() take; *ret is left as it is if it was not given. */
enum cli_status cli_given_number(const struct cli *cli, const char *name, uint32_t min, uint32_t max, uint32_t *ret);
enum cli_status cli_given_uid(const struct cli *cli, const char *name, uint32_t *ret);
enum cli_status cli_given_iface(const struct cli *cli, const char *name, const char **ret);

/* Of a command that prints a text whose form is somebody else's: CLI_USAGE, said, if JSON is asked for. */
enum cli_status cli_takes_no_json(const struct cli *cli);

/*
 * *ret_fd, the caller's, becomes readable with SIGINT or SIGTERM, which end nothing by themselves from now on. -errno.
 */
int cli_catch_stops(int *ret_fd);

/* All of standard output has arrived? Else CLI_FAILED, said. */
enum cli_status cli_flush(void);
