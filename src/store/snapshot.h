/* SPDX-License-Identifier: Apache-2.0 */
/* The live copy of one partition (R-COPY): the sender walks its store while writes go on, so that neither side pauses
 * and no memory is doubled. Bytes out on one side, bytes in on the other; which connection carries them is not known
 * here.
 *
 * The sender walks in the order of (bucket, key) hashes, one slot of a table per step. "Walked" is a function of the
 * key against the position, never of slots, so resizing moves nothing across. Every change of a walked key passes
 * snapshot_note(), which marks it dirty; a dirty key's present image, or its absence, goes out with one of the next
 * steps: images are never queued. When all is walked and nothing is dirty, the retry table goes in pieces too, and then
 * the last item with all scalar state, the number of keys and results, and a checksum over all items.
 *
 * Items are numbered bytes of their own format (snapshot_item.h), little bound to the machine: the reader checks every
 * length, as a peer's bytes are hostile. */
#ifndef STORE_SNAPSHOT_H
#define STORE_SNAPSHOT_H

#include "store/bucket.h"
#include "store/store.h"

#define SNAPSHOT_DIRTY_MAX 65536 /* keys marked at once; a writer that is faster than the copy ends it (R-MEMORY) */

/* The sender's side. One copy of a store at a time: E_EXISTS. `s` is borrowed; end it before the store. E_NOMEM. */
int snapshot_create(struct store *s, struct store_snapshot **out);
void snapshot_destroy(struct store_snapshot **c);

/* Appends the next items to `out`: what is dirty and one slot, or results; some 64 KiB and what one slot holds. *done:
 * the last item was among them; nothing may change in the store between this and the moment the receiver's log takes
 * over, or it is not part of the copy. E_TOO_MANY: too much was dirty, the copy is void. E_NOMEM, E_TOO_LARGE (of
 * `out`): void too. */
int snapshot_step(struct store_snapshot *c, struct buf *out, bool *done);

/* How far it has come: images of keys that were sent, one more for each time a key was changed after it was sent, and
 * bytes of items. store_stats_get() says how many keys there are. */
void snapshot_progress(const struct store_snapshot *c, uint64_t *keys, uint64_t *bytes);

/* The hook of the store: a record of `b` has changed, or is about to be removed. */
void snapshot_note(struct store_snapshot *c, const struct bucket *b, struct slice key);

/* The receiver's side: into a store that is empty and has applied nothing (R-COPY 7). */
struct snapshot_receiver {
    struct store *store;
    uint64_t checksum;
    bool complete; /* the last item has come and agrees */
};
void snapshot_receiver_init(struct snapshot_receiver *r, struct store *empty);
/* Takes whole items from the front of *in, which is advanced past them; a part of an item is left for the next call.
 * E_MALFORMED, E_MISMATCH (count or checksum differ), E_FULL (it would take the node past its memory limit) or E_NOMEM:
 * the store is to be thrown away. What is complete belongs to a log only if store_revision() is not past its end. */
int snapshot_receive(struct snapshot_receiver *r, struct slice *in);

#endif
