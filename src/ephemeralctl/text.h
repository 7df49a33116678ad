/* SPDX-License-Identifier: Apache-2.0 */
/* What others have chosen, as ephemeralctl prints it: names, values, and the texts of errors. A terminal gets no byte
 * of it that could drive the terminal (base/printable.h); as ls(1) does, names go into pipes and files as they are, for
 * programs to take. */
#ifndef EPHEMERALCTL_TEXT_H
#define EPHEMERALCTL_TEXT_H

#include "base/slice.h"

#include <stdio.h>

/* Whether `f` is a terminal. For lists: asked once, not for each name. */
bool text_is_terminal(FILE *f);

/* A name, property or other short text. */
void text_name(struct slice s, bool terminal, FILE *out);
/* A value: newlines and tabs stay. */
void text_value(struct slice s, bool terminal, FILE *out);
/* One word of a command line, as a shell takes it: quoted where it needs to be, and always safe for a terminal. */
void text_word(const char *word, FILE *out);

/* "ephemeralctl: ", the line, always safe, and a newline, to standard error. */
void text_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
