/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Counters over tables that come and go, and their file. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "fd.h"
#include "nft_counted.h"

#define _cleanup_counts_ _cleanup_(nft_counts_done)
#define _cleanup_base_ _cleanup_(nft_base_done)
#define BOOT "0f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f"

static const struct nft_base_table FIRST = {.boot_id = BOOT, .netns_inum = 4026531840, .handle = 3};
static const struct nft_base_table SECOND = {.boot_id = BOOT, .netns_inum = 4026531840, .handle = 4};

static char folder[] = "/tmp/test_nft_base.XXXXXX", path[64], beside[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/base", folder);
    snprintf(beside, sizeof(beside), "%s/base.new", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

/* One UID's row by lo, that is read of a table. */
static void note(struct nft_base *base, const struct nft_base_table *table, uint64_t rx, uint64_t tx)
{
    _cleanup_counts_ struct nft_counts read = {0};
    nft_counted(&read, NFT_UIDS, 0, "other"); /* so that numbers are not the same everywhere */
    *nft_counted(&read, NFT_UIDS, 1000, "lo") = (struct tctl_stats_value){rx, 100 * rx, tx, 100 * tx};
    assert_int_equal(nft_base_note(base, table, &read), 0);
}

static void assert_total(const struct nft_base *base, uint64_t rx, uint64_t tx)
{
    _cleanup_counts_ struct nft_counts total = {0};
    assert_int_equal(nft_base_total(base, &total), 0);
    const struct tctl_stats_value *value = nft_counted(&total, NFT_UIDS, 1000, "lo");
    assert_int_equal(value->rx_packets, rx);
    assert_int_equal(value->rx_bytes, 100 * rx);
    assert_int_equal(value->tx_packets, tx);
    assert_int_equal(value->tx_bytes, 100 * tx);
}

static void living_table_counts_once(void **state)
{
    (void)state;
    _cleanup_base_ struct nft_base base = {0};
    note(&base, &FIRST, 5, 1);
    note(&base, &FIRST, 5, 1);
    note(&base, &FIRST, 7, 2);
    assert_total(&base, 7, 2);
    assert_int_equal(base.table.handle, FIRST.handle);
}

static void table_that_is_gone_is_carried(void **state)
{
    (void)state;
    struct nft_base_table elsewhere = SECOND;
    _cleanup_base_ struct nft_base base = {0};
    note(&base, &FIRST, 7, 2);
    assert_total(&base, 7, 2); /* also while there is none */
    note(&base, &SECOND, 1, 0);
    assert_total(&base, 8, 2);
    note(&base, &SECOND, 9, 4);
    assert_total(&base, 16, 6);
    assert_int_equal(base.table.handle, SECOND.handle);
    elsewhere.netns_inum++; /* handles begin anew there */
    note(&base, &elsewhere, 1, 1);
    assert_total(&base, 17, 7);
    assert_int_equal(base.table.netns_inum, elsewhere.netns_inum);
}

/* Others reset counters, flush one set, take an element. */
static void counter_that_was_set_back_goes_on(void **state)
{
    (void)state;
    _cleanup_base_ struct nft_base base = {0};
    note(&base, &FIRST, 7, 20);
    note(&base, &FIRST, 3, 21); /* the one direction alone */
    assert_total(&base, 10, 21);
    note(&base, &FIRST, 0, 21); /* no row */
    assert_total(&base, 10, 21);
    note(&base, &FIRST, 4, 21);
    assert_total(&base, 11, 21);
}

static void rows_that_are_not_read_stay(void **state)
{
    (void)state;
    _cleanup_base_ struct nft_base base = {0};
    _cleanup_counts_ struct nft_counts nothing = {0}, some = {0}, total = {0};
    nft_counted_some(&some);
    assert_int_equal(nft_base_note(&base, &FIRST, &some), 0);
    assert_int_equal(nft_base_note(&base, &FIRST, &nothing), 0);
    assert_int_equal(nft_base_note(&base, &SECOND, &nothing), 0);
    assert_int_equal(nft_base_total(&base, &total), 0);
    nft_counted_assert_equal(&some, &total);
    assert_int_equal(nft_base_note(&base, &SECOND, &some), 0);
    assert_int_equal(nft_counts_add(&some, &some), 0); /* now it is twice that */
    nft_counts_clear(&total);
    assert_int_equal(nft_base_total(&base, &total), 0);
    nft_counted_assert_equal(&some, &total);
}

/* Whatever is read of whichever table: no row becomes less, and nothing that was counted is told twice. */
static void nothing_becomes_less(void **state)
{
    (void)state;
    _cleanup_base_ struct nft_base base = {0};
    struct nft_base_table table = FIRST;
    uint64_t counted = 0, in_table = 0, told = 0;
    srandom(1);
    for (int i = 0; i < 2000; i++) {
        const long what = random() % 10;
        if (what == 0) {
            table.handle++;
            in_table = 0;
        } else if (what == 1) {
            in_table = 0;
        }
        const uint64_t more = 1 + (uint64_t)random() % 5;
        counted += more;
        in_table += more;
        note(&base, &table, in_table, 0);
        _cleanup_counts_ struct nft_counts total = {0};
        assert_int_equal(nft_base_total(&base, &total), 0);
        const uint64_t now = nft_counted(&total, NFT_UIDS, 1000, "lo")->rx_packets;
        assert_true(now >= told && now <= counted);
        told = now;
    }
    assert_true(told > counted / 2);
}

static void assert_reads(int expected, struct nft_base *base)
{
    struct fault fault = {0};
    assert_int_equal(nft_base_read(path, BOOT, base, &fault), expected);
    if (expected < 0 && !strstr(fault.text, path))
        fail_msg("'%s'", fault.text);
}

static void refuses(int expected)
{
    _cleanup_base_ struct nft_base base = {0};
    alarm(20); /* whoever waits here does so forever */
    assert_reads(expected, &base);
    alarm(0);
}

static void write_some(void)
{
    _cleanup_base_ struct nft_base base = {0};
    _cleanup_counts_ struct nft_counts some = {0};
    struct fault fault = {0};
    nft_counted_some(&some);
    assert_int_equal(nft_base_note(&base, &FIRST, &some), 0);
    assert_int_equal(nft_base_note(&base, &SECOND, &some), 0);
    assert_int_equal(nft_base_write(&base, path, &fault), 0);
}

static void file_holds_all_of_it(void **state)
{
    (void)state;
    _cleanup_base_ struct nft_base base = {0};
    _cleanup_counts_ struct nft_counts some = {0}, total = {0};
    struct stat file;
    write_some();
    assert_reads(0, &base);
    nft_counted_some(&some);
    nft_counted_assert_equal(&base.last, &some);
    assert_int_equal(nft_counts_add(&some, &some), 0);
    assert_int_equal(nft_base_total(&base, &total), 0);
    nft_counted_assert_equal(&some, &total);
    assert_int_equal(base.table.handle, SECOND.handle);
    assert_int_equal(base.table.netns_inum, SECOND.netns_inum);
    assert_return_code(stat(path, &file), errno);
    assert_int_equal(file.st_mode & 07777, 0600);
}

/* It goes on where it was: the same table counts once, another one is added. */
static void restart_goes_on(void **state)
{
    (void)state;
    struct fault fault = {0};
    for (uint64_t i = 0; i < 2; i++) {
        _cleanup_base_ struct nft_base before = {0}, after = {0};
        note(&before, &FIRST, 5, 5);
        assert_int_equal(nft_base_write(&before, path, &fault), 0);
        assert_reads(0, &after);
        note(&after, i ? &SECOND : &FIRST, 6, 6);
        assert_total(&after, i ? 11 : 6, i ? 11 : 6);
    }
}

static void put_bytes(const char *bytes, size_t length)
{
    _cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_return_code(fd, errno);
    assert_int_equal(write(fd, bytes, length), length);
}

static void what_is_torn_is_refused(void **state)
{
    (void)state;
    _cleanup_free_ char *bytes = NULL;
    _cleanup_fd_ int fd = -1;
    size_t length;
    write_some();
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fd_read_all(fd, 1 << 20, &bytes, &length), 0);
    for (size_t left = 0; left < length; left += left < 200 ? 1 : 97) {
        put_bytes(bytes, left);
        refuses(-EBADMSG);
    }
    put_bytes(bytes, length);
    refuses(0);
    bytes[8]++;
    put_bytes(bytes, length);
    refuses(-EPROTO);
}

/* In memory of that size, so that the sanitizer sees who reads on. */
static void parse(const char *bytes, size_t size)
{
    _cleanup_base_ struct nft_base base = {0};
    _cleanup_free_ char *exact = malloc(size);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    int r = nft_base_parse(exact, size, &base);
    assert_true(r == 0 || r == -EBADMSG || r == -EPROTO);
}

static void any_byte_may_be_wrong(void **state)
{
    (void)state;
    static const unsigned char VALUES[] = {0, 1, 0x7F, 0x80, 0xFF};
    _cleanup_base_ struct nft_base base = {0};
    _cleanup_free_ char *bytes = NULL;
    struct fault fault = {0};
    size_t length;
    note(&base, &FIRST, 1, 1);
    note(&base, &SECOND, 1, 1);
    assert_int_equal(nft_base_write(&base, path, &fault), 0);
    _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fd_read_all(fd, 1 << 20, &bytes, &length), 0);
    for (size_t at = 0; at < length; at++) {
        const char kept = bytes[at];
        for (size_t i = 0; i < ARRAY_SIZE(VALUES); i++) {
            bytes[at] = (char)VALUES[i];
            parse(bytes, length);
        }
        bytes[at] = kept;
    }
}

static void other_boots_do_not_count(void **state)
{
    (void)state;
    _cleanup_base_ struct nft_base base = {0};
    struct fault fault = {0};
    write_some();
    assert_int_equal(nft_base_read(path, "another", &base, &fault), -ESTALE);
}

static void what_others_may_have_written_is_refused(void **state)
{
    (void)state;
    refuses(-ENOENT);
    write_some();
    assert_return_code(chmod(path, 0620), errno);
    refuses(-EBADMSG);
    assert_return_code(chmod(path, 0602), errno);
    refuses(-EBADMSG);
    assert_return_code(rename(path, beside), errno);
    assert_return_code(chmod(beside, 0600), errno);
    assert_return_code(symlink(beside, path), errno);
    refuses(-ELOOP);
    assert_return_code(unlink(path), errno);
    assert_return_code(mkfifo(path, 0600), errno);
    refuses(-EBADMSG);
    if (geteuid() == 0) {
        assert_return_code(rename(beside, path), errno);
        assert_return_code(chown(path, 12345, 0), errno);
        refuses(-EBADMSG);
    }
}

static void failure_leaves_the_old_file(void **state)
{
    (void)state;
    _cleanup_base_ struct nft_base base = {0}, there = {0};
    struct fault fault = {0};
    char inside[80];
    write_some();
    assert_return_code(mkdir(beside, 0700), errno); /* in the way of the new file */
    snprintf(inside, sizeof(inside), "%s/x", beside);
    assert_return_code(mkdir(inside, 0700), errno);
    assert_true(nft_base_write(&base, path, &fault) < 0);
    assert_non_null(strstr(fault.text, path));
    assert_reads(0, &there);
    assert_int_equal(there.table.handle, SECOND.handle);
}

/* A writer that was killed left it. */
static void new_file_that_is_left_is_replaced(void **state)
{
    (void)state;
    _cleanup_fd_ int fd = open(beside, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    assert_return_code(fd, errno);
    write_some();
    refuses(0);
    assert_int_equal(access(beside, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(living_table_counts_once),
        cmocka_unit_test(table_that_is_gone_is_carried),
        cmocka_unit_test(counter_that_was_set_back_goes_on),
        cmocka_unit_test(rows_that_are_not_read_stay),
        cmocka_unit_test(nothing_becomes_less),
        cmocka_unit_test_setup_teardown(file_holds_all_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(restart_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_torn_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_byte_may_be_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_boots_do_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_others_may_have_written_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failure_leaves_the_old_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(new_file_that_is_left_is_replaced, set_up, tear_down),
    };
    return unit_run(tests);
}
