/* SPDX-License-Identifier: Apache-2.0 */
#include "base/validity.h"

#include <stdio.h>
#include <time.h>

int64_t validity_days_left(int64_t end, int64_t now)
{
    const int64_t day = 86400;
    int64_t left = end - now, days = left / day;
    return left < 0 && left % day ? days - 1 : days;
}

int validity_stage(int64_t days)
{
    static const int stages[] = {1, 7, 14, 30};
    if (days < 0)
        return VALIDITY_OVER;
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++)
        if (days <= stages[i])
            return stages[i];
    return 0;
}

const char *validity_text(int64_t time, char out[VALIDITY_TEXT_SIZE])
{
    time_t t = (time_t)time;
    struct tm tm;
    if (time < 0 || !gmtime_r(&t, &tm) || strftime(out, VALIDITY_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(out, VALIDITY_TEXT_SIZE, "unknown");
    return out;
}
