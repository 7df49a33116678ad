/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/text.h"

#include "base/printable.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool text_is_terminal(FILE *f)
{
    return isatty(fileno(f)) == 1;
}

static void print_raw(struct slice s, FILE *out)
{
    if (s.len)
        fwrite(s.data, 1, s.len, out);
}

void text_name(struct slice s, bool terminal, FILE *out)
{
    if (terminal)
        printable_print(s, PRINTABLE_NAME, out);
    else
        print_raw(s, out);
}

void text_value(struct slice s, bool terminal, FILE *out)
{
    if (terminal)
        printable_print(s, PRINTABLE_TEXT, out);
    else
        print_raw(s, out);
}

/* Needs no quotes. */
static bool is_plain(struct slice s)
{
    static const char others[] = "_./:@%+,=-";
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i], letter = c | 0x20;
        if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') && !(c && strchr(others, c)))
            return false;
    }
    return s.len != 0;
}

static bool is_printable(struct slice s)
{
    char room[PRINTABLE_ROOM];
    struct slice piece;
    for (; s.len; s = slice_skip(s, piece.len))
        if (printable_next(s, room, &piece) != piece.len || piece.data != s.data)
            return false;
    return true;
}

/* In '...' a quote ends them; in $'...', which knows escapes, a backslash is to be written twice. */
static void print_quoted(struct slice s, bool escapes, FILE *out)
{
    char room[PRINTABLE_ROOM];
    struct slice piece;
    fputs(escapes ? "$'" : "'", out);
    while (s.len) {
        uint8_t c = s.data[0];
        s = slice_skip(s, printable_next(s, room, &piece));
        if (c == '\'')
            fputs(escapes ? "\\'" : "'\\''", out);
        else if (c == '\\' && escapes)
            fputs("\\\\", out);
        else
            print_raw(piece, out);
    }
    fputc('\'', out);
}

void text_word(const char *word, FILE *out)
{
    struct slice s = slice_str(word);
    if (is_plain(s))
        fputs(word, out);
    else
        print_quoted(s, !is_printable(s), out);
}

void text_error(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    fputs("ephemeralctl: ", stderr);
    printable_print(n < 0 ? slice_str("out of memory") : slice_make(text, (size_t)n), PRINTABLE_LINE, stderr);
    fputc('\n', stderr);
    if (n >= 0)
        free(text);
}
