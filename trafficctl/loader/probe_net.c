/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Before the kernel's own headers, which then leave out what both define. */
#include <netinet/in.h>

#include <linux/inet_diag.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <zlib.h>

#include "cleanup.h"
#include "fd.h"
#include "probe.h"

/* Ask as iptables does; the kernel loads the module if it has one. Only where the old tables are there. */
static bool iptables_knows_bpf(void)
{
    struct xt_get_revision revision = {.name = "bpf", .revision = 1};
    socklen_t size = sizeof(revision);
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    return fd >= 0 && getsockopt(fd, IPPROTO_IP, IPT_SO_GET_REVISION_MATCH, &revision, &size) == 0;
}

static void gzclosep(gzFile *file)
{
    if (*file)
        gzclose(*file);
}

/* gzopen reads plain text too. */
static bool config_says(const char *path, const char *name)
{
    _cleanup_(gzclosep) gzFile file = gzopen(path, "re");
    char line[256];
    size_t length = strlen(name);
    while (file && gzgets(file, line, sizeof(line)))
        if (strncmp(line, name, length) == 0 &&
            (strcmp(line + length, "=y\n") == 0 || strcmp(line + length, "=m\n") == 0))
            return true;
    return false;
}

/*
 * Tried in this order: the question that iptables asks; the matches that are registered; and because a kernel without
 * the old tables answers neither, what it was configured with.
 */
bool probe_xt_bpf(void)
{
    static const char name[] = "CONFIG_NETFILTER_XT_MATCH_BPF";
    _cleanup_free_ char *matches = NULL;
    if (iptables_knows_bpf())
        return true;
    if (fd_read_file("/proc/net/ip_tables_matches", 65536, &matches) == 0 && strstr(matches, "bpf\n"))
        return true;

    struct utsname kernel;
    char path[sizeof("/boot/config-") + sizeof(kernel.release)];
    if (config_says("/proc/config.gz", name))
        return true;
    if (uname(&kernel) < 0)
        return false;
    snprintf(path, sizeof(path), "/boot/config-%s", kernel.release);
    return config_says(path, name);
}

/* The question that iptables-nft asks; nothing is made by it. */
bool probe_nft_bpf(void)
{
    char buffer[1024] __attribute__((aligned(8)));
    struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
    header->nlmsg_type = NFNL_SUBSYS_NFT_COMPAT << 8 | NFNL_MSG_COMPAT_GET;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    struct nfgenmsg *family = mnl_nlmsg_put_extra_header(header, sizeof(*family));
    *family = (struct nfgenmsg){.nfgen_family = AF_INET, .version = NFNETLINK_V0};
    mnl_attr_put_strz(header, NFTA_COMPAT_NAME, "bpf");
    mnl_attr_put_u32(header, NFTA_COMPAT_REV, htonl(1));
    mnl_attr_put_u32(header, NFTA_COMPAT_TYPE, htonl(0)); /* a match */
    _cleanup_netlink_ struct mnl_socket *netlink = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (!netlink || mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_sendto(netlink, header, header->nlmsg_len) < 0)
        return false;
    ssize_t length = mnl_socket_recvfrom(netlink, buffer, sizeof(buffer));
    return length >= (ssize_t)sizeof(*header) && ((struct nlmsghdr *)buffer)->nlmsg_type != NLMSG_ERROR;
}

/* For sockets in no state: the answer is an end without a socket, or an error if nobody knows UDP. */
bool probe_udp_diag(void)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } message = {
        .header = {.nlmsg_len = sizeof(message),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .request = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_UDP},
    };
    struct {
        struct nlmsghdr header;
        char rest[4096];
    } answer = {0};
    _cleanup_fd_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0 || send(fd, &message, sizeof(message), 0) != sizeof(message))
        return false;
    if (recv(fd, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer.header))
        return false;
    int error;
    memcpy(&error, answer.rest, sizeof(error));
    return answer.header.nlmsg_type == NLMSG_DONE && error == 0;
}
