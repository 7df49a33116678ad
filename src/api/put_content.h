/* SPDX-License-Identifier: Apache-2.0 */
/* What a put's content becomes before it is stored: its metadata in one run of bytes (wire/kv_msg.h), its index terms
 * checked and put in their stored form, its own time to live read from the user metadata.
 *
 * The content is that of a decoded RpbContent. A door of another protocol fills in the struct kv_content: the texts
 * with their flags, and links, user metadata and index terms as a run of bytes that kv_meta_put_item() has written. */
#ifndef API_PUT_CONTENT_H
#define API_PUT_CONTENT_H

#include "api/outcome.h"
#include "base/arena.h"
#include "wire/kv_msg.h"

#define PUT_TTL_KEY     "X-Ephemeral-TTL" /* user metadata, compared without case: seconds, 0: no end */
#define PUT_INDEXES_MAX 4096              /* terms of one object; Riak warns long before */

/* Memory in which contents are prepared, one at a time. */
struct put_scratch {
    struct buf meta;
    struct arena terms;
};

void put_scratch_init(struct put_scratch *m);
void put_scratch_fini(struct put_scratch *m);

struct put_content {
    struct slice meta; /* borrowed from the scratch until the next content is prepared in it, or until its end */
    bool has_ttl;      /* the content has a time to live of its own, in place of the bucket's */
    uint64_t ttl_ms;   /* from this write on; 0: it does not expire */
};

/* BAD_TTL, TOO_MANY_INDEXES, BAD_INDEX_FIELD, BAD_INDEX_VALUE, NO_MEMORY; names and values in the outcome are borrowed
 * from the content, but for the name of a field, which is borrowed from the scratch in small letters. */
bool put_content_prepare(struct put_scratch *m, const struct kv_content *content, struct put_content *out,
                         struct outcome *why);

/* --- terms of indexes --- */

/* A to Z alone, as Riak does with the names of fields. */
void index_field_lower(uint8_t *p, size_t len);
/* An integer in canonical decimal: "007" is "7", "-0" is "0"; the digits are a view of `text`. False: it is none. */
bool index_integer(struct slice text, struct slice *digits, bool *negative);

#endif
