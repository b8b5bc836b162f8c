/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The firewall as rules: what they say, in a plain notation of this test's, for every policy of up to two chains. */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

#include <libnftnl/expr.h>

#include "cleanup.h"
#include "judge.h"
#include "paths.h"

#define TEXT_SIZE 16384

struct text {
    char text[TEXT_SIZE];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    to->length += (size_t)vsnprintf(to->text + to->length, sizeof(to->text) - to->length, format, arguments);
    va_end(arguments);
    assert_true(to->length < sizeof(to->text));
}

static void say_meta(struct text *to, const struct nftnl_expr *expr)
{
    static const char *const keys[] = {
        [NFT_META_SKUID] = "skuid",     [NFT_META_OIF] = "oif",         [NFT_META_IIF] = "iif",
        [NFT_META_OIFNAME] = "oifname", [NFT_META_IIFNAME] = "iifname", [NFT_META_L4PROTO] = "l4proto",
        [NFT_META_NFPROTO] = "nfproto",
    };
    bool first = nftnl_expr_get_u32(expr, NFTNL_EXPR_META_DREG) == NFT_REG_1;
    say(to, first ? " %s" : " . %s", keys[nftnl_expr_get_u32(expr, NFTNL_EXPR_META_KEY)]);
}

static void say_payload(struct text *to, const struct nftnl_expr *expr)
{
    say(to, " %s[%u,%u]",
        nftnl_expr_get_u32(expr, NFTNL_EXPR_PAYLOAD_BASE) == NFT_PAYLOAD_NETWORK_HEADER ? "network" : "transport",
        nftnl_expr_get_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET), nftnl_expr_get_u32(expr, NFTNL_EXPR_PAYLOAD_LEN));
}

static void say_bytes(struct text *to, const struct nftnl_expr *expr, uint16_t which)
{
    uint32_t size = 0;
    const uint8_t *bytes = nftnl_expr_get(expr, which, &size);
    for (uint32_t i = 0; i < size; i++)
        say(to, "%02x", bytes[i]);
}

static void say_compare(struct text *to, const struct nftnl_expr *expr)
{
    static const char *const operators[] = {[NFT_CMP_EQ] = "==", [NFT_CMP_NEQ] = "!=", [NFT_CMP_GTE] = ">="};
    say(to, " %s ", operators[nftnl_expr_get_u32(expr, NFTNL_EXPR_CMP_OP)]);
    say_bytes(to, expr, NFTNL_EXPR_CMP_DATA);
}

static void say_immediate(struct text *to, const struct nftnl_expr *expr)
{
    const char *chain = nftnl_expr_get_str(expr, NFTNL_EXPR_IMM_CHAIN);
    uint32_t size = 0;
    if (nftnl_expr_get_u32(expr, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT) {
        say(to, " . %u", *(const uint32_t *)nftnl_expr_get(expr, NFTNL_EXPR_IMM_DATA, &size));
        return;
    }
    switch ((int)nftnl_expr_get_u32(expr, NFTNL_EXPR_IMM_VERDICT)) {
    case NFT_GOTO:
        say(to, " goto %s", chain);
        return;
    case NFT_JUMP:
        say(to, " jump %s", chain);
        return;
    case NFT_RETURN:
        say(to, " return");
        return;
    default:
        assert_int_equal(nftnl_expr_get_u32(expr, NFTNL_EXPR_IMM_VERDICT), NF_DROP);
        say(to, " drop");
    }
}

static void say_expression(struct text *to, const struct nftnl_expr *expr)
{
    const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);
    if (strcmp(name, "meta") == 0) {
        say_meta(to, expr);
    } else if (strcmp(name, "payload") == 0) {
        say_payload(to, expr);
    } else if (strcmp(name, "bitwise") == 0) {
        say(to, " & ");
        say_bytes(to, expr, NFTNL_EXPR_BITWISE_MASK);
    } else if (strcmp(name, "cmp") == 0) {
        say_compare(to, expr);
    } else if (strcmp(name, "lookup") == 0) {
        say(to, nftnl_expr_get_u32(expr, NFTNL_EXPR_LOOKUP_FLAGS) ? " not @%s" : " @%s",
            nftnl_expr_get_str(expr, NFTNL_EXPR_LOOKUP_SET));
    } else if (strcmp(name, "immediate") == 0) {
        say_immediate(to, expr);
    } else if (strcmp(name, "dynset") == 0) {
        say(to, " update @%s", nftnl_expr_get_str(expr, NFTNL_EXPR_DYNSET_SET_NAME));
    } else if (strcmp(name, "objref") == 0) {
        say(to, " count %s", nftnl_expr_get_str(expr, NFTNL_EXPR_OBJREF_IMM_NAME));
    } else {
        say(to, " %s", name);
    }
}

static int say_next(struct nftnl_expr *expr, void *to)
{
    say_expression(to, expr);
    return 0;
}

/* "chain: ..." for each rule, in their order. */
static void say_rules(struct text *to, const struct nft_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct nft_placed *placed = &rules->rules[i];
        const char *chain = nftnl_rule_get_str(placed->rule, NFTNL_RULE_CHAIN);
        assert_string_equal(chain, nft_chain_name(placed->chain).text);
        assert_string_equal(nftnl_rule_get_str(placed->rule, NFTNL_RULE_TABLE), "trafficctl_users");
        say(to, "%s:", chain);
        nftnl_expr_foreach(placed->rule, say_next, to);
        say(to, "\n");
    }
}

/* One rule of each chain. I: the index of the interface, N: its name, E: where it ends. */
static const char *const templates[TCTL_CHAINS] = {
    [TCTL_DOZABLE] = "skuid not @dozable goto E_dozable",
    [TCTL_STANDBY] = "skuid @standby goto E_standby",
    [TCTL_POWERSAVE] = "skuid not @powersave goto E_powersave",
    [TCTL_RESTRICTED] = "skuid not @restricted goto E_restricted",
    [TCTL_LOW_POWER_STANDBY] = "skuid not @low_power_standby goto E_low_power_standby",
    [TCTL_BACKGROUND] = "I != 01000000 skuid not @background goto E_background",
    [TCTL_OEM_DENY_1] = "skuid @oem_deny_1 goto E_oem_deny_1",
    [TCTL_OEM_DENY_2] = "skuid @oem_deny_2 goto E_oem_deny_2",
    [TCTL_OEM_DENY_3] = "skuid @oem_deny_3 goto E_oem_deny_3",
    [TCTL_METERED_ALLOW] = "N @metered skuid not @metered_allow goto E_metered_allow",
    [TCTL_METERED_DENY_USER] = "N @metered skuid @metered_deny_user goto E_metered_deny_user",
    [TCTL_METERED_DENY_ADMIN] = "N @metered skuid @metered_deny_admin goto E_metered_deny_admin",
};
static const char iif[] = "I != 01000000 skuid @iif_ruled skuid not @iif_any skuid . N not @iif_ok goto E_iif";
static const char lockdown[] = "I != 01000000 skuid @lockdown skuid not @iif_ruled goto E_lockdown";

struct words {
    const char *chain, *index, *name, *end;
};
static const struct words out = {"rules_out", "oif", "oifname", "drop_out"};
static const struct words in = {"rules_in", "iif", "iifname", "drop_in"};
static const struct words connecting = {"rules_connect", "oif", "oifname", "refuse"};
static const struct words answer = {"answer", "oif", "oifname", "drop_in"};

static void expect(struct text *to, const struct words *words, const char *template)
{
    say(to, "%s: ", words->chain);
    for (const char *at = template; *at; at++) {
        if (*at == 'I' || *at == 'N' || *at == 'E')
            say(to, "%s", *at == 'I' ? words->index : *at == 'N' ? words->name : words->end);
        else
            say(to, "%c", *at);
    }
    say(to, "\n");
}

static void expect_chain(struct text *to, const struct words *words, const struct nft_judging *judging)
{
    if (words == &connecting && judging->exempt_loopback)
        expect(to, words, "I == 01000000 return");
    for (uint32_t chain = 1; chain < TCTL_CHAINS; chain++)
        if (judging->switched & TCTL_BIT(chain))
            expect(to, words, templates[chain]);
    if (words == &in) {
        expect(to, words, iif);
        expect(to, words, lockdown);
    }
    if (judging->switched & TCTL_BIT(TCTL_CLOSED))
        expect(to, words, "goto E_closed");
}

static void assert_switched(const struct nft_judging *judging)
{
    struct text wanted = {0}, said = {0};
    struct nft_rules rules = {0};
    expect_chain(&wanted, &out, judging);
    expect_chain(&wanted, &in, judging);
    expect_chain(&wanted, &connecting, judging);
    assert_true(nft_judge_switched(&rules, judging));
    say_rules(&said, &rules);
    assert_string_equal(said.text, wanted.text);
    nft_rules_done(&rules);
}

/* a and b may be the same chain; 0 is none. */
static void policies_of_up_to_two_chains(void **state)
{
    (void)state;
    for (uint32_t a = 0; a < TCTL_CHAINS; a++)
        for (uint32_t b = a; b < TCTL_CHAINS; b++)
            for (uint32_t more = 0; more < 4; more++) {
                uint32_t chains = (TCTL_BIT(a) | TCTL_BIT(b)) & ~TCTL_BIT(0);
                const struct nft_judging judging = {
                    .switched = chains | (more & 1 ? TCTL_BIT(TCTL_CLOSED) : 0),
                    .exempt_loopback = more & 2,
                };
                assert_switched(&judging);
            }
}

static void all_chains_are_asked_by_number(void **state)
{
    (void)state;
    const struct nft_judging judging = {.switched = TCTL_BIT(TCTL_CHAINS) - 2};
    assert_switched(&judging);
}

static void expect_bare(struct text *to, const char *chain)
{
    for (unsigned int words = 5; words <= 15; words++)
        say(to,
            "%s: nfproto == 02 network[0,1] & 0f == 05 network[2,2] == 00%02x l4proto == 06 transport[12,1] & f0 == "
            "%02x return\n",
            chain, 20 + 4 * words, words << 4);
    for (unsigned int words = 5; words <= 15; words++)
        say(to,
            "%s: nfproto == 0a network[6,1] == 06 network[4,2] == 00%02x l4proto == 06 transport[12,1] & f0 == %02x "
            "return\n",
            chain, 4 * words, words << 4);
}

static void expect_exempt(struct text *to, const char *chain, const char *index, const struct nft_judging *judging)
{
    if (judging->exempt_loopback)
        say(to, "%s: %s == 01000000 return\n", chain, index);
    if (judging->exempt_esp)
        say(to, "%s: l4proto == 32 return\n", chain);
}

static void expect_fixed(struct text *to, const struct nft_judging *judging)
{
    expect_bare(to, "bare_out");
    say(to, "bare_out: goto rules_out\n");
    expect_bare(to, "bare_in");
    say(to, "bare_in: goto rules_in\n");
    expect_exempt(to, "judge_out", "oif", judging);
    say(to, "judge_out: l4proto == 06 transport[13,1] & 04 == 04 goto bare_out\n");
    say(to, "judge_out: goto rules_out\n");
    expect_exempt(to, "judge_in", "iif", judging);
    say(to, "judge_in: l4proto == 06 transport[13,1] & 05 != 00 goto bare_in\n");
    say(to, "judge_in: goto rules_in\n");
    expect(to, &answer, iif);
    expect(to, &answer, lockdown);
}

static void exemptions(void **state)
{
    (void)state;
    for (int which = 0; which < 4; which++) {
        const struct nft_judging judging = {.exempt_loopback = which & 1, .exempt_esp = which & 2};
        struct text wanted = {0}, said = {0};
        struct nft_rules rules = {0};
        expect_fixed(&wanted, &judging);
        assert_true(nft_judge_fixed(&rules, &judging));
        say_rules(&said, &rules);
        assert_string_equal(said.text, wanted.text);
        nft_rules_done(&rules);
    }
}

static const char hooks[] =
    "count_out: skuid . oifname update @sent return\n"
    "count_out: skuid byteorder >= 00000000 count lost_out return\n"
    "count_out: count unowned_out\n"
    "count_in: skuid . iifname update @received return\n"
    "count_in: skuid byteorder >= 00000000 count lost_in return\n"
    "count_in: count unowned_in\n"
    "count_iface_out: oifname update @iface_out return\n"
    "count_iface_out: count lost_iface\n"
    "count_iface_in: iifname update @iface_in return\n"
    "count_iface_in: count lost_iface\n"
    "output: l4proto == 06 transport[13,1] & 12 == 02 skuid byteorder @app_uids jump rules_connect\n"
    "postrouting: l4proto == 06 transport[13,1] & 12 == 12 skuid byteorder @app_uids jump answer\n"
    "postrouting: skuid byteorder @app_uids jump judge_out\n"
    "postrouting: jump count_iface_out\n"
    "postrouting: jump count_out\n"
    "prerouting: jump count_iface_in\n"
    "input: jump count_in\n"
    "input: skuid byteorder @app_uids jump judge_in\n";

static const char standby[] = "drop_out_standby: skuid . 2 update @dropped_out drop\n"
                              "drop_out_standby: count lost_drops drop\n"
                              "refuse_standby: skuid . 2 update @refused reject\n"
                              "refuse_standby: count lost_drops reject\n"
                              "drop_in_standby: skuid . 2 update @dropped_in drop\n"
                              "drop_in_standby: count lost_drops drop\n";

static void paths(void **state)
{
    (void)state;
    struct text said = {0};
    struct nft_rules rules = {0};
    assert_true(nft_paths(&rules));
    say_rules(&said, &rules);
    const char *at = strstr(said.text, "count_out: ");
    assert_non_null(at);
    assert_string_equal(at, hooks);
    assert_non_null(strstr(said.text, standby));
    nft_rules_done(&rules);
}

/* Where a rule goes there is a chain, which is no hook's. */
static int assert_goes_somewhere(struct nftnl_expr *expr, void *unused)
{
    (void)unused;
    const char *name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);
    const char *to = strcmp(name, "immediate") == 0 ? nftnl_expr_get_str(expr, NFTNL_EXPR_IMM_CHAIN) : NULL;
    bool found = !to;
    for (enum nft_chain chain = 0; chain < NFT_CHAIN_HOOKED && to; chain++)
        found |= nft_chain_exists(chain) && strcmp(nft_chain_name(chain).text, to) == 0;
    if (!found)
        fail_msg("there is no chain %s", to);
    return 0;
}

static void no_rule_leads_nowhere(void **state)
{
    (void)state;
    const struct nft_judging judging = {TCTL_BIT(TCTL_REASONS) - 2, true, true};
    struct nft_rules rules = {0};
    assert_true(nft_paths(&rules) && nft_judge_fixed(&rules, &judging) && nft_judge_switched(&rules, &judging));
    for (size_t i = 0; i < rules.count; i++) {
        assert_true(nft_chain_exists(rules.rules[i].chain));
        nftnl_expr_foreach(rules.rules[i].rule, assert_goes_somewhere, NULL);
    }
    nft_rules_done(&rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_of_up_to_two_chains),
        cmocka_unit_test(all_chains_are_asked_by_number),
        cmocka_unit_test(exemptions),
        cmocka_unit_test(paths),
        cmocka_unit_test(no_rule_leads_nowhere),
    };
    return unit_run(tests);
}
