/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verify */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <trafficctl/verify.h>

#include "cleanup.h"
#include "cmd.h"
#include "format.h"
#include "print.h"

/* The parts of a side, in the order in which they lead from the link to the users. */
static const struct part_name {
    const char *json;
    size_t offset;
    const char *why[2]; /* rx, tx */
} PARTS[] = {
#define PART(name) #name, offsetof(struct tctl_verify_side, name)
    {PART(headers), {"headers of the link layer", "headers of the link layer"}},
    {PART(other),
     {"no IP, another interface's on top, or dropped early", "no IP, another interface's on top, or past the hooks"}},
    {PART(merged), {"one packet for the link, several on the wire", "one packet for the link, several on the wire"}},
    {PART(unlinked), {"passed on by the bridge", "dropped after it was counted"}},
    {PART(forwarded), {"forwarded", "forwarded"}},
    {PART(ownerless), {"no counted socket took it", "sent by the kernel itself"}},
    {PART(outside), {"", "sent by sockets that are not counted"}},
    {PART(extra), {"taken by several sockets", "sent by a socket, dropped before the hooks"}},
    {PART(unexplained), {"NOT EXPLAINED", "NOT EXPLAINED"}},
#undef PART
};

/* The same without rows of interfaces to compare with. */
static const char *const WHY_ROUGHLY = "no IP, no counted socket took or sent it, forwarded";

static const struct tctl_part *part_of(const struct tctl_verify_side *side, size_t part)
{
    return (const void *)((const char *)side + PARTS[part].offset);
}

static json_t *amount_json(const struct tctl_amount *amount)
{
    return json_pack("{s:I, s:I}", "packets", (json_int_t)format_saturated(amount->packets), "bytes",
                     (json_int_t)format_saturated(amount->bytes));
}

static json_t *side_json(const struct tctl_verified *all, const struct tctl_verify_side *side)
{
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:I}", "before", amount_json(&side->before), "link", amount_json(&side->link),
        "interface", all->interfaces ? amount_json(&side->interface) : json_null(), "users", amount_json(&side->users),
        "moved", amount_json(&side->moved), "header", (json_int_t)side->header);

    for (size_t i = 0; i < ARRAY_SIZE(PARTS); i++) {
        const struct tctl_part *part = part_of(side, i);
        json_object_set_new(
            object, PARTS[i].json,
            json_pack("{s:I, s:I}", "packets", (json_int_t)part->packets, "bytes", (json_int_t)part->bytes));
    }
    return object;
}

static enum cli_status print_verified_json(const struct tctl_verified *all)
{
    json_t *array = json_array();

    for (size_t i = 0; i < all->count; i++) {
        const struct tctl_verify_row *row = &all->rows[i];
        array = print_json_append(array, json_pack("{s:o, s:b, s:o, s:o}", "iface", print_json_text(row->iface),
                                                   "noted", row->noted, "rx", side_json(all, &row->rx), "tx",
                                                   side_json(all, &row->tx)));
    }
    return print_json_document(json_pack("{s:o}", "interfaces", array));
}

static void name_cells(struct table *table, const char *iface, bool out)
{
    _cleanup_free_ char *text = format_utf8(iface);

    table_add(table, "%s", text ?: "?");
    table_add(table, out ? "tx" : "rx");
}

static void size_cell(const struct cli *cli, struct table *table, const struct tctl_amount *amount)
{
    char size[FORMAT_LEN];

    format_size(amount->bytes, cli->human, size);
    table_add(table, "%s", size);
}

static void side_cells(const struct cli *cli, struct table *table, const struct tctl_verified *all,
                       const struct tctl_verify_row *row, bool out)
{
    const struct tctl_verify_side *side = out ? &row->tx : &row->rx;

    name_cells(table, row->iface, out);
    size_cell(cli, table, &side->link);
    if (all->interfaces)
        size_cell(cli, table, &side->interface);
    else
        table_add(table, "-");
    size_cell(cli, table, &side->users);
}

static enum cli_status print_sums(const struct cli *cli, const struct tctl_verified *all)
{
    struct table table = {0};

    table_column(&table, "IFACE", false);
    table_column(&table, "DIR", false);
    table_column(&table, "LINK", true);
    table_column(&table, "INTERFACE", true);
    table_column(&table, "USERS", true);
    for (size_t i = 0; i < all->count; i++) {
        side_cells(cli, &table, all, &all->rows[i], false);
        side_cells(cli, &table, all, &all->rows[i], true);
    }
    return print_table(cli, &table);
}

static void part_cells(const struct cli *cli, struct table *table, const struct tctl_part *part)
{
    char size[FORMAT_LEN];

    format_size(part->bytes < 0 ? -(uint64_t)part->bytes : (uint64_t)part->bytes, cli->human, size);
    table_add(table, "%s%s", part->bytes < 0 ? "-" : "", size);
    table_add(table, "%" PRId64, part->packets);
}

static void parts_rows(const struct cli *cli, struct table *table, const struct tctl_verified *all,
                       const struct tctl_verify_row *row, bool out)
{
    const struct tctl_verify_side *side = out ? &row->tx : &row->rx;

    for (size_t i = 0; i < ARRAY_SIZE(PARTS); i++) {
        const struct tctl_part *part = part_of(side, i);
        if (part->packets == 0 && part->bytes == 0)
            continue;
        name_cells(table, row->iface, out);
        part_cells(cli, table, part);
        const bool roughly = !all->interfaces && PARTS[i].offset == offsetof(struct tctl_verify_side, other);
        table_add(table, "%s", roughly ? WHY_ROUGHLY : PARTS[i].why[out]);
    }
}

static enum cli_status print_parts(const struct cli *cli, const struct tctl_verified *all)
{
    struct table table = {0};

    table_column(&table, "IFACE", false);
    table_column(&table, "DIR", false);
    table_column(&table, "BYTES", true);
    table_column(&table, "PACKETS", true);
    table_column(&table, "LINK HAS, AND USERS HAVE NOT", false);
    for (size_t i = 0; i < all->count; i++) {
        parts_rows(cli, &table, all, &all->rows[i], false);
        parts_rows(cli, &table, all, &all->rows[i], true);
    }
    return print_table(cli, &table);
}

static void print_moved(const struct cli *cli, const char *iface, const struct tctl_verify_side *side, bool out)
{
    char size[FORMAT_LEN];

    if (!side->moved.packets && !side->moved.bytes)
        return;
    format_size(side->moved.bytes, cli->human, size);
    printf("%s %s: %s%s came while this was read, and may be wrong in any line\n", iface, out ? "tx" : "rx", size,
           cli->human ? "" : " bytes");
}

static void print_notes(const struct cli *cli, const struct tctl_verified *all)
{
    if (!all->interfaces)
        puts("Interfaces are not counted (netfilter = off): users are compared with the link alone.");
    for (size_t i = 0; i < all->count; i++) {
        const struct tctl_verify_row *row = &all->rows[i];
        _cleanup_free_ char *iface = format_utf8(row->iface);

        if (!row->noted)
            printf("%s: nobody noted where counting began, so LINK is all that it ever saw\n", iface ?: "?");
        print_moved(cli, iface ?: "?", &row->rx, false);
        print_moved(cli, iface ?: "?", &row->tx, true);
    }
}

static enum cli_status print_verified(const struct cli *cli, const struct tctl_verified *all)
{
    enum cli_status status = print_sums(cli, all);

    putchar('\n');
    if (status == CLI_DONE)
        status = print_parts(cli, all);
    putchar('\n');
    print_notes(cli, all);
    return status;
}

static void keep_named(struct tctl_verified *all, const char *name)
{
    size_t kept = 0;

    for (size_t i = 0; i < all->count; i++) {
        if (strcmp(all->rows[i].iface, name) == 0)
            all->rows[kept++] = all->rows[i];
    }
    all->count = kept;
}

static enum cli_status verify(const struct cli *cli, struct tctl_verified *ret_all)
{
    _cleanup_(cli_closep) struct tctl *traffic = NULL;
    enum cli_status status = cli_open(cli, &traffic);

    if (status != CLI_DONE)
        return status;
    int r = tctl_verify(traffic, ret_all);
    if (r == -EXDEV)
        return cli_failed("trafficd counts the interfaces of another network namespace: run this command there");
    return r < 0 ? cli_read_failed(cli, r) : CLI_DONE;
}

static bool has_doubts(const struct tctl_verified *all)
{
    for (size_t i = 0; i < all->count; i++) {
        if (tctl_verify_doubts(&all->rows[i].rx) || tctl_verify_doubts(&all->rows[i].tx))
            return true;
    }
    return false;
}

enum cli_status cmd_verify(const struct cli *cli, int argc, char **argv)
{
    _cleanup_(tctl_verified_done) struct tctl_verified all = {0};
    enum cli_status status = argc > 1 ? cli_iface(argv[1]) : CLI_DONE;

    if (status == CLI_DONE)
        status = verify(cli, &all);
    if (status != CLI_DONE)
        return status;
    if (argc > 1)
        keep_named(&all, argv[1]);
    if (argc > 1 && !all.count)
        return cli_failed("there is no interface %s", argv[1]);
    status = cli->json ? print_verified_json(&all) : print_verified(cli, &all);
    return status == CLI_DONE && has_doubts(&all) ? CLI_DEGRADED : status;
}
