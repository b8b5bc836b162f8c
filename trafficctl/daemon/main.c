/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "log.h"
#include "login_defs.h"
#include "options.h"
#include "run.h"

enum exit_status { STOPPED, FAILED, USAGE };

static enum exit_status usage(int r, const struct fault *fault)
{
    log_error("%s", *fault->text ? fault->text : strerror(-r));
    return USAGE;
}

/* A text that did not arrive is a failure. */
static enum exit_status printed(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return STOPPED;
    log_error("cannot write to standard output: %s", strerror(errno));
    return FAILED;
}

static enum exit_status act(const struct options *options, const struct options_files *files)
{
    char effective[SETTINGS_TEXT_LEN];
    struct fault fault = {0};
    struct settings settings;
    int r = options_settings(options, files, &settings, &fault);

    if (r == 0)
        r = settings_print(&settings, effective, &fault);
    if (r < 0)
        return usage(r, &fault);
    if (options->action == OPTIONS_CHECK_CONFIG) {
        fputs(effective, stdout);
        return printed();
    }
    if (options->action == OPTIONS_LOAD_ONLY)
        r = run_load_only(&settings, effective);
    else
        r = run(options, files, &settings, effective);
    return r < 0 ? FAILED : STOPPED;
}

int main(int argc, char **argv)
{
    static const struct options_files files = {CONFIG_FILE, LOGIN_DEFS};
    struct options options;
    struct fault fault = {0};
    int r;

    log_open("trafficd");
    r = options_parse(argc, argv, &options, &fault);
    if (r < 0)
        return usage(r, &fault);
    if (options.action == OPTIONS_HELP) {
        options_help(stdout);
        return printed();
    }
    if (options.action == OPTIONS_VERSION) {
        puts("trafficd " TRAFFICCTL_VERSION);
        return printed();
    }
    return act(&options, &files);
}
