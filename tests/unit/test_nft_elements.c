/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The firewall as elements of sets, and back; and what strangers may put there. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "unit.h"

#include "cleanup.h"
#include "elements.h"
#include "policies.h"

#define ROUNDS 200
#define LAST_SET (NFT_SET_COUNTING - 1)

static struct nft_held random_held(void)
{
    struct nft_held held = {.closed = rand() % 2};
    policies_random(&held.policy);
    return held;
}

static void what_is_held_comes_back(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct nft_held held = random_held(), back = {0};
        for (enum nft_set set = NFT_SET_LISTED; set <= LAST_SET; set++) {
            struct nft_elements elements = {0};
            assert_int_equal(nft_elements_of(&held, set, &elements), 0);
            assert_int_equal(nft_elements_into(&elements, set, &back), 0);
            nft_elements_done(&elements);
        }
        policies_assert_equal(&back.policy, &held.policy);
        assert_int_equal(back.closed, held.closed);
        nft_held_done(&held);
        nft_held_done(&back);
    }
}

static bool has(const struct nft_elements *elements, uint32_t uid)
{
    bool found = false;
    for (size_t i = 0; i < elements->count; i++)
        found |= memcmp(elements->keys + i * sizeof(uid), &uid, sizeof(uid)) == 0;
    return found;
}

static struct nft_elements random_elements(void)
{
    struct nft_elements elements = {0};
    for (uint32_t uid = 0; uid < 600; uid += 1 + (uint32_t)rand() % 5)
        assert_int_equal(nft_elements_append(&elements, NFT_SET_LOCKDOWN, &uid), 0);
    return elements;
}

static void what_another_lacks_is_found(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct nft_elements a = random_elements(), b = random_elements(), rest = {0};
        assert_int_equal(nft_elements_without(&a, &b, NFT_SET_LOCKDOWN, &rest), 0);
        for (uint32_t uid = 0; uid < 600; uid++)
            assert_int_equal(has(&rest, uid), has(&a, uid) && !has(&b, uid));
        nft_elements_done(&a);
        nft_elements_done(&b);
        nft_elements_done(&rest);
    }
}

static int put(struct nft_held *held, enum nft_set set, const void *key)
{
    struct nft_elements elements = {0};
    assert_int_equal(nft_elements_append(&elements, set, key), 0);
    int r = nft_elements_into(&elements, set, held);
    nft_elements_done(&elements);
    return r;
}

static void no_such_switch_is_refused(void **state)
{
    (void)state;
    struct nft_held held = {0};
    for (uint32_t reason = 0; reason < 40; reason++) {
        bool known = (reason > 0 && reason < TCTL_CHAINS) || reason == TCTL_CLOSED;
        assert_int_equal(put(&held, NFT_SET_SWITCHED, &reason), known ? 0 : -EBADMSG);
    }
    nft_held_done(&held);
}

static void names_without_end_or_beginning_are_refused(void **state)
{
    (void)state;
    struct nft_held held = {0};
    struct nft_uid_iface key = {.uid = 7};
    assert_int_equal(put(&held, NFT_SET_METERED, key.iface), -EBADMSG);
    assert_int_equal(put(&held, NFT_SET_IIF_OK, &key), -EBADMSG);
    memset(key.iface, 'x', sizeof(key.iface));
    assert_int_equal(put(&held, NFT_SET_METERED, key.iface), -EBADMSG);
    assert_int_equal(put(&held, NFT_SET_IIF_OK, &key), -EBADMSG);
    assert_int_equal(held.policy.metered_count + held.policy.iface_count, 0);
    nft_held_done(&held);
}

/* As rules ask: who is not in iif_ruled has no interface of his own, whoever is elsewhere. */
static void rule_of_an_interface_takes_two_sets(void **state)
{
    (void)state;
    struct nft_held held = {0};
    const struct nft_uid_iface first = {.uid = 7, .iface = "eth0"}, second = {.uid = 7, .iface = "wlan0"};
    assert_int_equal(put(&held, NFT_SET_IIF_OK, &first), 0);
    assert_int_equal(put(&held, NFT_SET_IIF_ANY, &first.uid), 0);
    assert_null(policy_find_iface(&held.policy, 7));
    assert_int_equal(put(&held, NFT_SET_IIF_RULED, &first.uid), 0);
    assert_string_equal(policy_find_iface(&held.policy, 7)->iface, NFT_NO_IFACE);
    assert_int_equal(put(&held, NFT_SET_IIF_OK, &first), 0);
    assert_int_equal(put(&held, NFT_SET_IIF_OK, &second), 0);
    assert_string_equal(policy_find_iface(&held.policy, 7)->iface, "eth0");
    nft_held_done(&held);
}

/* What was behind a shorter name before does not become a part of the key. */
static void keys_end_in_zeroes(void **state)
{
    (void)state;
    struct nft_held held = {0};
    struct nft_elements elements = {0};
    const char padded[TCTL_IFNAME_LEN] = "a";
    assert_int_equal(policy_set_metered(&held.policy, "bbbbbbbbbbbbbbb", true), 0);
    assert_int_equal(policy_set_metered(&held.policy, "bbbbbbbbbbbbbbb", false), 0);
    assert_int_equal(policy_set_metered(&held.policy, "a", true), 0);
    assert_int_equal(nft_elements_of(&held, NFT_SET_METERED, &elements), 0);
    assert_memory_equal(elements.keys, padded, sizeof(padded));
    nft_elements_done(&elements);
    nft_held_done(&held);
}

static void last_uid_of_all_has_nothing_behind_it(void **state)
{
    (void)state;
    const struct tctl_config config = {.range_count = 2, .app_uids = {{7, 9}, {100, UINT32_MAX}}};
    const struct nft_bound wanted[] = {{htonl(7), 0}, {htonl(10), 1}, {htonl(100), 0}};
    struct nft_elements elements = {0};
    assert_int_equal(nft_elements_judged(&config, &elements), 0);
    assert_int_equal(elements.count, ARRAY_SIZE(wanted));
    assert_memory_equal(elements.keys, wanted, sizeof(wanted));
    nft_elements_done(&elements);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_held_comes_back),
        cmocka_unit_test(what_another_lacks_is_found),
        cmocka_unit_test(no_such_switch_is_refused),
        cmocka_unit_test(names_without_end_or_beginning_are_refused),
        cmocka_unit_test(rule_of_an_interface_takes_two_sets),
        cmocka_unit_test(keys_end_in_zeroes),
        cmocka_unit_test(last_uid_of_all_has_nothing_behind_it),
    };
    return unit_run(tests);
}
