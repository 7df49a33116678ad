/* SPDX-License-Identifier: Apache-2.0 */
#include "operator.h"

#include "ephemeralctl/options.h"
#include "ephemeralctl/security_text.h"

#include <stdarg.h>
#include <stdio.h>

#define WORDS_MAX 32

/* ephemeralctl's own prints its name before, and needs its table of options. */
void options_complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static const char *take_password(struct security_change *c, const char *password)
{
    c->has_password = true;
    c->password.iterations = PASSWORD_ITERATIONS;
    return password && password_make(&c->password, slice_str(password)) == 0 ? NULL : "no password follows <<<";
}

const char *operator_read(char *text, struct operator_words *out)
{
    char *words[WORDS_MAX], *password = strstr(text, " <<< "), *rest;
    const char *who;
    int count = 0;
    bool reads_password = false;
    if (password)
        *password = '\0';
    for (char *word = strtok_r(text, " ", &rest); word && count < WORDS_MAX; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    if (count < 2)
        return "an operator says user or group, and a verb";
    out->role = strcmp(words[0], "group") == 0 ? ROLE_GROUP : ROLE_USER;
    out->change = (struct security_change){.role = out->role};
    if (!security_text_parse(out->role, words + 1, count - 1, &out->change, &who, &reads_password))
        return "ephemeralctl does not take these words";
    out->who = slice_str(who);
    return reads_password ? take_password(&out->change, password ? password + 5 : NULL) : NULL;
}

bool operator_next(struct operator_words *w, struct security_change *out, const char **why)
{
    if (!w->who.len)
        return false;
    *why = security_text_role(security_text_word(&w->who), w->role, &w->change) ? security_change_refused(&w->change)
                                                                                : "no name of a user or group";
    *out = w->change;
    return !*why;
}
