/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "shell.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define END "--end of the answer"
/* Descriptor of the answers in a shell. */
#define ANSWERS "9"

/* cd as some people have it. */
static const char BASH[] = "cd() { builtin cd \"$@\" && ls; }\n"
                           "for file in " TCTL_BUILD "/completion/*.bash; do . $file || exit; done\n"
                           "while IFS= read -r line; do\n"
                           "    read -ra COMP_WORDS <<<\"$line\"\n"
                           "    [[ $line != *' ' ]] || COMP_WORDS+=('')\n"
                           "    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n"
                           "    _${COMP_WORDS[0]}\n"
                           "    printf '%s\\n' \"${COMPREPLY[@]}\" '" END "' >&" ANSWERS "\n"
                           "done\n";

/* Matches are told while they are added; what asks compadd for some of its own gets them alone. */
static const char ZSH[] = "fpath=(" TCTL_BUILD "/completion $fpath)\n"
                          "autoload -Uz compinit && compinit -u -D\n"
                          "setopt no_auto_list no_auto_menu no_beep\n"
                          "compadd() {\n"
                          "    if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then\n"
                          "        local -a found\n"
                          "        builtin compadd -A found \"$@\"\n"
                          "        (( $#found )) && print -rl -u" ANSWERS " -- $found\n"
                          "    fi\n"
                          "    builtin compadd \"$@\"\n"
                          "}\n"
                          "answered() { print -r -u" ANSWERS " -- '" END "' }\n"
                          "answer() { zle complete-word; answered }\n"
                          "zle -N answer\n"
                          "zle-line-init() { zle -D zle-line-init; answered }\n"
                          "zle -N zle-line-init\n"
                          "bindkey '^I' answer '^U' kill-whole-line\n";

static FILE *shell_file(const struct shell *shell, const char *name)
{
    char path[80];

    snprintf(path, sizeof(path), "%s/%s", shell->folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    return file;
}

static void make_folder(struct shell *shell)
{
    strcpy(shell->folder, "/tmp/test_completion.XXXXXX");
    assert_non_null(mkdtemp(shell->folder));
    fclose(shell_file(shell, "a file"));
    fclose(shell_file(shell, "begin"));
    int folder = open(shell->folder, O_PATH | O_CLOEXEC);
    assert_int_equal(mkdirat(folder, "folder", 0700), 0);
    close(folder);
}

/* In the child: become the shell. */
static void become(const struct shell *shell, int answers, char *const *argv)
{
    setenv("TERM", "dumb", 1);
    if (chdir(shell->folder) == 0 && dup2(answers, atoi(ANSWERS)) > 0)
        execvp(argv[0], argv);
    _exit(127);
}

/* What a terminal shows is thrown away, so that it never fills up; a pipe shows nothing. */
static void wait_for_answer(const struct shell *shell)
{
    struct pollfd polled[] = {{.fd = shell->answers, .events = POLLIN}, {.fd = shell->lines, .events = POLLIN}};
    char shown[1024];

    while (poll(polled, 2, -1) > 0 && !polled[0].revents) {
        if (!(polled[1].revents & POLLIN) || read(shell->lines, shown, sizeof(shown)) < 0)
            polled[1].fd = -1;
    }
}

static void take_answer(struct shell *shell)
{
    size_t used = 1;

    strcpy(shell->answer, "\n");
    while (!strstr(shell->answer, "\n" END "\n")) {
        wait_for_answer(shell);
        ssize_t length = read(shell->answers, shell->answer + used, sizeof(shell->answer) - used - 1);
        if (length <= 0)
            fail_msg("the shell in %s ended", shell->folder);
        used += (size_t)length;
        shell->answer[used] = '\0';
    }
    strstr(shell->answer, END "\n")[0] = '\0';
}

void shell_bash(struct shell *shell)
{
    char *argv[] = {(char *)"bash", (char *)"--norc", (char *)"--noprofile", (char *)"-c", (char *)BASH, NULL};
    int lines[2], answers[2];

    *shell = (struct shell){.before = "", .behind = "\n"};
    make_folder(shell);
    assert_int_equal(pipe2(lines, O_CLOEXEC), 0);
    assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
    shell->pid = fork();
    if (shell->pid == 0) {
        dup2(lines[0], STDIN_FILENO);
        become(shell, answers[1], argv);
    }
    close(lines[0]);
    close(answers[1]);
    shell->lines = lines[1];
    shell->answers = answers[0];
}

static void type(const struct shell *shell, const char *text)
{
    assert_int_equal(write(shell->lines, text, strlen(text)), strlen(text));
}

void shell_zsh(struct shell *shell)
{
    char *argv[] = {(char *)"zsh", (char *)"-f", (char *)"-i", NULL};
    int answers[2];

    *shell = (struct shell){.before = "\x15", .behind = "\t"};
    make_folder(shell);
    FILE *file = shell_file(shell, "begin");
    fputs(ZSH, file);
    fclose(file);
    assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
    shell->pid = forkpty(&shell->lines, NULL, NULL, NULL);
    if (shell->pid == 0)
        become(shell, answers[1], argv);
    close(answers[1]);
    shell->answers = answers[0];
    type(shell, ". ./begin\n");
    take_answer(shell);
}

void shell_ask(struct shell *shell, const char *line)
{
    type(shell, shell->before);
    type(shell, line);
    type(shell, shell->behind);
    take_answer(shell);
}

bool shell_offers(const struct shell *shell, const char *word)
{
    const size_t length = strlen(word);

    for (const char *at = shell->answer; (at = strstr(at, word)); at++)
        if (at[-1] == '\n' && at[length] == '\n')
            return true;
    return false;
}

size_t shell_offered(const struct shell *shell)
{
    size_t count = 0;

    for (const char *at = shell->answer + 1; (at = strchr(at, '\n')); at++)
        count++;
    return count;
}

void shell_end(struct shell *shell)
{
    char command[64];

    close(shell->lines);
    close(shell->answers);
    kill(shell->pid, SIGKILL);
    waitpid(shell->pid, NULL, 0);
    snprintf(command, sizeof(command), "rm -r %s", shell->folder);
    assert_int_equal(system(command), 0);
}
