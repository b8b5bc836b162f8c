/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "said.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd.h"
#include "words.h"

/* A file that takes what stream is given, until said_end(). */
static FILE *said_begin(FILE *stream, int *ret_kept)
{
    FILE *file = tmpfile();

    fflush(stream);
    *ret_kept = dup(fileno(stream));
    dup2(fileno(file), fileno(stream));
    return file;
}

static void said_end(FILE *stream, int kept, FILE *file, char *text, size_t size)
{
    fflush(stream);
    dup2(kept, fileno(stream));
    close(kept);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

enum cli_status said_run(const char *const *words, struct said *said)
{
    char *argv[CLI_MAX_GIVEN + 16] = {(char *)"trafficctl"};
    int argc = 1, out, err;

    for (; words[argc - 1] && argc < CLI_MAX_GIVEN + 15; argc++)
        argv[argc] = (char *)words[argc - 1];
    FILE *out_file = said_begin(stdout, &out), *err_file = said_begin(stderr, &err);
    enum cli_status status = words_run(&(struct cli){.bpffs = "/nonexistent/bpf"}, cmd_run, argc, argv);
    said_end(stdout, out, out_file, said->out, sizeof(said->out));
    said_end(stderr, err, err_file, said->err, sizeof(said->err));
    return status;
}
