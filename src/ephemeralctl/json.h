/* SPDX-License-Identifier: Apache-2.0 */
/* JSON written as it comes, to stdout. A name, key or value need not be text: what is no UTF-8 is written as
 * {"base64":"..."} in place of the string. */
#ifndef EPHEMERALCTL_JSON_H
#define EPHEMERALCTL_JSON_H

#include "base/slice.h"

#include <stdio.h>

struct json {
    FILE *file;
    bool need_comma;
};

static inline struct json json_to(FILE *file)
{
    return (struct json){.file = file};
}

/* `name` is the member's, NULL within an array or at the top. `bracket`: '{' or '['. */
void json_open(struct json *j, const char *name, char bracket);
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_string(struct json *j, const char *name, struct slice s);
void json_number(struct json *j, const char *name, uint64_t n);
void json_signed(struct json *j, const char *name, int64_t n);
void json_null(struct json *j, const char *name);
void json_bool(struct json *j, const char *name, bool b);
/* The end of the line. */
void json_end(struct json *j);

#endif
