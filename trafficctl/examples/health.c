/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/*
 * Is everything counted, and does it agree with the interfaces' own statistics? health [BPFFS].
 * cc health.c $(pkg-config --cflags --libs trafficctl)
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <trafficctl/verify.h>

static void show(const struct tctl_status *status, const struct tctl_verified *verified)
{
    static const char *const words[] = {[TCTL_OK] = "ok", [TCTL_DEGRADED] = "degraded", [TCTL_DOWN] = "down"};

    printf("%s\n", words[status->health]);
    for (size_t i = 0; i < TCTL_STATUS_LOST; i++)
        if (status->lost[i].packets)
            printf("%s: %" PRIu64 " packets lost\n", status->lost[i].name, status->lost[i].packets);
    for (size_t i = 0; i < verified->count; i++)
        printf("%s: %s\n", verified->rows[i].iface,
               tctl_verify_doubts(&verified->rows[i].rx) || tctl_verify_doubts(&verified->rows[i].tx) ? "differs"
                                                                                                      : "agrees");
}

int main(int argc, char **argv)
{
    struct tctl *traffic = NULL;
    struct tctl_status status = {0};
    struct tctl_verified verified = {0};
    int r = tctl_open(argc > 1 ? argv[1] : NULL, &traffic);

    if (r == 0)
        r = tctl_status(traffic, &status);
    if (r == 0)
        r = tctl_verify(traffic, &verified);
    if (r < 0)
        fprintf(stderr, "not read: %s\n", strerror(-r));
    else
        show(&status, &verified);
    tctl_verified_done(&verified);
    tctl_close(traffic);
    return r < 0;
}
