/* SPDX-License-Identifier: Apache-2.0 */
/* The secondary index of one bucket: an ordered set of (name, term, key) for each term of each live sibling. It follows
 * from the bucket's objects and is no part of the store's state. A bucket without terms has none.
 *
 *   entry = 1 u8, name escaped, term, key        a term of a key
 *         | 0 u8, key                            a key with too many or too long terms: its object must be looked at
 *   term  = escaped | integer
 *   escaped = bytes, each 0 followed by 255; then 0, 1
 *   integer = sign and length, digits; in one's complement where it is negative
 *
 * so that the order of entries is the order of (name, term, key), terms compared as router/index_match.h does: bytes,
 * or integers in canonical decimal by their values. */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "store/ordered_set.h"
#include "store/record.h"
#include "store/store.h"

/* Of one object. An object over them has one entry: no write changes many entries, or takes much more memory than it
 * is long. */
#define INDEX_TERMS_MAX 128
#define INDEX_BYTES_MAX ((size_t)16 * 1024)

/* The entries of one object, in order, each once. */
struct index_list {
    unsigned count;
    bool whole; /* one entry stands for all of them */
    size_t used;
    uint32_t at[INDEX_TERMS_MAX], len[INDEX_TERMS_MAX];
    uint8_t bytes[RECORD_KEY_MAX + 1];
};

/* Room for a change: what an object had, and what it has now. Made with the first term of a store, so that removing
 * needs no memory. */
struct index_change {
    struct index_list old, now;
};

void index_list_clear(struct index_list *l);
/* Adds the terms of a sibling's metadata. `key` is the same for all siblings of the object. */
void index_list_add(struct index_list *l, store_term_next next, struct slice meta, struct slice key);
void index_list_record(struct index_list *l, store_term_next next, const struct record *r);
bool index_list_is_in(const struct index_list *l, const struct ordered_set *set);

/* Adds the entries that are now there and were not: E_NOMEM, and the set is as before. Then index_remove_old() removes
 * those that were there and are not now, or index_undo() takes the new ones back. */
int index_add_new(struct ordered_set *set, const struct index_change *c);
void index_remove_old(struct ordered_set *set, const struct index_change *c);
void index_undo(struct ordered_set *set, const struct index_change *c);

/* The most heap bytes that the terms of the metadata take. */
size_t index_footprint(store_term_next next, struct slice meta, size_t key_len);

/* --- bounds of a range --- */

/* Appends the place of (name, term, key); with an empty key, what all entries of the term begin with. E_NOMEM. */
int index_put_place(struct buf *out, struct slice name, bool integer, struct slice term, struct slice key);

bool index_is_whole(struct slice entry); /* the rest, from the second byte on, is the key */
/* Bytes that all entries of an index begin with. */
size_t index_name_size(struct slice name);
/* Takes the entry of a term apart: the key is a view of it, the term is put into `term`. E_NOMEM. */
int index_entry_read(struct slice entry, size_t name_size, bool integer, struct buf *term, struct slice *key);

#endif
