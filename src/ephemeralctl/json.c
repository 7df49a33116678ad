#include "ephemeralctl/json.h"

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

/* Length of the well-formed UTF-8 sequence at p (RFC 3629, table 3-7 of Unicode), 0 when there is none. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
    static const struct {
        uint8_t lead_min, lead_max, second_min, second_max, len;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        size_t n = forms[i].len;
        if (p[0] < forms[i].lead_min || p[0] > forms[i].lead_max)
            continue;
        if (n > left || (n > 1 && (p[1] < forms[i].second_min || p[1] > forms[i].second_max)))
            return 0;
        for (size_t k = 2; k < n; k++)
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        return n;
    }
    return 0;
}

static bool is_utf8(struct slice s)
{
    for (size_t i = 0, n; i < s.len; i += n)
        if ((n = utf8_sequence(s.data + i, s.len - i)) == 0)
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
