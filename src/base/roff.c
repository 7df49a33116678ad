/* SPDX-License-Identifier: Apache-2.0 */
#include "base/roff.h"

#include "base/version.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* A control line begins with a dot or an apostrophe; a bare hyphen may become a typographic one, which nobody can copy
 * into a shell. */
static void put_line(FILE *out, const char *text, size_t len)
{
    if (len && (*text == '.' || *text == '\''))
        fputs("\\&", out);
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\\')
            fputs("\\(rs", out);
        else if (text[i] == '-')
            fputs("\\-", out);
        else
            fputc(text[i], out);
    fputc('\n', out);
}

/* Line by line; where lines are filled anyway, blanks at a line's front would break it. */
static void put_text(FILE *out, const char *text, bool filled)
{
    while (*text) {
        while (filled && *text == ' ')
            text++;
        size_t len = strcspn(text, "\n");
        if (len || !filled)
            put_line(out, text, len);
        text += len + (text[len] == '\n');
    }
}

void roff_title(FILE *out, const char *name, unsigned section, const char *what)
{
    fputs(".TH ", out);
    for (const char *p = name; *p; p++)
        fputc(toupper((unsigned char)*p), out);
    fprintf(out, " %u \"\" \"Ephemeral Store %s\" \"Ephemeral Store\"\n.nh\n.SH NAME\n%s \\- %s\n", section,
            version_text, name, what);
}

void roff_section(FILE *out, const char *title)
{
    fprintf(out, ".SH \"%s\"\n", title);
}

void roff_paragraph(FILE *out, const char *text)
{
    fputs(".PP\n", out);
    put_text(out, text, true);
}

void roff_term(FILE *out, const char *term, const char *argument)
{
    fputs(".TP\n\\fB", out);
    for (const char *p = term; *p; p++)
        fprintf(out, "%s%c", *p == '-' ? "\\" : "", *p);
    fputs("\\fR", out);
    if (argument && *argument)
        fprintf(out, " \\fI%s\\fR", argument);
    fputc('\n', out);
}

void roff_text(FILE *out, const char *text)
{
    put_text(out, text, true);
}

void roff_verbatim(FILE *out, const char *text)
{
    fputs(".RS\n.nf\n", out);
    put_text(out, text, false);
    fputs(".fi\n.RE\n", out);
}
