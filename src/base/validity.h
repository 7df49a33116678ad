/* SPDX-License-Identifier: Apache-2.0 */
/* The time until something ends by the wall clock, such as a certificate: in days, in stages of warning, and as text.
 * All times are seconds since the epoch. */
#ifndef BASE_VALIDITY_H
#define BASE_VALIDITY_H

#include <stdint.h>

/* Whole days until `end`, rounded down: 0 on the last day, negative when it is over. */
int64_t validity_days_left(int64_t end, int64_t now);
/* The stage of warning for that: 30, 14, 7 or 1 (the smallest that is not below `days`), VALIDITY_OVER when it is over,
 * 0 while it is too early to warn. Warn when the stage changes to another one than 0. */
#define VALIDITY_OVER (-1)
int validity_stage(int64_t days);

#define VALIDITY_TEXT_SIZE 32
/* RFC 3339, in UTC: "2027-01-15T08:00:00Z"; "unknown" for what is no such time. Returns `out`. */
const char *validity_text(int64_t time, char out[VALIDITY_TEXT_SIZE]);

#endif
