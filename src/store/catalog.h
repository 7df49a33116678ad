/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog: bucket types and the properties that buckets override. It is the part of the meta state in which
 * every request looks up its bucket. Deterministic: no clock, no I/O; owns copies of all it
 * is given. Not where keys live (store/store.h).
 *
 * Facts: riak-protocol.md section 9. */
#ifndef STORE_CATALOG_H
#define STORE_CATALOG_H

#include "datatype/datatype.h"
#include "store/memory.h"
#include "store/props.h"

#define CATALOG_TYPES_MAX     1024 /* created by operators, never by clients */
#define CATALOG_TYPE_NAME_MAX 255
#define CATALOG_BUCKET_MAX    65536 /* bytes of a bucket name, as of a key */

struct catalog;

/* The few resolved properties that a key-value request needs, small enough to be looked at each time. */
struct bucket_rules {
    uint32_t n_val;
    uint32_t r, pr, w, pw, dw, rw; /* as on the wire, symbolic values included */
    uint32_t ttl_s;
    bool ttl_from_create;
    bool allow_mult;
    bool last_write_wins;
    bool write_once;
    bool consistent;
    bool notfound_ok;
    enum datatype datatype;
    uint8_t hll_precision;
};

/* `memory` is borrowed and is charged for every entry. The type "default" is there from the start. */
int catalog_create(struct store_memory *memory, const struct hash_key *key, struct catalog **out);
void catalog_destroy(struct catalog **c);

/* Creates a type, or E_EXISTS (nothing is changed), E_INVALID (reserved or over-long name), E_TOO_MANY, E_FULL. `props`
 * are merged over the defaults of typed buckets and have been checked by props_check_type(). */
int catalog_create_type(struct catalog *c, struct slice type, const struct bucket_props *props);
/* An empty `type` means "default". */
bool catalog_has_type(const struct catalog *c, struct slice type);

/* Resolved properties; slices are borrowed until the next change. E_NOT_FOUND: no such type. */
int catalog_get_type(const struct catalog *c, struct slice type, struct bucket_props *out);
int catalog_get_bucket(const struct catalog *c, struct slice type, struct slice bucket, struct bucket_props *out);

/* The hot path: the rules of a bucket, borrowed until the next change of the catalog; NULL when there is no such type.
 * Costs one comparison and no hashing while no bucket of the type overrides anything. */
const struct bucket_rules *catalog_rules(const struct catalog *c, struct slice type, struct slice bucket);

/* Merges fields over the type or the bucket; the fields have been checked. E_NOT_FOUND: no such type; E_FULL: the
 * memory limit. An override equal to nothing is not kept. */
int catalog_set_type(struct catalog *c, struct slice type, const struct bucket_props *fields);
int catalog_set_bucket(struct catalog *c, struct slice type, struct slice bucket, const struct bucket_props *fields);
/* Drops all overrides of the bucket; an unknown type or bucket is not an error (riak-protocol.md section 9). */
void catalog_reset_bucket(struct catalog *c, struct slice type, struct slice bucket);

/* Calls f for each bucket that overrides something, in no order: its fields. All is borrowed for the call. */
typedef void (*catalog_override_f)(void *arg, struct slice type, struct slice bucket,
                                   const struct bucket_props *fields);
void catalog_each_override(const struct catalog *c, catalog_override_f f, void *arg);

/* Calls f for each type's name in the order of creation, "default" first. */
void catalog_each_type(const struct catalog *c, void (*f)(void *arg, struct slice type), void *arg);

#endif
