/* SPDX-License-Identifier: Apache-2.0 */
/* Whether properties may be set, with Riak's words for why not (riak-protocol.md section 9): the term
 * that follows "Invalid bucket properties: ", and then, after a colon, which values would be taken. Ours beside Riak's:
 * n_val is at most PROPS_N_VAL_MAX, ttl at most PROPS_TTL_MAX_S, a text at most PROPS_TEXT_MAX. */
#ifndef STORE_PROPS_CHECK_H
#define STORE_PROPS_CHECK_H

#include "store/props.h"

#define PROPS_N_VAL_MAX  1024 /* Riak takes any; nothing here depends on it but the sums of quorums */
#define PROPS_CHECK_TEXT 1024 /* bytes that a text seldom passes; it is cut there */

/* Each returns true when the fields may be set; otherwise writes what is wrong, all of it, to `text`. */

/* Fields for a bucket; `now`: its properties as they are, `typed`: its type is not "default". */
bool props_check_bucket(const struct bucket_props *now, bool typed, const struct bucket_props *fields, char *text,
                        size_t size);
/* Fields for a type that exists. */
bool props_check_type_update(const struct bucket_props *type, const struct bucket_props *fields, char *text,
                             size_t size);
/* The properties with which a type is created. */
bool props_check_type(const struct bucket_props *fields, char *text, size_t size);

#endif
