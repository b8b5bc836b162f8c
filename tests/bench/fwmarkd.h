/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#pragma once

/*
 * Tagging through trafficd beside a server that only answers, and beside those who connect to hurt; prints ratios. Not
 * 0: it could not be measured.
 */
int fwmarkd_compare(void);
