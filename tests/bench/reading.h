/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#pragma once

/* 10,000 rows read by the library, beside key by key, and beside the text that /proc had. Prints; 0, or 1. */
int reading_compare(void);
