/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "ruleset.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cmocka.h>

#include "cleanup.h"
#include "fd.h"
#include "loopback.h"

#define OUTPUT_SIZE (1 << 20)

/* Mounts of this process are seen by nobody else and end with it. */
static void leave_mount_namespace(void)
{
    static bool left;
    if (left)
        return;
    assert_return_code(unshare(CLONE_NEWNS), errno);
    assert_return_code(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), errno);
    left = true;
}

/* Atomically add 1 to an element of an array; 1 is "it matches". */
static int load_counting(int map, uint32_t counter)
{
    const struct bpf_insn program[] = {
        {.code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .off = -4, .imm = (int)counter},
        {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10},
        {.code = BPF_ALU64 | BPF_ADD, .dst_reg = BPF_REG_2, .imm = -4},
        {.code = BPF_LD | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map},
        {0},
        {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem},
        {.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 2},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = 1},
        {.code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_0, .src_reg = BPF_REG_1, .imm = BPF_ADD},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, NULL, "GPL", program, ARRAY_SIZE(program), NULL);
    assert_return_code(fd, errno);
    return fd;
}

void ruleset_pin(struct ruleset *ruleset, const char *bpffs, enum pin_id id, uint32_t counter)
{
    _cleanup_free_ char *path = NULL;
    _cleanup_free_ char *aside = NULL;
    _cleanup_fd_ int fd = load_counting(ruleset->counters, counter);
    assert_return_code(pins_path(bpffs, id, &path), 0);
    assert_return_code(asprintf(&aside, "%s_new", path), errno);
    assert_return_code(bpf_obj_pin(fd, aside), errno);
    assert_return_code(rename(aside, path), errno);
}

uint64_t ruleset_counted(const struct ruleset *ruleset, uint32_t counter)
{
    uint64_t value = 0;
    assert_return_code(bpf_map_lookup_elem(ruleset->counters, &counter, &value), errno);
    return value;
}

int ruleset_set_up(void **state)
{
    struct ruleset *ruleset = calloc(1, sizeof(*ruleset));
    assert_non_null(ruleset);
    loopback_enter();
    leave_mount_namespace();
    strcpy(ruleset->folder, "/tmp/trafficctl-rules-XXXXXX");
    assert_non_null(mkdtemp(ruleset->folder));
    assert_return_code(mount("bpf", ruleset->folder, "bpf", 0, "mode=0700"), errno);
    ruleset->counters = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 8, RULESET_COUNTERS, NULL);
    assert_return_code(ruleset->counters, errno);
    ruleset_pin(ruleset, ruleset->folder, PIN_XT_INGRESS_PROG, 0);
    ruleset_pin(ruleset, ruleset->folder, PIN_XT_EGRESS_PROG, 1);
    *state = ruleset;
    return 0;
}

int ruleset_tear_down(void **state)
{
    struct ruleset *ruleset = *state;
    fd_close(ruleset->counters);
    umount2(ruleset->folder, MNT_DETACH);
    rmdir(ruleset->folder);
    free(ruleset->before);
    free(ruleset);
    return 0;
}

static int take(const char *command, char *text)
{
    FILE *output = popen(command, "re");
    assert_non_null(output);
    size_t length = fread(text, 1, OUTPUT_SIZE - 1, output);
    text[length] = '\0';
    assert_true(length < OUTPUT_SIZE - 1);
    return pclose(output);
}

char *ruleset_says(const char *command)
{
    char *text = malloc(OUTPUT_SIZE);
    assert_non_null(text);
    int status = take(command, text);
    if (status != 0)
        fail_msg("%s: status %d: %s", command, status, text);
    return text;
}

void ruleset_run(const char *command)
{
    free(ruleset_says(command));
}

void ruleset_fails(const char *command)
{
    _cleanup_free_ char *text = malloc(OUTPUT_SIZE);
    assert_non_null(text);
    if (take(command, text) == 0)
        fail_msg("%s did not fail: %s", command, text);
}

char *ruleset_everything(bool handles)
{
    char command[256];
    snprintf(
        command, sizeof(command),
        "{ nft %s list ruleset; nft -j %s list ruleset; iptables-nft-save -c; ip6tables-nft-save -c; } 2>/dev/null |"
        " sed 's/^# \\(Generated\\|Completed\\) .*//; %s'",
        handles ? "-a" : "", handles ? "-a" : "", handles ? "" : "s/\"handle\": [0-9]*//g");
    return ruleset_says(command);
}

void ruleset_note(struct ruleset *ruleset)
{
    free(ruleset->before);
    ruleset->before = ruleset_everything(false);
}

void ruleset_assert_as_noted(const struct ruleset *ruleset)
{
    _cleanup_free_ char *now = ruleset_everything(false);
    assert_string_equal(now, ruleset->before);
}

void ruleset_fill_with_foreign(void)
{
    ruleset_run("nft -f - <<'END'\n"
                "add table ip a\n"
                "add set ip a s { type ipv4_addr; flags interval; elements = { 198.51.100.0/25, 203.0.113.9 }; }\n"
                "add chain ip a pre { type nat hook prerouting priority dstnat; }\n"
                "add rule ip a pre ip daddr @s dnat to 192.0.2.9\n"
                "add chain ip a out { type route hook output priority mangle; }\n"
                "add rule ip a out meta mark set 7 comment \"trafficctl program 1\"\n"
                "add table ip6 a\n"
                "add chain ip6 a f { type filter hook forward priority raw - 150; policy drop; }\n"
                "add table inet firewall\n"
                "add counter inet firewall c { packets 5 bytes 300 }\n"
                "add map inet firewall m { type inet_service : verdict; elements = { 22 : accept, 25 : drop }; }\n"
                "add chain inet firewall pre { type filter hook prerouting priority -450; }\n"
                "add rule inet firewall pre ip ttl 77 counter name c\n"
                "add chain inet firewall in { type filter hook input priority filter; }\n"
                "add rule inet firewall in tcp dport vmap @m\n"
                "add rule inet firewall in ct state invalid drop\n"
                "add table arp a\n"
                "add chain arp a in { type filter hook input priority 0; }\n"
                "add rule arp a in arp operation request counter packets 1 bytes 28 accept\n"
                "add table bridge a\n"
                "add chain bridge a f { type filter hook forward priority 0; }\n"
                "add rule bridge a f vlan id 7 accept\n"
                "add table netdev a\n"
                "add chain netdev a lo { type filter hook ingress device \"lo\" priority 0; }\n"
                "END");
    ruleset_run("iptables-nft -t raw -A PREROUTING -m string --algo bm --string trafficctl -j DROP");
    ruleset_run("iptables-nft -t mangle -A POSTROUTING -m owner --uid-owner 10001 -j MARK --set-mark 3");
    ruleset_run("iptables-nft -A INPUT -m comment --comment 'trafficctl program 1' -m multiport -p tcp --dports 1,2 "
                "-j ACCEPT");
    ruleset_run("ip6tables-nft -t nat -A POSTROUTING -s fd00::/8 -j MASQUERADE");
}

void ruleset_put(const struct ruleset *ruleset, struct nft_talk **owner)
{
    struct fault fault = {};
    int r = nft_put(ruleset->folder, owner, &fault);
    if (r < 0)
        fail_msg("nft_put: %s (%s)", fault.text, strerror(-r));
}

uint32_t ruleset_look(const struct ruleset *ruleset)
{
    struct fault fault = {};
    uint32_t there = ~0u;
    int r = nft_look(ruleset->folder, &there, &fault);
    if (r < 0)
        fail_msg("nft_look: %s (%s)", fault.text, strerror(-r));
    return there;
}

void ruleset_remove(void)
{
    struct fault fault = {};
    int r = nft_remove(&fault);
    if (r < 0)
        fail_msg("nft_remove: %s (%s)", fault.text, strerror(-r));
}
