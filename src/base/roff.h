/* SPDX-License-Identifier: Apache-2.0 */
/* Writes manual pages: roff with the macros of man(7). Every text is plain; what roff would take for its own is
 * escaped.
 */
#ifndef BASE_ROFF_H
#define BASE_ROFF_H

#include <stdio.h>

/* The page's head, and its section NAME. `name` in small letters. */
void roff_title(FILE *out, const char *name, unsigned section, const char *what);
void roff_section(FILE *out, const char *title);
void roff_paragraph(FILE *out, const char *text);
/* A term in bold with its argument in italics (NULL: none); what follows explains it. */
void roff_term(FILE *out, const char *term, const char *argument);
/* Of the term before, or of the paragraph: filled lines. */
void roff_text(FILE *out, const char *text);
/* Of the term before: as it stands, line by line. */
void roff_verbatim(FILE *out, const char *text);

#endif
