/* SPDX-License-Identifier: Apache-2.0 */
/* Erlang's external term format, as far as map/reduce needs it: terms are read one by one from untrusted bytes (which
 * Erlang's own C library does not take), and values are written. What is read as a value becomes JSON's: an atom or a
 * binary a text, which may be any bytes, a tuple or a list an array, {struct, [{Name, Value}]} an object. */
#ifndef RIAK_ETF_H
#define RIAK_ETF_H

#include "base/buf.h"

#include <jansson.h>

#define ETF_DEPTH_MAX 32
#define ETF_TERMS_MAX 262144 /* in all that is read at once */

struct etf_reader {
    const uint8_t *at, *end;
    unsigned left; /* terms */
};

enum etf_kind { ETF_OTHER, ETF_ATOM, ETF_BINARY, ETF_TUPLE, ETF_LIST, ETF_NUMBER };

/* Stands before the first term. False: no uncompressed terms of that format. */
bool etf_begin(struct etf_reader *r, struct slice bytes);
enum etf_kind etf_kind(const struct etf_reader *r); /* of the next term; ETF_OTHER also at the end */
bool etf_at_end(const struct etf_reader *r);

/* Each takes the next term, or the head of it, when it is of that kind and whole; else false. Views. */
bool etf_atom(struct etf_reader *r, struct slice *out);
bool etf_binary(struct etf_reader *r, struct slice *out);
bool etf_tuple(struct etf_reader *r, uint32_t *arity); /* so many terms follow; 0 where it is false */
/* So many follow, and then etf_list_end() has to be true. */
bool etf_list(struct etf_reader *r, uint32_t *n);
bool etf_list_end(struct etf_reader *r, uint32_t n);
bool etf_skip(
    struct etf_reader *r); /* takes the next term, whatever it is; false: it is not whole, or of no kind that is read */
json_t *etf_value(struct etf_reader *r); /* a new reference; NULL: it is none that is held here, or memory is out */

/* Appends. Texts as binaries; an object as a list of pairs; true, false and null as the atoms
 * true, false and undefined. Errors of buf_append(). */
int etf_put_begin(struct buf *out);
int etf_put_atom(struct buf *out, const char *name);
int etf_put_tuple(struct buf *out, uint8_t arity);
int etf_put_list(struct buf *out, uint32_t n); /* n terms and etf_put_list_end() follow */
int etf_put_list_end(struct buf *out);
int etf_put_value(struct buf *out, const json_t *value);

#endif
