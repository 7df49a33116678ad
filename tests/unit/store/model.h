/* SPDX-License-Identifier: Apache-2.0 */
/* A naive store: an array of keys, each with an array of siblings, and the rules of architecture.md, "Siblings",
 * written down as plainly as they are said. What the real store must equal. Also the random commands that both are
 * given. */
#ifndef MODEL_H
#define MODEL_H

#include "base/rng.h"
#include "store/store.h"

struct model_sibling {
    struct revision revision;
    uint64_t stamp_ms;
    bool tombstone;
    uint8_t *value, *meta;
    size_t value_len, meta_len;
};

struct model_object {
    char type[8], bucket[8], key[16];
    struct model_sibling *siblings;
    size_t count;
    uint64_t due_ms; /* UINT64_MAX: never */
};

/* What came of one sequence of one origin. */
struct model_end {
    uint8_t origin; /* first byte of its incarnation */
    uint64_t sequence, number;
    struct revision revision;
    int err;
};

struct model {
    struct model_object *objects;
    size_t count;
    uint64_t stamp_ms;
    struct revision base; /* epoch and generation now, index 1 */
    struct model_end *ends;
    size_t end_count;
    uint64_t marks[256]; /* by the first byte of the incarnation */
    struct model_end last;
    bool repeated; /* the last command was */
};

void model_fini(struct model *m);
/* As store_apply(): what it should return. */
int model_apply(struct model *m, const struct store_command *c);
/* Asserts that the store has answered the last command of the model in the same way. */
void model_compare_result(const struct model *m, const struct store_command *c, const struct store_result *got);
/* Takes any metadata for a list of short terms, of two indexes: one of bytes, one of integers. */
bool model_next_term(struct slice *meta, struct store_term *out);
/* The live-in-time object of a key, or NULL. */
const struct model_object *model_find(const struct model *m, const struct store_key *k);
struct revision model_revision(const struct model *m, const struct model_object *o);

/* Asserts that the store holds just what the model holds, by gets, by listings and by ranges of its indexes. */
void model_compare(const struct model *m, const struct store *s, const struct hash_key *key);
void model_compare_key(const struct model *m, const struct store *s, const struct store_key *k);

/* Random commands over a small world, so that they meet. */
struct script {
    struct rng rng;
    struct hash_key hash_key;
    uint64_t now_ms, epoch, index;
    uint32_t generation;
    uint64_t next[3]; /* sequence of each origin */
    unsigned keys;    /* how many there are in each bucket */
    char key[16];
    uint8_t value[4096];
};
void script_init(struct script *s, uint64_t seed, unsigned keys);
/* The next command; its contexts are taken from the model. Borrowed until the next call. */
void script_next(struct script *s, const struct model *m, struct store_command *out);

#endif
