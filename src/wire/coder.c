/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/coder.h"

static void put(struct coder *c, const void *data, size_t n)
{
    if (!c->err)
        c->err = buf_append(c->out, data, n);
}

/* The next n bytes; an empty slice when they are not there. */
static struct slice take(struct coder *c, size_t n)
{
    if (c->err || c->in.len < n) {
        coder_fail(c, E_MALFORMED);
        return slice_make(NULL, 0);
    }
    struct slice s = slice_make(c->in.data, n);
    c->in = slice_skip(c->in, n);
    return s;
}

void code_enum(struct coder *c, unsigned *v, unsigned max)
{
    if (c->out && *v > max) {
        coder_fail(c, E_TOO_LARGE);
        return;
    }
    *v = (unsigned)code_number(c, *v, 1);
    if (*v > max) {
        coder_fail(c, E_MALFORMED);
        *v = 0;
    }
}

void code_bool(struct coder *c, bool *v)
{
    unsigned number = c->out ? *v : 0; /* what is to be filled is none yet: it may be no bool at all */
    code_enum(c, &number, 1);
    *v = number != 0;
}

void code_count(struct coder *c, unsigned *n, unsigned max)
{
    *n = (unsigned)code_number(c, *n, 2);
    if (*n > max) {
        coder_fail(c, c->out ? E_TOO_LARGE : E_MALFORMED);
        *n = 0; /* the caller goes on to what is counted */
    }
}

void code_bytes(struct coder *c, void *bytes, size_t n)
{
    if (c->out) {
        put(c, bytes, n);
        return;
    }
    struct slice s = take(c, n);
    if (s.len)
        memcpy(bytes, s.data, n);
    else
        memset(bytes, 0, n);
}

void code_slice(struct coder *c, struct slice *s)
{
    if (c->out && s->len > UINT32_MAX) {
        coder_fail(c, E_TOO_LARGE);
        return;
    }
    size_t len = (size_t)code_number(c, s->len, 4);
    if (!c->out)
        *s = take(c, len);
    else
        put(c, s->data, s->len);
}

void code_text(struct coder *c, char *text, size_t size)
{
    size_t len = c->out ? strnlen(text, size) : 0;
    if (len >= size || len > UINT8_MAX) {
        coder_fail(c, E_TOO_LARGE);
        return;
    }
    len = (size_t)code_number(c, len, 1);
    if (c->out) {
        put(c, text, len);
        return;
    }
    struct slice s = take(c, len);
    if (s.len >= size || (s.len && memchr(s.data, 0, s.len))) {
        coder_fail(c, E_MALFORMED);
        s.len = 0;
    }
    if (s.len)
        memcpy(text, s.data, s.len);
    text[s.len] = '\0';
}

int coder_end(struct coder *c)
{
    if (!c->out && c->in.len)
        coder_fail(c, E_MALFORMED);
    return c->err;
}
