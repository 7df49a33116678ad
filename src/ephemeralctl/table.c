/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/table.h"

#include "base/assert.h"
#include "base/printable.h"

#include <stdarg.h>

#define CELLS_MAX ((size_t)64 * 1024 * 1024) /* 65536 partitions need some MiB */

void table_init(struct table *t, const char *const *heads, unsigned columns)
{
    ASSERT(columns <= TABLE_COLUMNS_MAX);
    *t = (struct table){.columns = columns, .heads = heads};
    buf_init(&t->cells, CELLS_MAX);
}

void table_fini(struct table *t)
{
    buf_fini(&t->cells);
}

const char *table_safe(const char *text, char room[TABLE_CELL_MAX])
{
    printable_copy(slice_str(text), room, TABLE_CELL_MAX);
    return room;
}

void table_cell(struct table *t, const char *format, ...)
{
    char text[TABLE_CELL_MAX], safe[TABLE_CELL_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    table_safe(text, safe);
    t->failed |= buf_append(&t->cells, safe, strlen(safe) + 1) != 0;
}

static bool is_right(const struct table *t, unsigned column)
{
    return t->heads[column][0] == '>';
}

static const char *head(const struct table *t, unsigned column)
{
    return t->heads[column] + is_right(t, column);
}

static void measure(const struct table *t, int width[TABLE_COLUMNS_MAX])
{
    struct slice rest = buf_slice(&t->cells);
    for (unsigned i = 0; i < t->columns; i++)
        width[i] = (int)strlen(head(t, i));
    for (unsigned i = 0; rest.len; i = (i + 1) % t->columns) {
        int n = (int)strlen((const char *)rest.data);
        if (n > width[i])
            width[i] = n;
        rest = slice_skip(rest, (size_t)n + 1);
    }
}

/* The last column is not padded, so that no line ends with spaces. */
static void print_cell(const struct table *t, unsigned column, const char *text, int width, FILE *out)
{
    bool last = column == t->columns - 1;
    if (is_right(t, column))
        fprintf(out, "%*s", width, text);
    else
        fprintf(out, "%-*s", last ? 0 : width, text);
    fputs(last ? "\n" : "  ", out);
}

bool table_print(const struct table *t, FILE *out)
{
    int width[TABLE_COLUMNS_MAX];
    struct slice rest = buf_slice(&t->cells);
    if (t->failed)
        return false;
    measure(t, width);
    for (unsigned i = 0; i < t->columns; i++)
        print_cell(t, i, head(t, i), width[i], out);
    for (unsigned i = 0; rest.len; i = (i + 1) % t->columns) {
        const char *text = (const char *)rest.data;
        print_cell(t, i, text, width[i], out);
        rest = slice_skip(rest, strlen(text) + 1);
    }
    return true;
}
