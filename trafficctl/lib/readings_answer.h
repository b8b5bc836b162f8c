/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What trafficd answers whoever connects to trafficctl/readings, once and unasked: then nothing more comes. */
#pragma once

#include <stdint.h>

#include <traffic_abi.h>

#define READINGS_SOCKET TCTL_DIR "/readings"

/* With a descriptor, of a memfd with all counters, if error is 0; else a negative errno, as -EBUSY. */
struct readings_answer {
    int32_t error;
};
