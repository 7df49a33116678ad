/* SPDX-License-Identifier: Apache-2.0 */
#include "base/printable.h"

#include <string.h>

size_t printable_utf8(const uint8_t *p, size_t left)
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

/* U+0080 to U+009F are control characters, too, and so are those that turn the direction of what follows (bidirectional
 * marks): U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069. */
static bool is_control(const uint8_t *p, size_t n)
{
    if (n == 1)
        return p[0] < 0x20 || p[0] == 0x7f;
    if (n == 2)
        return p[0] == 0xc2 && p[1] < 0xa0;
    return n == 3 && p[0] == 0xe2 &&
           ((p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xaa && p[2] <= 0xae))) ||
            (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

static char short_escape(uint8_t c)
{
    return c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : '\0';
}

size_t printable_next(struct slice s, char room[PRINTABLE_ROOM], struct slice *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = printable_utf8(s.data, s.len), len = 0;
    *out = slice_make(s.data, n);
    if (n && !is_control(s.data, n))
        return n;
    n = n ? n : 1;
    for (size_t i = 0; i < n; i++) {
        char c = short_escape(s.data[i]);
        room[len++] = '\\';
        room[len++] = c ? c : 'x';
        if (c)
            continue;
        room[len++] = digits[s.data[i] >> 4];
        room[len++] = digits[s.data[i] & 15];
    }
    *out = slice_make(room, len);
    return n;
}

size_t printable_copy(struct slice s, char *out, size_t size)
{
    char room[PRINTABLE_ROOM];
    struct slice piece;
    size_t len = 0;
    while (s.len) {
        s = slice_skip(s, printable_next(s, room, &piece));
        if (len + piece.len >= size)
            break;
        memcpy(out + len, piece.data, piece.len);
        len += piece.len;
    }
    out[len] = '\0';
    return len;
}

static bool stays(uint8_t c, enum printable_keep keep)
{
    return keep == PRINTABLE_TEXT && (c == '\n' || c == '\t');
}

void printable_print(struct slice s, enum printable_keep keep, FILE *out)
{
    char room[PRINTABLE_ROOM];
    struct slice piece;
    while (s.len) {
        uint8_t c = s.data[0];
        size_t n = printable_next(s, room, &piece);
        if (stays(c, keep))
            fputc(c, out);
        else if (c == '\\' && keep == PRINTABLE_NAME)
            fputs("\\\\", out);
        else
            fwrite(piece.data, 1, piece.len, out);
        s = slice_skip(s, n);
    }
}
