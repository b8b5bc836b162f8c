/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <trafficctl/tag.h>

#include "cli.h"
#include "commands.h"
#include "option.h"

static const struct option LONG[] = {
    {"bpffs", required_argument, NULL, 'b'},
    {"socket", required_argument, NULL, 's'},
    {"json", no_argument, NULL, 'j'},
    {"numeric", no_argument, NULL, 'n'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {0},
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
          "  -h, --help         print this and exit\n"
          "  -V, --version      print the version and exit\n\n"
          "Commands (UID: a number or a user name; CHAIN: a name or netd's number; --runtime: the\n"
          "saved policy stays as it is):\n",
          stdout);
    commands_help(stdout);
    fputs("\nExit status: 0 done, 1 failed, 2 usage, 4 degraded.\n", stdout);
    return CLI_DONE;
}

static bool is_socket_path(const char *path)
{
    return *path && strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

static enum cli_status parse_and_run(struct cli *cli, int argc, char **argv)
{
    struct fault fault = {0};
    int letter;

    optind = 0;
    while ((letter = option_next(argc, argv, "+:jnhV", LONG, &fault)) != -1) {
        if (letter == 'b' && *optarg)
            cli->bpffs = optarg;
        else if (letter == 's' && is_socket_path(optarg))
            cli->socket = optarg;
        else if (letter == 'j')
            cli->json = true;
        else if (letter == 'n')
            cli->numeric = true;
        else if (letter == 'h')
            return help();
        else if (letter == 'V')
            return puts("trafficctl " TRAFFICCTL_VERSION), CLI_DONE;
        else if (letter == '?' || letter == ':')
            return cli_usage("%s: see 'trafficctl --help'", fault.text);
        else
            return cli_usage(letter == 's' ? "--socket wants a path of at most 107 bytes"
                                           : "--bpffs wants a directory");
    }
    return commands_run(cli, argc - optind, argv + optind);
}

int main(int argc, char **argv)
{
    struct cli cli = {.bpffs = TCTL_BPFFS, .human = isatty(STDOUT_FILENO)};

    log_open("trafficctl");
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is a failed write */
    enum cli_status status = parse_and_run(&cli, argc, argv);
    if ((status == CLI_DONE || status == CLI_DEGRADED) && cli_flush() != CLI_DONE)
        return CLI_FAILED;
    return status;
}
