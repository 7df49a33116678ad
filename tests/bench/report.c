/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/report.h"

#include "base/assert.h"

#include <stdio.h>

void report_add(struct report *r, const char *name, double value, const char *unit)
{
    ASSERT(r->count < REPORT_ROWS_MAX);
    r->rows[r->count].name = name;
    r->rows[r->count].value = value;
    r->rows[r->count].unit = unit;
    r->count++;
}

void report_add_latency(struct report *r, const struct histogram *h, const char *const names[4])
{
    report_add(r, names[0], (double)histogram_quantile(h, 0.5) / 1e3, "us");
    report_add(r, names[1], (double)histogram_quantile(h, 0.99) / 1e3, "us");
    report_add(r, names[2], (double)histogram_quantile(h, 0.999) / 1e3, "us");
    report_add(r, names[3], (double)h->max / 1e3, "us");
}

void report_print(const struct report *r, bool json)
{
    if (json)
        puts("{");
    for (size_t i = 0; i < r->count; i++) {
        if (json)
            printf("  \"%s\": %.3f%s\n", r->rows[i].name, r->rows[i].value, i + 1 < r->count ? "," : "");
        else
            printf("%-32s %14.2f %s\n", r->rows[i].name, r->rows[i].value, r->rows[i].unit);
    }
    if (json)
        puts("}");
}
