/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/why.h"

#include <stdarg.h>
#include <stdio.h>

int why_say(int err, char *why, size_t why_size, const char *format, ...)
{
    if (!why || why_size == 0)
        return err;
    va_list args;
    va_start(args, format);
    vsnprintf(why, why_size, format, args);
    va_end(args);
    return err;
}
