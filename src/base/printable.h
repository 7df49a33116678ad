/* SPDX-License-Identifier: Apache-2.0 */
/* Text of strangers, made safe for a terminal: what would drive it (control characters, of Unicode too) and what is no
 * UTF-8 is written as \n, \t, \r or \x1b. */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include "base/slice.h"

#include <stdio.h>

/* Length of the well-formed UTF-8 sequence at p (RFC 3629, table 3-7 of Unicode); 0: there is none. */
size_t printable_utf8(const uint8_t *p, size_t left);

/* The next character of `s`, which is not empty: how many bytes it has there, and what is to be printed for it, which
 * is in `room` or in `s`. */
#define PRINTABLE_ROOM 16 /* two bytes, each as \x1b */
size_t printable_next(struct slice s, char room[PRINTABLE_ROOM], struct slice *out);

/* All of it, as much as fits whole; ends with a NUL. Returns the length. `size` > 0. */
size_t printable_copy(struct slice s, char *out, size_t size);

enum printable_keep {
    PRINTABLE_NAME, /* nothing, and a backslash is written twice: names stay distinct */
    PRINTABLE_LINE, /* backslashes: what is escaped already stays so */
    PRINTABLE_TEXT  /* newlines and tabs, too */
};
void printable_print(struct slice s, enum printable_keep keep, FILE *out);

#endif
