/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The general options, which stand before the command. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <trafficctl/tag.h>

#include "cli.h"
#include "commands.h"
#include "general.h"
#include "option.h"

static const struct option LONG[] = {
    {"bpffs", required_argument, NULL, 'b'}, {"socket", required_argument, NULL, 's'},
    {"json", no_argument, NULL, 'j'},        {"numeric", no_argument, NULL, 'n'},
    {"bytes", no_argument, NULL, 'B'},       {"iec", no_argument, NULL, 'I'},
    {"no-legend", no_argument, NULL, 'L'},   {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},     {0},
};

static enum cli_status help(void)
{
    fputs("Usage: trafficctl [OPTION]... COMMAND\n"
          "Read network traffic by user from the maps that trafficd pinned, tag sockets, block users.\n\n"
          "      --bpffs DIR    where the pins are (default " TCTL_BPFFS ")\n"
          "      --socket PATH  tag through the server there (default, without the right to the pins:\n"
          "                     " TCTL_FWMARKD ")\n"
          "  -j, --json         print JSON\n"
          "  -n, --numeric      print no user names\n"
          "      --bytes        print exact sizes (default, but at a terminal)\n"
          "      --iec          print sizes for people: 1.5 KiB (default at a terminal)\n"
          "      --no-legend    print no titles over columns\n"
          "  -h, --help         print this and exit\n"
          "  -V, --version      print the version and exit\n\n"
          "Commands (UID: a number or a user name; CHAIN: a name or netd's number; 'COMMAND -h' tells more):\n",
          stdout);
    commands_help(stdout);
    fputs("\nExit status: 0 done, 1 failed, 2 usage, 4 degraded.\n", stdout);
    return CLI_DONE;
}

static bool is_socket_path(const char *path)
{
    return *path && strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

static enum cli_status take(struct cli *cli, int letter)
{
    switch (letter) {
    case 'b':
        cli->bpffs = optarg;
        return *optarg ? CLI_DONE : cli_usage("--bpffs wants a directory");
    case 's':
        cli->socket = optarg;
        return is_socket_path(optarg) ? CLI_DONE : cli_usage("--socket wants a path of at most 107 bytes");
    case 'j':
        cli->json = true;
        return CLI_DONE;
    case 'n':
        cli->numeric = true;
        return CLI_DONE;
    case 'L':
        cli->no_legend = true;
        return CLI_DONE;
    default:
        cli->human = letter == 'I';
        return CLI_DONE;
    }
}

static enum cli_status parse_and_run(struct cli *cli, const command_fn run[COMMANDS], int argc, char **argv)
{
    struct fault fault = {0};
    int letter;

    optind = 0;
    while ((letter = option_next(argc, argv, "+:jnhV", LONG, &fault)) != -1) {
        if (letter == 'h')
            return help();
        if (letter == 'V')
            return puts("trafficctl " TRAFFICCTL_VERSION), CLI_DONE;
        if (letter == '?' || letter == ':')
            return cli_usage("%s: see 'trafficctl --help'", fault.text);
        enum cli_status status = take(cli, letter);
        if (status != CLI_DONE)
            return status;
    }
    return commands_run(cli, run, argc - optind, argv + optind);
}

int general_main(int argc, char **argv, const command_fn run[COMMANDS])
{
    struct cli cli = {.bpffs = TCTL_BPFFS, .human = isatty(STDOUT_FILENO), .argv = argv};

    log_open("trafficctl");
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write */
    enum cli_status status = parse_and_run(&cli, run, argc, argv);
    if ((status == CLI_DONE || status == CLI_DEGRADED) && cli_flush() != CLI_DONE)
        return CLI_FAILED;
    return status;
}
