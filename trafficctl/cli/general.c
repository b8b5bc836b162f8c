/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "general.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <trafficctl/tag.h>

#include "words.h"

enum general_option { BPFFS, SOCKET, JSON, NUMERIC, BYTES, IEC, NO_LEGEND, HELP, VERSION, GENERAL_OPTIONS };

const struct command_option general_options[] = {
    [BPFFS] = {"--bpffs", {"DIR", VALUE_DIRECTORY}, "where the pins are (default " TCTL_BPFFS ")"},
    [SOCKET] = {"--socket",
                {"PATH", VALUE_FILE},
                "tag through the server there (default, without the right to the pins: " TCTL_FWMARKD ")"},
    [JSON] = {"--json", {0}, "print JSON", .letter = 'j'},
    [NUMERIC] = {"--numeric", {0}, "print no user names", .letter = 'n'},
    [BYTES] = {"--bytes", {0}, "print exact sizes (default, but at a terminal)"},
    [IEC] = {"--iec", {0}, "print sizes for people: 1.5 KiB (default at a terminal)"},
    [NO_LEGEND] = {"--no-legend", {0}, "print no titles over columns"},
    [HELP] = {"--help", {0}, "tell of the command, or of all, and exit", .letter = 'h'},
    [VERSION] = {"--version", {0}, "print the version and exit", .letter = 'V'},
    [GENERAL_OPTIONS] = {0},
};

bool general_has(const struct command_option *option)
{
    return option >= general_options && option < general_options + GENERAL_OPTIONS;
}

static enum cli_status take_bpffs(struct cli *cli, const char *path)
{
    cli->bpffs = path;
    return *path ? CLI_DONE : cli_usage("--bpffs wants a directory");
}

static enum cli_status take_socket(struct cli *cli, const char *path)
{
    cli->socket = path;
    if (*path && strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return CLI_DONE;
    return cli_usage("--socket wants a path of at most 107 bytes");
}

enum cli_status general_take(struct cli *cli, const struct command_option *option, const char *argument)
{
    const enum general_option which = option - general_options;

    if (which == BPFFS)
        return take_bpffs(cli, argument);
    if (which == SOCKET)
        return take_socket(cli, argument);
    cli->json |= which == JSON;
    cli->numeric |= which == NUMERIC;
    cli->no_legend |= which == NO_LEGEND;
    cli->help |= which == HELP;
    cli->version |= which == VERSION;
    if (which == BYTES || which == IEC)
        cli->human = which == IEC;
    return CLI_DONE;
}

/* As programs agree on: NO_COLOR counts unless it is empty. */
static bool wants_colours(void)
{
    const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");

    return (!none || !*none) && terminal && strcmp(terminal, "dumb") != 0;
}

int general_main(int argc, char **argv, const command_fn run[COMMANDS])
{
    const bool terminal = isatty(STDOUT_FILENO);
    struct cli cli = {.bpffs = TCTL_BPFFS, .human = terminal, .coloured = terminal && wants_colours(), .argv = argv};

    log_open("trafficctl");
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write */
    enum cli_status status = words_run(&cli, run, argc, argv);
    if ((status == CLI_DONE || status == CLI_DEGRADED) && cli_flush() != CLI_DONE)
        return CLI_FAILED;
    return status;
}
