/* SPDX-License-Identifier: Apache-2.0 */
/* Rows for people: columns as wide as they need to be, two spaces between them. What a server sent is escaped
 * (base/printable.h), so that it cannot drive the terminal. */
#ifndef EPHEMERALCTL_TABLE_H
#define EPHEMERALCTL_TABLE_H

#include "base/buf.h"

#include <stdio.h>

#define TABLE_COLUMNS_MAX 16
#define TABLE_CELL_MAX    1024 /* bytes with the NUL; longer texts are cut */

struct table {
    unsigned columns;
    const char *const *heads; /* borrowed; '>' in front: to the right, for numbers */
    struct buf cells;         /* each with its NUL, row by row */
    bool failed;              /* for memory */
};

void table_init(struct table *t, const char *const *heads, unsigned columns);
void table_fini(struct table *t);
/* The next cell, from left to right, row by row. */
void table_cell(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* False when there was not enough memory: nothing is printed. */
bool table_print(const struct table *t, FILE *out);

/* Copies `text`, escaped, and returns `room`. */
const char *table_safe(const char *text, char room[TABLE_CELL_MAX]);

#endif
