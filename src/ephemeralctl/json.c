/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/json.h"

#include "base/printable.h"

#include <inttypes.h>

static void begin(struct json *j, const char *name)
{
    if (j->need_comma)
        fputc(',', j->file);
    if (name)
        fprintf(j->file, "\"%s\":", name);
    j->need_comma = true;
}

void json_open(struct json *j, const char *name, char bracket)
{
    begin(j, name);
    fputc(bracket, j->file);
    j->need_comma = false;
}

void json_close(struct json *j, char bracket)
{
    fputc(bracket, j->file);
    j->need_comma = true;
}

void json_end(struct json *j)
{
    fputc('\n', j->file);
}

void json_number(struct json *j, const char *name, uint64_t n)
{
    begin(j, name);
    fprintf(j->file, "%" PRIu64, n);
}

void json_signed(struct json *j, const char *name, int64_t n)
{
    begin(j, name);
    fprintf(j->file, "%" PRId64, n);
}

void json_null(struct json *j, const char *name)
{
    begin(j, name);
    fputs("null", j->file);
}

void json_bool(struct json *j, const char *name, bool b)
{
    begin(j, name);
    fputs(b ? "true" : "false", j->file);
}

static bool is_utf8(struct slice s)
{
    for (size_t i = 0, n; i < s.len; i += n)
        if ((n = printable_utf8(s.data + i, s.len - i)) == 0)
            return false;
    return true;
}

static void put_text(FILE *f, struct slice s)
{
    fputc('"', f);
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(f, "\\u%04x", c);
        else if (c == 0xc2 && s.data[i + 1] < 0xa0) /* U+0080 to U+009F drive some terminals, too */
            fprintf(f, "\\u%04x", s.data[++i]);
        else
            fputc(c, f);
    }
    fputc('"', f);
}

static void put_base64(FILE *f, struct slice s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    fputs("{\"base64\":\"", f);
    for (size_t i = 0; i < s.len; i += 3) {
        size_t n = s.len - i < 3 ? s.len - i : 3;
        uint32_t bits = (uint32_t)s.data[i] << 16 | (n > 1 ? (uint32_t)s.data[i + 1] << 8 : 0) |
                        (n > 2 ? (uint32_t)s.data[i + 2] : 0);
        for (size_t k = 0; k < 4; k++)
            fputc(k <= n ? digits[bits >> (18 - 6 * k) & 63] : '=', f);
    }
    fputs("\"}", f);
}

void json_string(struct json *j, const char *name, struct slice s)
{
    begin(j, name);
    if (is_utf8(s))
        put_text(j->file, s);
    else
        put_base64(j->file, s);
}
