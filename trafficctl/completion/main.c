/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* completion bash|zsh PROGRAM: print what that shell needs to complete the words of the program. */
#include <string.h>

#include "completion.h"

int main(int argc, char **argv)
{
    const struct completion *completion = argc == 3 ? completion_find(argv[2]) : NULL;

    log_open("completion");
    if (!completion || (strcmp(argv[1], "bash") && strcmp(argv[1], "zsh")))
        return cli_usage("write completion bash|zsh trafficctl|trafficd");
    (strcmp(argv[1], "bash") ? completion_zsh : completion_bash)(completion, stdout);
    return cli_flush();
}
