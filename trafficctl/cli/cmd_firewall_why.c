/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* firewall why */
#include <string.h>

#include "cleanup.h"
#include "cmd.h"
#include "format.h"
#include "print.h"
#include "wall.h"

/* A list that decided is shown, but not thousands of users of it. */
#define SHOWN_UIDS 20

struct question {
    uint32_t uid;
    const char *iface; /* NULL: one that is neither loopback nor metered */
    bool in;           /* else out */
};

static enum cli_status parse_question(const struct cli *cli, const char *uid, struct question *question)
{
    question->in = cli_given(cli, "--in");
    if (question->in && cli_given(cli, "--out"))
        return cli_usage("firewall why: --in or --out, not both: each has a verdict of its own");
    enum cli_status status = cli_given_iface(cli, "--iface", &question->iface);
    return status == CLI_DONE ? cli_uid("UID", uid, &question->uid) : status;
}

static enum cli_status print_answer_json(const struct question *question, const struct tctl_verdict *verdict)
{
    return print_json_document(json_pack("{s:s, s:s, s:o, s:I, s:s, s:o}", "verdict", verdict->pass ? "pass" : "drop",
                                         "reason", verdict->reason, "chain",
                                         verdict->chain ? json_string(tctl_chain_name(verdict->chain)) : json_null(),
                                         "uid", (json_int_t)question->uid, "direction", question->in ? "in" : "out",
                                         "iface", question->iface ? print_json_text(question->iface) : json_null()));
}

static bool has_uid(const struct tctl_firewall_chain *chain, uint32_t uid)
{
    for (size_t i = 0; i < chain->count; i++)
        if (chain->uids[i] == uid)
            return true;
    return false;
}

static void print_place(const struct tctl_firewall_rules *rules, unsigned int chain, uint32_t uid)
{
    printf("chain %s (%u) is %s list, is on, and this user is %son it\n", tctl_chain_name(chain), chain,
           tctl_chain_is_allow_list(chain) ? "an allow" : "a deny", has_uid(&rules->chains[chain], uid) ? "" : "not ");
}

static void explain_chain(const struct cli *cli, const struct tctl_firewall_rules *rules, unsigned int number,
                          uint32_t uid)
{
    const struct tctl_firewall_chain *chain = &rules->chains[number];
    _cleanup_free_ char *list = print_uid_list(cli, chain->uids, chain->count, SHOWN_UIDS);

    print_place(rules, number, uid);
    printf("on its list: %s\n", !list ? "?" : *list ? list : "nobody");
}

/* What was asked, and let the packet pass. */
static void explain_allowed(const struct tctl_firewall_rules *rules, uint32_t uid)
{
    puts("no chain that is on, and no rule of interfaces, drops it");
    for (unsigned int i = 1; i <= TCTL_FIREWALL_CHAINS; i++)
        if (rules->chains[i].enabled)
            print_place(rules, i, uid);
}

static const char *iface_of(const struct tctl_firewall_rules *rules, uint32_t uid)
{
    for (size_t i = 0; i < rules->iface_count; i++)
        if (rules->ifaces[i].uid == uid)
            return rules->ifaces[i].iface;
    return "?";
}

static void explain(const struct cli *cli, const struct tctl_firewall_rules *rules, const struct question *question,
                    const struct tctl_verdict *verdict)
{
    if (verdict->chain) {
        explain_chain(cli, rules, verdict->chain, question->uid);
    } else if (strcmp(verdict->reason, "iif") == 0) {
        _cleanup_free_ char *iface = format_utf8(iface_of(rules, question->uid));
        printf("iif: this user receives from %s and loopback alone\n", iface ?: "?");
    } else if (strcmp(verdict->reason, "lockdown") == 0) {
        puts("lockdown: this user receives nothing but loopback, having no interface of its own (firewall iif)");
    } else if (strcmp(verdict->reason, "closed") == 0) {
        puts("closed: the saved policy could not be read: repair it, then 'trafficctl firewall restore'");
    } else if (strcmp(verdict->reason, "system uid") == 0) {
        puts("system uid: not among app_uids, and so never judged");
    } else if (strcmp(verdict->reason, "loopback") == 0) {
        puts("loopback: what stays on this machine passes (exempt_loopback)");
    } else {
        explain_allowed(rules, question->uid);
    }
}

static void print_answer(const struct cli *cli, const struct tctl_firewall_rules *rules,
                         const struct question *question, const struct tctl_verdict *verdict)
{
    _cleanup_free_ char *user = print_uid_list(cli, &question->uid, 1, 1);
    _cleanup_free_ char *iface = question->iface ? format_utf8(question->iface) : NULL;

    print_coloured(cli, verdict->pass ? PRINT_GOOD : PRINT_BAD, verdict->pass ? "pass" : "drop");
    printf(": what %s %s on %s\n", user ?: "?", question->in ? "receives" : "sends",
           iface ?: "an interface that is neither loopback nor metered");
    explain(cli, rules, question, verdict);
}

enum cli_status cmd_firewall_why(const struct cli *cli, int argc, char **argv)
{
    _cleanup_wall_ struct tctl_firewall *firewall = NULL;
    _cleanup_(tctl_firewall_rules_done) struct tctl_firewall_rules rules = {0};
    struct question question = {0};
    struct tctl_verdict verdict;
    enum cli_status status = parse_question(cli, argv[1], &question);

    (void)argc;
    if (status == CLI_DONE)
        status = wall_open(cli, &firewall);
    if (status == CLI_DONE)
        status =
            wall_ended(firewall, tctl_firewall_why(firewall, question.uid, question.iface, !question.in, &verdict));
    if (status != CLI_DONE)
        return status;
    if (cli->json)
        return print_answer_json(&question, &verdict);
    status = wall_ended(firewall, tctl_firewall_read(firewall, &rules));
    if (status == CLI_DONE)
        print_answer(cli, &rules, &question, &verdict);
    return status;
}
