/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A scrape of ten thousand rows by trafficctl exporter, beside the library's reading of them. */
#pragma once

/* 0, or 1 if something failed (said). */
int exporter_compare(void);
