/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Log lines of the mains, to standard error; with the journal's <N> priority prefix when JOURNAL_STREAM is set. */
#pragma once

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6 };

/* name goes before each line ("trafficd: ..."); a static string. */
void log_open(const char *name);

__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *format, ...);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
