/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Places of members in kernel structs, by types made by hand. */
#include "unit.h"

#include <bpf/btf.h>
#include <string.h>

#include "kernel.h"

struct made {
    struct btf *btf;
    int u8, u16, u32, pointer;
};

static int set_up(void **state)
{
    struct made *made = calloc(1, sizeof(*made));
    assert_non_null(made);
    made->btf = btf__new_empty();
    assert_non_null(made->btf);
    made->u8 = btf__add_int(made->btf, "unsigned char", 1, 0);
    made->u16 = btf__add_int(made->btf, "unsigned short", 2, 0);
    made->u32 = btf__add_int(made->btf, "unsigned int", 4, 0);
    made->pointer = btf__add_ptr(made->btf, 0);
    assert_true(made->pointer > 0);
    *state = made;
    return 0;
}

static int take_down(void **state)
{
    struct made *made = *state;
    btf__free(made->btf);
    free(made);
    return 0;
}

static void field(struct made *made, const char *name, int type, uint32_t bit, uint32_t bits)
{
    assert_int_equal(btf__add_field(made->btf, name, type, bit, bits), 0);
}

static struct tctl_kernel offsets(const struct made *made)
{
    struct tctl_kernel kernel;
    memset(&kernel, 0xaa, sizeof(kernel));
    kernel_offsets(made ? made->btf : NULL, &kernel);
    return kernel;
}

static void check(struct tctl_member member, uint16_t offset, uint8_t shift, uint8_t bits)
{
    assert_int_equal(member.offset, offset);
    assert_int_equal(member.shift, shift);
    assert_int_equal(member.bits, bits);
}

static void kernel_without_types_knows_nothing(void **state)
{
    (void)state;
    struct tctl_kernel kernel = offsets(NULL);
    struct tctl_member members[(sizeof(kernel) - offsetof(struct tctl_kernel, skb_sk)) / sizeof(struct tctl_member)];
    memcpy(members, &kernel.skb_sk, sizeof(members));
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        check(members[i], TCTL_NO_OFFSET, 0, 0);
}

static void kernel_finds_plain_members(void **state)
{
    struct made *made = *state;
    btf__add_struct(made->btf, "net_device", 64);
    field(made, "name", made->u32, 0, 0);
    field(made, "mtu", made->u32, 44 * 8, 0);
    field(made, "ip6_ptr", made->pointer, 56 * 8, 0);
    struct tctl_kernel kernel = offsets(made);
    check(kernel.dev_mtu, 44, 0, 0);
    check(kernel.dev_inet6, 56, 0, 0);
    check(kernel.skb_sk, TCTL_NO_OFFSET, 0, 0);
}

static void kernel_looks_into_nameless_members(void **state)
{
    struct made *made = *state;
    int inner = btf__add_struct(made->btf, NULL, 16);
    field(made, "dev", made->pointer, 0, 0);
    field(made, "sk", made->pointer, 8 * 8, 0);
    int middle = btf__add_union(made->btf, NULL, 16);
    field(made, "list", made->u32, 0, 0);
    field(made, NULL, inner, 0, 0);
    int qualified = btf__add_const(made->btf, middle);
    btf__add_struct(made->btf, "sk_buff", 48);
    field(made, NULL, qualified, 16 * 8, 0);
    field(made, "cb", made->u8, 40 * 8, 0);
    struct tctl_kernel kernel = offsets(made);
    check(kernel.skb_sk, 24, 0, 0);
    check(kernel.skb_cb, 40, 0, 0);
}

static void kernel_follows_dots_through_typedefs(void **state)
{
    struct made *made = *state;
    int possible = btf__add_struct(made->btf, NULL, 8);
    field(made, "net", made->pointer, 0, 0);
    int type = btf__add_typedef(made->btf, "possible_net_t", possible);
    int common = btf__add_struct(made->btf, "sock_common", 64);
    field(made, "skc_net", type, 48 * 8, 0);
    field(made, "skc_cookie", made->pointer, 56 * 8, 0);
    btf__add_struct(made->btf, "sock", 128);
    field(made, "sk_lock", made->pointer, 0, 0);
    field(made, "__sk_common", common, 8 * 8, 0);
    struct tctl_kernel kernel = offsets(made);
    check(kernel.sk_net, 56, 0, 0);
    check(kernel.sk_cookie, 64, 0, 0);
    check(kernel.sk_uid, TCTL_NO_OFFSET, 0, 0);
}

static void kernel_places_bit_fields(void **state)
{
    struct made *made = *state;
    btf__add_struct(made->btf, "rtable", 128);
    field(made, "rt_mtu_locked", made->u32, 60 * 8, 1);
    field(made, "rt_pmtu", made->u32, 60 * 8 + 1, 31);
    btf__add_struct(made->btf, "ipv6_pinfo", 128);
    field(made, "pmtudisc", made->u16, 41 * 8 + 3, 3);
    field(made, "frag_size", made->u32, 44 * 8, 0);
    struct tctl_kernel kernel = offsets(made);
    bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    check(kernel.rt_pmtu, 60, big ? 0 : 1, 31);
    check(kernel.np_pmtudisc, 41, big ? 2 : 3, 3);
    check(kernel.np_frag_size, 44, 0, 0);
}

static void kernel_places_bit_fields_across_bytes(void **state)
{
    struct made *made = *state;
    btf__add_struct(made->btf, "ipv6_pinfo", 128);
    field(made, "before", made->u16, 40 * 8, 6);
    field(made, "pmtudisc", made->u16, 40 * 8 + 6, 3);
    struct tctl_kernel kernel = offsets(made);
    check(kernel.np_pmtudisc, 40, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 7 : 6, 3);
}

static void kernel_refuses_places_that_do_not_fit(void **state)
{
    struct made *made = *state;
    btf__add_struct(made->btf, "net_device", 1 << 17);
    field(made, "mtu", made->u32, TCTL_NO_OFFSET * 8, 0);
    field(made, "ip6_ptr", made->pointer, (TCTL_NO_OFFSET - 7) * 8, 0);
    btf__add_struct(made->btf, "rtable", 128);
    field(made, "other", made->u32, 0, 20);
    field(made, "rt_pmtu", made->u32, 20, 31);
    struct tctl_kernel kernel = offsets(made);
    check(kernel.dev_mtu, TCTL_NO_OFFSET, 0, 0);
    check(kernel.dev_inet6, TCTL_NO_OFFSET - 7, 0, 0);
    check(kernel.rt_pmtu, TCTL_NO_OFFSET, 0, 0);
}

static void kernel_wants_structs_not_names(void **state)
{
    struct made *made = *state;
    btf__add_union(made->btf, "rtable", 8);
    field(made, "rt_pmtu", made->u32, 0, 0);
    btf__add_fwd(made->btf, "net_device", BTF_FWD_STRUCT);
    btf__add_struct(made->btf, "net", 64);
    field(made, "ns", made->u32, 0, 0); /* no struct to go into */
    struct tctl_kernel kernel = offsets(made);
    check(kernel.rt_pmtu, TCTL_NO_OFFSET, 0, 0);
    check(kernel.dev_mtu, TCTL_NO_OFFSET, 0, 0);
    check(kernel.net_inum, TCTL_NO_OFFSET, 0, 0);
}

#define MADE(test) cmocka_unit_test_setup_teardown(test, set_up, take_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_without_types_knows_nothing),
        MADE(kernel_finds_plain_members),
        MADE(kernel_looks_into_nameless_members),
        MADE(kernel_follows_dots_through_typedefs),
        MADE(kernel_places_bit_fields),
        MADE(kernel_places_bit_fields_across_bytes),
        MADE(kernel_refuses_places_that_do_not_fit),
        MADE(kernel_wants_structs_not_names),
    };
    return unit_run(tests);
}
