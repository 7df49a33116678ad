/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/mapred/json_loose.h"

#include <stdio.h>

static int put_escaped(struct buf *out, uint8_t c)
{
    char text[8];
    snprintf(text, sizeof text, "\\u%04x", c);
    return buf_append_slice(out, slice_str(text));
}

int json_escape_controls(struct slice text, struct buf *out)
{
    bool in_string = false, escaped = false;
    size_t copied = 0;
    int err = 0;
    for (size_t i = 0; i < text.len && !err; i++) {
        uint8_t c = text.data[i];
        if (in_string && c < 0x20) {
            err = buf_append(out, text.data + copied, i - copied);
            if (!err)
                err = put_escaped(out, c);
            copied = i + 1;
        } else if (c == '"' && !escaped) {
            in_string = !in_string;
        }
        escaped = in_string && c == '\\' && !escaped;
    }
    return err ? err : buf_append(out, text.data + copied, text.len - copied);
}
