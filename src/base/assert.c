/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"

#include "base/stdio_fds.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define LOG_MS  20   /* for the thread that writes the log to write what was logged just before */
#define ROOM_MS 1000 /* for a reader to make room */

void assert_fail(const char *expression, const char *file, int line, const char *function)
{
    char text[1024];
    snprintf(text, sizeof text, "assertion failed: %s at %s:%d in %s(): this is a bug of ours, please report it\n",
             expression, file, line, function);
    poll(NULL, 0, LOG_MS);
    stdio_fds_say(text, ROOM_MS);
    abort();
}
