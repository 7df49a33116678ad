/* SPDX-License-Identifier: Apache-2.0 */
/* The properties of a bucket by their names, as a client shows and sets them: one table over struct bucket_props. Not
 * the server's validation, which alone decides what a property may be. */
#ifndef CLIENT_PROPS_H
#define CLIENT_PROPS_H

#include "store/props.h"

enum client_prop_kind {
    CLIENT_PROP_NUMBER,   /* uint32_t */
    CLIENT_PROP_QUORUM,   /* uint32_t: a number, or "one", "quorum", "all", "default" */
    CLIENT_PROP_BOOL,     /* bool */
    CLIENT_PROP_TEXT,     /* struct slice */
    CLIENT_PROP_FUNCTION, /* struct mod_fun */
    CLIENT_PROP_HOOKS     /* struct commit_hooks */
};

struct client_prop {
    enum bucket_prop id;
    enum client_prop_kind kind;
    size_t offset; /* of the field in struct bucket_props */
    const char *name;
};

/* The i-th row, or NULL past the last. Static. */
const struct client_prop *client_prop_at(size_t i);
/* "one" and so on for symbolic quorums; NULL for a plain number. Static. */
const char *client_quorum_name(uint32_t number);

/* Adds the property `name` with the value that `text` (borrowed by *props from now on) spells; numbers, quorums, bools
 * ("true", "false") and texts only. E_NOT_FOUND (no such name), E_INVALID (not a value of its kind), E_UNSUPPORTED (of
 * a kind that is not spelled). */
int client_prop_parse(struct bucket_props *props, const char *name, const char *text);

#endif
