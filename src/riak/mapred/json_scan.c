/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/mapred/json_scan.h"

#include "riak/mapred/json_loose.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct slice *in)
{
    size_t i = 0;
    while (i < in->len && is_blank(in->data[i]))
        i++;
    *in = slice_skip(*in, i);
}

bool json_scan_char(struct slice *in, char c)
{
    skip_blanks(in);
    if (in->len == 0 || in->data[0] != (uint8_t)c)
        return false;
    *in = slice_skip(*in, 1);
    return true;
}

bool json_scan_at_end(struct slice in)
{
    skip_blanks(&in);
    return in.len == 0;
}

/* The place behind the string that begins at i; 0: it does not end. */
static size_t end_of_string(struct slice in, size_t i)
{
    for (i++; i < in.len; i++) {
        if (in.data[i] == '\\')
            i++;
        else if (in.data[i] == '"')
            return i + 1;
    }
    return 0;
}

/* Behind the array or object that begins it. */
static size_t end_of_nested(struct slice in)
{
    size_t depth = 0;
    for (size_t i = 0; i < in.len; i++) {
        switch (in.data[i]) {
        case '"':
            i = end_of_string(in, i);
            if (i == 0)
                return 0;
            i--;
            break;
        case '[':
        case '{':
            depth++;
            break;
        case ']':
        case '}':
            if (--depth == 0)
                return i + 1;
            break;
        default:
            break;
        }
    }
    return 0;
}

static size_t end_of_word(struct slice in)
{
    size_t i = 0;
    while (i < in.len && !is_blank(in.data[i]) && !strchr(",:]}[{\"", in.data[i]))
        i++;
    return i;
}

bool json_scan_value(struct slice *in, struct slice *out)
{
    skip_blanks(in);
    if (in->len == 0)
        return false;
    uint8_t c = in->data[0];
    size_t end = c == '"' ? end_of_string(*in, 0) : c == '[' || c == '{' ? end_of_nested(*in) : end_of_word(*in);
    *out = slice_make(in->data, end);
    *in = slice_skip(*in, end);
    return end > 0;
}

size_t json_scan_count(struct slice value)
{
    size_t count = 1;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        if (c == '"' && (i = end_of_string(value, i)) == 0)
            break;
        else if (c == '"')
            i--;
        else
            count += c == ',' || c == '[' || c == '{';
    }
    return count;
}

static bool has_controls(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] < 0x20)
            return true;
    return false;
}

static json_t *decode(struct slice text)
{
    json_error_t error;
    return json_loadb((const char *)text.data, text.len, JSON_DECODE_ANY, &error);
}

json_t *json_scan_decode(struct slice value)
{
    struct buf loose;
    if (!has_controls(value))
        return decode(value);
    buf_init(&loose, SIZE_MAX / 2);
    json_t *out = json_escape_controls(value, &loose) ? NULL : decode(buf_slice(&loose));
    buf_fini(&loose);
    return out;
}
