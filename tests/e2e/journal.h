/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What trafficd says, as it says it. Asserts with cmocka. */
#pragma once

/* What is promised within a second is waited for as an event, and may take three times that on a busy machine. */
#define SECOND_MS 3000

/* The daemon of the_world again, or for the first time; from here on this has all that it says. */
void journal_start(void);
/* The test that ends while trafficd still runs may forget what it said. */
void journal_end(void);
/* Forget what was said until now. */
void journal_forget(void);
/* Until trafficd says it: fails the test after SECOND_MS. What was said before since journal_forget() counts. */
void journal_waits_for(const char *text);
/* How often it was said; what is on its way is not waited for. */
unsigned int journal_count(const char *text);
