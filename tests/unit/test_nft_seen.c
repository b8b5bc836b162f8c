/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What nf_tables answers, and what no kernel would: every byte of it changed, and every end cut off. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "cleanup.h"
#include "nft_seen.h"

#define MESSAGE_SIZE 4096
#define SEQUENCE 7
#define PORTID 8

static const struct nft_program PROGRAM = {.id = 4711, .path = "/sys/fs/bpf/xt_bpf_ingress_prog"};

/* An answer as the kernel sends it. */
static struct nlmsghdr *begin(char *buffer, uint16_t type)
{
    memset(buffer, 0, MESSAGE_SIZE);
    struct nlmsghdr *message = nft_talk_head(buffer, type, 0);
    message->nlmsg_seq = SEQUENCE;
    message->nlmsg_pid = PORTID;
    return message;
}

static void answer_table(char *buffer)
{
    _cleanup_table_ struct nftnl_table *table = nft_table_new(NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST);
    struct nlmsghdr *message = begin(buffer, NFT_MSG_NEWTABLE);
    nftnl_table_nlmsg_build_payload(message, table);
    mnl_attr_put_u32(message, NFTA_TABLE_OWNER, htonl(4242));
}

static void answer_chain(char *buffer)
{
    _cleanup_chain_ struct nftnl_chain *chain = nft_chain_new(&nft_places[0]);
    nftnl_chain_nlmsg_build_payload(begin(buffer, NFT_MSG_NEWCHAIN), chain);
}

static void answer(char *buffer, struct nftnl_rule *rule, uint64_t handle)
{
    nftnl_rule_set_u64(rule, NFTNL_RULE_HANDLE, handle);
    nftnl_rule_nlmsg_build_payload(begin(buffer, NFT_MSG_NEWRULE), rule);
}

static void answer_rule(char *buffer)
{
    _cleanup_rule_ struct nftnl_rule *rule = nft_rule_new(&nft_places[0], &PROGRAM, true);
    answer(buffer, rule, 3);
}

static int run(const char *buffer, size_t length, mnl_cb_t reader, struct nft_seen *seen)
{
    void *into = reader == nft_seen_table ? (void *)seen : &seen->chains[0];
    return mnl_cb_run(buffer, length, SEQUENCE, PORTID, reader, into);
}

static struct nft_seen nothing(void)
{
    return (struct nft_seen){.chains = {{.place = &nft_places[0]}, {.place = &nft_places[1]}}};
}

static size_t length_of(const char *buffer)
{
    return ((const struct nlmsghdr *)buffer)->nlmsg_len;
}

static void read_into(struct nft_seen *seen, const char *buffer, mnl_cb_t reader)
{
    assert_int_equal(run(buffer, length_of(buffer), reader, seen), MNL_CB_OK);
}

static void answers_are_understood(void **state)
{
    (void)state;
    char buffer[MESSAGE_SIZE];
    struct nft_seen seen = nothing();
    answer_table(buffer);
    read_into(&seen, buffer, nft_seen_table);
    assert_true(seen.exists && seen.ours);
    assert_int_equal(seen.owner, 4242);
    assert_int_equal(seen.flags, NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST);
    answer_chain(buffer);
    read_into(&seen, buffer, nft_seen_chain);
    assert_true(seen.chains[0].exists && seen.chains[0].right);
    assert_false(nft_seen_runs(&seen, 0, 4711));
    answer_rule(buffer);
    read_into(&seen, buffer, nft_seen_rule);
    assert_int_equal(seen.chains[0].handle, 3);
    assert_true(nft_seen_runs(&seen, 0, 4711));
    assert_false(nft_seen_runs(&seen, 0, 4712));
    assert_false(nft_seen_runs(&seen, 1, 4711));
    seen.flags |= NFT_TABLE_F_DORMANT;
    assert_false(nft_seen_runs(&seen, 0, 4711));
}

/* As a kernel without IPsec has it. */
static void rule_without_guards_is_right(void **state)
{
    (void)state;
    char buffer[MESSAGE_SIZE];
    struct nft_seen seen = nothing();
    _cleanup_rule_ struct nftnl_rule *rule = nft_rule_new(&nft_places[0], &PROGRAM, false);
    answer(buffer, rule, 3);
    read_into(&seen, buffer, nft_seen_rule);
    assert_true(seen.chains[0].head_right);
    seen = nothing();
    _cleanup_rule_ struct nftnl_rule *of_other_place = nft_rule_new(&nft_places[1], &PROGRAM, true);
    nftnl_rule_set_str(of_other_place, NFTNL_RULE_CHAIN, nft_places[0].chain);
    answer(buffer, of_other_place, 3);
    read_into(&seen, buffer, nft_seen_rule);
    assert_true(seen.chains[0].head);
    assert_false(seen.chains[0].head_right);
}

static void second_rule_is_one_too_many(void **state)
{
    (void)state;
    char buffer[MESSAGE_SIZE];
    struct nft_seen seen = nothing();
    answer_rule(buffer);
    for (size_t i = 0; i < 3 * NFT_SURPLUS; i++)
        read_into(&seen, buffer, nft_seen_rule);
    assert_int_equal(seen.chains[0].surplus_count, NFT_SURPLUS);
}

static void rule_behind_another_is_not_first(void **state)
{
    (void)state;
    char buffer[MESSAGE_SIZE];
    struct nft_seen seen = nothing();
    _cleanup_rule_ struct nftnl_rule *other = nft_rule_empty(&nft_places[0]);
    answer(buffer, other, 2);
    read_into(&seen, buffer, nft_seen_rule);
    answer_rule(buffer);
    read_into(&seen, buffer, nft_seen_rule);
    assert_false(seen.chains[0].head);
    assert_int_equal(seen.chains[0].surplus_count, 1);
    assert_int_equal(seen.chains[0].surplus[0], 3);
}

/* It has our comment, and something in it that we never put there. */
static void rule_with_another_part_is_not_right(void **state)
{
    (void)state;
    char buffer[MESSAGE_SIZE];
    struct nft_seen seen = nothing();
    _cleanup_rule_ struct nftnl_rule *rule = nft_rule_new(&nft_places[0], &PROGRAM, true);
    struct nftnl_expr *verdict = nftnl_expr_alloc("immediate");
    nftnl_expr_set_u32(verdict, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(verdict, NFTNL_EXPR_IMM_VERDICT, NF_DROP);
    nftnl_rule_add_expr(rule, verdict);
    answer(buffer, rule, 3);
    read_into(&seen, buffer, nft_seen_rule);
    assert_true(seen.chains[0].head);
    assert_false(seen.chains[0].head_right);
}

/* Userdata are whatever somebody wrote: lengths that lead beyond the end, texts without an end. */
static void comments_may_be_anything(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        const char *data;
    } CASES[] = {
        {1, "\0"},
        {2, "\0\0"},
        {2, "\0\377"},
        {4, "\0\002tr"},
        {22, "\0\024trafficctl program 4"},
        {23, "\0\025trafficctl program \xb2\xff"},
        {24, "\0\026trafficctl program 4x\0"},
        {33, "\0\037trafficctl program 99999999999\0"},
        {6, "\1\1x\0\377y"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        _cleanup_free_ char *data = malloc(CASES[i].size);
        uint32_t program = 0;
        assert_non_null(data);
        memcpy(data, CASES[i].data, CASES[i].size);
        assert_false(nft_comment_program(data, CASES[i].size, &program));
    }
}

/* In memory that ends where it ends (libmnl reads words), so that the sanitizer sees who reads on. */
static void run_exactly(const char *buffer, size_t length, mnl_cb_t reader)
{
    struct nft_seen seen = nothing();
    _cleanup_free_ char *exact = malloc(MNL_ALIGN(length));
    assert_non_null(exact);
    memcpy(exact, buffer, length);
    run(exact, length, reader, &seen);
    assert_true(seen.chains[0].surplus_count <= NFT_SURPLUS);
}

static void spoil_bytes(char *buffer, mnl_cb_t reader)
{
    static const uint8_t VALUES[] = {0, 1, 3, 4, 5, 0x7F, 0x80, 0xFF};
    size_t length = length_of(buffer);
    for (size_t at = sizeof(struct nlmsghdr); at < length; at++) {
        char kept = buffer[at];
        for (size_t i = 0; i < ARRAY_SIZE(VALUES); i++) {
            buffer[at] = (char)VALUES[i];
            run_exactly(buffer, length, reader);
        }
        buffer[at] = kept;
    }
}

static void cut_off(char *buffer, mnl_cb_t reader)
{
    struct nlmsghdr *message = (struct nlmsghdr *)buffer;
    size_t length = message->nlmsg_len;
    for (size_t left = sizeof(*message); left < length; left++) {
        run_exactly(buffer, left, reader);
        message->nlmsg_len = (uint32_t)left;
        run_exactly(buffer, left, reader);
        message->nlmsg_len = (uint32_t)length;
    }
}

static void malformed_answers_are_survived(void **state)
{
    (void)state;
    static const struct {
        void (*make)(char *buffer);
        mnl_cb_t reader;
    } ANSWERS[] = {
        {answer_table, nft_seen_table},
        {answer_chain, nft_seen_chain},
        {answer_rule, nft_seen_rule},
    };
    char buffer[MESSAGE_SIZE];
    for (size_t i = 0; i < ARRAY_SIZE(ANSWERS); i++) {
        ANSWERS[i].make(buffer);
        spoil_bytes(buffer, ANSWERS[i].reader);
        cut_off(buffer, ANSWERS[i].reader);
    }
}

static void answers_about_something_else_are_refused(void **state)
{
    (void)state;
    char buffer[MESSAGE_SIZE];
    struct nft_seen seen = nothing();
    answer_chain(buffer);
    assert_int_equal(run(buffer, length_of(buffer), nft_seen_table, &seen), MNL_CB_ERROR);
    assert_int_equal(errno, EBADMSG);
    seen.chains[0].place = &nft_places[1];
    assert_int_equal(run(buffer, length_of(buffer), nft_seen_chain, &seen), MNL_CB_ERROR);
    answer_rule(buffer);
    read_into(&seen, buffer, nft_seen_rule);
    assert_false(seen.chains[0].begun);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_understood),
        cmocka_unit_test(rule_without_guards_is_right),
        cmocka_unit_test(second_rule_is_one_too_many),
        cmocka_unit_test(rule_behind_another_is_not_first),
        cmocka_unit_test(rule_with_another_part_is_not_right),
        cmocka_unit_test(comments_may_be_anything),
        cmocka_unit_test(malformed_answers_are_survived),
        cmocka_unit_test(answers_about_something_else_are_refused),
    };
    cmocka_set_test_filter(getenv("T"));
    return cmocka_run_group_tests_name("unit: nft_seen", tests, NULL, NULL);
}
