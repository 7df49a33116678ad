/* SPDX-License-Identifier: Apache-2.0 */
/* One line for people about why something was refused, in the caller's memory. The convention is pem.h's. */
#ifndef TLS_WHY_H
#define TLS_WHY_H

#include <stddef.h>

/* Formats into why (NULL or size 0: nothing is written), cut to fit, and returns err, so that a refusal is one
 * statement. */
int why_say(int err, char *why, size_t why_size, const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
