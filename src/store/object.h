/* SPDX-License-Identifier: Apache-2.0 */
/* What a write makes of an object's siblings (architecture.md, "Siblings"): the rules of causality, apart from where
 * records lie. */
#ifndef STORE_OBJECT_H
#define STORE_OBJECT_H

#include "store/command.h"

/* A growing list of siblings, kept by the store between writes so that a write needs no allocation for it. */
struct sibling_list {
    struct sibling *at;
    size_t count, cap;
};

/* E_NOMEM: *s was not added. */
int sibling_list_push(struct sibling_list *l, const struct sibling *s);
void sibling_list_fini(struct sibling_list *l);

/* What a context has seen, in the store's own numbering: siblings with seq <= this are replaced. */
struct write_stamp {
    uint64_t seq;      /* of this write */
    uint64_t stamp;    /* ms since the base */
    uint64_t seen_seq; /* 0: nothing */
};

/* Fills *out with the siblings after the write: those of `old` (NULL: absent) that stay, then the new one. Each blob in
 * it carries a reference of its own. On error *out is empty and holds no references; *excess says how many or how much
 * there would be. E_TOO_MANY, E_TOO_LARGE, E_NOMEM. */
int object_write(struct sibling_list *out, const struct record *old, const struct store_command *c,
                 const struct write_stamp *w, uint64_t *excess);
/* Bytes over `inline_max` are kept in a blob: the one they came in (one more reference), or a new one. Smaller ones
 * stay borrowed. */
int object_own_bytes(struct content_bytes *b, const struct content_bytes *from, size_t inline_max);
/* Drops the references of a list that was not stored. */
void object_forget(struct sibling_list *l);
/* Whether every sibling is a tombstone. */
bool object_is_dead(const struct sibling_list *l);

#endif
