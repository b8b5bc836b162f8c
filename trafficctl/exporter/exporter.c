/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* exporter: by its options a server, or a file. */
#include "exporter.h"

#include <errno.h>
#include <string.h>

#include "address.h"
#include "cleanup.h"
#include "confine.h"
#include "http.h"
#include "notify.h"
#include "scrape.h"
#include "textfile.h"

#define MAX_SERIES 2000

/* For the names of users that are new, ms; without they go by their numbers until the next time. For a file there is
 * none. */
#define NAMES_SERVED 1000
#define NAMES_WRITTEN 20000

struct exporter {
    const struct cli *cli;
    uint32_t max_series;
    const char *where; /* it serves */
    struct scrape scrape;
    int error; /* of the last reading: said once, not with every scrape */
};

static void exporter_done(struct exporter *exporter)
{
    scrape_done(&exporter->scrape);
}

static void write_texts(void *context, struct text *const texts[TEXT_FORMATS])
{
    struct exporter *exporter = context;
    int r = scrape_take(&exporter->scrape, texts);

    if (r < 0 && r != exporter->error)
        cli_read_failed(exporter->cli, r);
    if (r == 0 && exporter->error)
        log_info("the pins in %s can be read again", exporter->cli->bpffs);
    exporter->error = r;
}

static void ready(void *context)
{
    const struct exporter *exporter = context;
    int r = notify_ready();

    log_info("serving /metrics at %s", exporter->where);
    if (r < 0)
        log_warning("cannot tell the service manager that the exporter is ready: %s", strerror(-r));
}

/* Who may not read will not be allowed to later. Pins that are not there yet may come. */
static enum cli_status refuse_strangers(const struct cli *cli)
{
    _cleanup_(cli_closep) struct tctl *traffic = NULL;
    int r = tctl_open(cli->bpffs, &traffic);

    return r == -EACCES || r == -EPERM ? cli_read_failed(cli, r) : CLI_DONE;
}

static enum cli_status begin(struct exporter *exporter, uint32_t names_ms)
{
    int r = scrape_init(&exporter->scrape, exporter->cli->bpffs, exporter->max_series, names_ms);

    return r < 0 ? cli_failed("cannot begin: %s", strerror(-r)) : CLI_DONE;
}

static enum cli_status serve(struct exporter *exporter, const char *where)
{
    _cleanup_(socket_file_done) struct socket_file listener = {.fd = -1};
    struct address address;
    struct fault fault = {0};

    if (address_parse(where, &address) < 0)
        return cli_usage("--listen: '%s' is neither unix:PATH nor an address with a port, as 127.0.0.1:9617 or "
                         "[::1]:9617",
                         where);
    int r = address_listen(&address, &listener, &fault);
    if (r < 0)
        return cli_failed("%s: %s", where, *fault.text ? fault.text : strerror(-r));
    r = confine();
    if (r < 0)
        return cli_failed("cannot give up capabilities: %s", strerror(-r));
    enum cli_status status = refuse_strangers(exporter->cli);
    if (status == CLI_DONE)
        status = begin(exporter, NAMES_SERVED); /* threads of its own begin without capabilities, too */
    if (status != CLI_DONE)
        return status;
    exporter->where = where;
    r = http_serve(listener.fd, write_texts, ready, exporter);
    return r < 0 ? cli_failed("cannot serve: %s", strerror(-r)) : CLI_DONE;
}

static void text_donep(struct text *text)
{
    text_done(text);
}

/* What could not be read is written, too: whoever reads the file alone hears of it. */
static enum cli_status write_file(struct exporter *exporter, const char *path)
{
    _cleanup_(text_donep) struct text text = {.format = TEXT_PLAIN};
    struct text *const texts[TEXT_FORMATS] = {[TEXT_PLAIN] = &text};
    struct fault fault = {0};
    enum cli_status status = begin(exporter, NAMES_WRITTEN);

    if (status != CLI_DONE)
        return status;
    write_texts(exporter, texts);
    if (text.error)
        return cli_failed("no memory");
    int r = textfile_write(path, text.bytes, text.length, &fault);
    if (r < 0)
        return cli_failed("--textfile: %s", *fault.text ? fault.text : strerror(-r));
    return exporter->error ? CLI_FAILED : CLI_DONE;
}

enum cli_status exporter_run(const struct cli *cli, int argc, char **argv)
{
    const char *file = cli_given(cli, "--textfile"), *where = cli_given(cli, "--listen");
    _cleanup_(exporter_done) struct exporter exporter = {.cli = cli, .max_series = MAX_SERIES};
    enum cli_status status = cli_given_number(cli, "--max-series", SERIES_MIN, UINT32_MAX, &exporter.max_series);

    (void)argc, (void)argv;
    if (status != CLI_DONE)
        return status;
    if (file && (where || !*file))
        return cli_usage(where ? "--listen and --textfile: choose one" : "--textfile wants a path");
    return file ? write_file(&exporter, file) : serve(&exporter, where ?: ADDRESS_DEFAULT);
}
