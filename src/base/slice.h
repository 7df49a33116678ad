/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed run of bytes. It owns nothing and is passed by value; the function that returns one says how long it stays
 * valid. An empty slice may have data == NULL. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *data;
    size_t len;
};

static inline struct slice slice_make(const void *data, size_t len)
{
    return (struct slice){(const uint8_t *)data, len};
}

static inline struct slice slice_str(const char *s)
{
    return slice_make(s, strlen(s));
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *s)
{
    return slice_eq(a, slice_str(s));
}

/* Order of bytes, a prefix before what it is a prefix of. */
static inline int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.data, b.data, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

/* What is left of s after its first n bytes; n <= s.len. */
static inline struct slice slice_skip(struct slice s, size_t n)
{
    return (struct slice){n ? s.data + n : s.data, s.len - n};
}

/* Bytes of the UTF-8 byte order mark that editors of Windows put at the front of a text: 3, or 0 without one. */
static inline size_t slice_bom_size(struct slice s)
{
    return s.len >= 3 && memcmp(s.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

#endif
