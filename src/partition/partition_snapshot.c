/* SPDX-License-Identifier: Apache-2.0 */
/* R-COPY on its way between two nodes: the walk itself is the store's (store/snapshot.h). The copy is built beside what
 * the receiver has, and takes its place when the group installs it: until then a replica that counts keeps what it
 * holds.
 */
#include "partition/partition.h"

#include <stdlib.h>

/* One part, and how long one turn of the loop may walk, for all copies together. */
#define CHUNK    ((size_t)64 * 1024)
#define SLICE_US 500
/* Whoever sends does not say when he gives up: what came is kept for so long after the last of it. */
#define IDLE_MS 10000
/* From one copy's end to the next to the same replica, twice as long each time: one that does not fit is not sent over
 * and over. */
#define AGAIN_MS      1000
#define AGAIN_DOUBLES 4
#define FORGET_MS     300000

struct partition_snapshot_out {
    struct partition *partition;
    struct store_snapshot *copy;
    uint64_t destination, term, number, offset;
    uint64_t began_ms;
    struct buf part;
    struct timer again;
};

struct partition_snapshot_in {
    struct store *store;
    struct snapshot_receiver receiver;
    uint64_t source, term, number, offset, index;
    uint64_t began_ms, heard_ms;
    struct buf rest; /* of an item that has come in part */
};

/* --- sending --- */

static uint64_t wait_of(const struct copy_tries *t)
{
    unsigned doubles = t->count <= AGAIN_DOUBLES ? t->count - 1 : AGAIN_DOUBLES;
    return t->count ? (uint64_t)AGAIN_MS << doubles : 0;
}

/* Those to that replica; else the place of those that are longest ago. */
static struct copy_tries *tries_to(struct partition *p, uint64_t destination)
{
    struct copy_tries *oldest = &p->copy_tries[0];
    for (unsigned i = 0; i < META_REPLICAS_MAX; i++) {
        struct copy_tries *t = &p->copy_tries[i];
        if (t->destination == destination)
            return t;
        if (t->ended_ms < oldest->ended_ms)
            oldest = t;
    }
    *oldest = (struct copy_tries){.destination = destination};
    return oldest;
}

/* False: too soon after the last. */
static bool may_try(struct partition *p, uint64_t destination)
{
    const struct copy_tries *t = tries_to(p, destination);
    return partition_clock_ms(p) - t->ended_ms >= wait_of(t);
}

/* One of which something was sent is over. What has not been tried for long is as new. */
static void note_tried(struct partition *p, uint64_t destination)
{
    struct copy_tries *t = tries_to(p, destination);
    uint64_t now = partition_clock_ms(p);
    t->count = now - t->ended_ms < FORGET_MS ? t->count + 1 : 1;
    t->ended_ms = now;
}

static void end_out(struct partition *p)
{
    struct partition_snapshot_out *o = p->copy_out;
    p->copy_out = NULL;
    if (!o)
        return;
    if (o->offset)
        note_tried(p, o->destination);
    timer_stop(p->set->env.timers, &o->again);
    snapshot_destroy(&o->copy);
    buf_fini(&o->part);
    free(o);
}

static void give_up(struct partition *p)
{
    uint64_t destination = p->copy_out->destination;
    end_out(p);
    if (p->group)
        group_copy_ended(p->group, destination);
}

static void on_again(struct timer *t)
{
    partition_mark_dirty(LIST_ENTRY(t, struct partition_snapshot_out, again)->partition);
}

static int begin_out(struct partition *p, uint64_t destination)
{
    struct partition_snapshot_out *o = calloc(1, sizeof *o);
    int err = o ? snapshot_create(p->store, &o->copy) : E_NOMEM;
    if (err) {
        free(o);
        return err;
    }
    o->partition = p;
    o->destination = destination;
    o->term = group_term(p->group);
    o->number = ++p->set->snapshots;
    o->began_ms = partition_clock_ms(p);
    buf_init(&o->part, SIZE_MAX / 2);
    timer_init(&o->again, on_again);
    p->copy_out = o;
    return 0;
}

static struct link *link_of(const struct partition *p)
{
    const struct replica *r = meta_replica(partition_map(p), p->copy_out->destination);
    return r ? p->set->env.hooks->link_to(p->set->env.arg, r->member, PLANE_BULK) : NULL;
}

static int send_part(struct partition *p, struct link *l, bool done)
{
    struct partition_snapshot_out *o = p->copy_out;
    const struct meta_state *s = partition_state(p);
    struct peer_copy m = {.envelope = {.epoch = s->epoch, .group = (uint16_t)p->number, .generation = p->generation},
                          .source = p->replica,
                          .destination = o->destination,
                          .term = o->term,
                          .number = o->number,
                          .offset = o->offset,
                          .index = done ? p->index : 0,
                          .bytes = buf_slice(&o->part)};
    m.envelope.cluster_id = s->cluster_id;
    struct buf *out = link_begin(l, PEER_COPY);
    if (!out)
        return E_IO;
    struct coder coder = coder_writer(out);
    code_copy(&coder, &m);
    link_end(l, coder.err);
    o->offset += m.bytes.len;
    buf_consume(&o->part, m.bytes.len);
    return coder.err;
}

/* Walks on until a part is full. */
static int fill_part(struct partition_snapshot_out *o, uint64_t end_us, bool *done)
{
    int err = 0;
    *done = false;
    while (!err && !*done && buf_len(&o->part) < CHUNK && clock_precise_us(o->partition->set->env.clock) < end_us)
        err = snapshot_step(o->copy, &o->part, done);
    return err;
}

/* R-COPY 6: a change of term or leader voids it. */
static bool is_void(const struct partition *p)
{
    return !group_leads(p->group) || group_term(p->group) != p->copy_out->term || !link_of(p);
}

/* The install message follows the last part on the same connection. R-TIME: what the copy holds of the time is as old
 * as the last write; the stamp that follows it is of now. */
static void finish_out(struct partition *p)
{
    uint64_t destination = p->copy_out->destination;
    p->installs = true;
    int err = group_send_install(p->group, destination);
    p->installs = false;
    end_out(p);
    if (err)
        group_copy_ended(p->group, destination);
    else
        partition_tick(p);
}

static uint64_t end_of_slice(struct partitions *s)
{
    if (!s->snapshot_end_us)
        s->snapshot_end_us = clock_precise_us(s->env.clock) + SLICE_US;
    return s->snapshot_end_us;
}

static void go_on(struct partition *p)
{
    uint64_t end_us = end_of_slice(p->set);
    bool done = false;
    int err = is_void(p) ? E_CLOSED : 0;
    struct link *l = err ? NULL : link_of(p);
    while (!err && !done && link_backlog(l) < STREAM_LOW_WATER && clock_precise_us(p->set->env.clock) < end_us) {
        err = fill_part(p->copy_out, end_us, &done);
        if (!err)
            err = send_part(p, l, done);
    }
    if (err)
        give_up(p);
    else if (done)
        finish_out(p);
    else if (link_backlog(l) < STREAM_LOW_WATER)
        timer_start(p->set->env.timers, &p->copy_out->again, 0);
}

void partition_snapshot_begin(struct partition *p)
{
    uint64_t wanted = p->copy_wanted;
    p->copy_wanted = 0;
    if (wanted && (p->copy_out || !group_leads(p->group) || !may_try(p, wanted) || begin_out(p, wanted)))
        group_copy_ended(p->group, wanted); /* it will be asked for again */
    if (p->copy_out)
        go_on(p);
}

/* --- receiving --- */

static void end_in(struct partition *p)
{
    struct partition_snapshot_in *in = p->copy_in;
    p->copy_in = NULL;
    if (!in)
        return;
    store_destroy(&in->store);
    buf_fini(&in->rest);
    free(in);
}

static void begin_in(struct partition *p, const struct peer_copy *m)
{
    end_in(p);
    p->no_room = false;
    struct partition_snapshot_in *in = calloc(1, sizeof *in);
    if (!in)
        return;
    /* R-COPY 7: into one that is empty. */
    if (partition_create_store(p, &in->store)) {
        free(in);
        return;
    }
    snapshot_receiver_init(&in->receiver, in->store);
    buf_init(&in->rest, p->set->env.frame_max + 2 * CHUNK); /* one object, and what came behind it */
    in->source = m->source;
    in->term = m->term;
    in->number = m->number;
    in->began_ms = in->heard_ms = partition_clock_ms(p);
    p->copy_in = in;
}

static int take_bytes(struct partition_snapshot_in *in, struct slice bytes)
{
    in->offset += bytes.len;
    if (buf_len(&in->rest) == 0) {
        int err = snapshot_receive(&in->receiver, &bytes);
        return err ? err : buf_append_slice(&in->rest, bytes);
    }
    int err = buf_append_slice(&in->rest, bytes);
    struct slice all = buf_slice(&in->rest);
    size_t len = all.len;
    if (!err)
        err = snapshot_receive(&in->receiver, &all);
    buf_consume(&in->rest, len - all.len);
    return err;
}

int partition_snapshot_receive(struct partition *p, const struct peer_copy *m)
{
    if (!p->group || m->destination != p->replica)
        return 0;
    if (m->offset == 0)
        begin_in(p, m);
    struct partition_snapshot_in *in = p->copy_in;
    if (!in || m->source != in->source || m->number != in->number || m->term != in->term || m->offset != in->offset)
        return 0; /* the rest of one that was given up */
    in->heard_ms = partition_clock_ms(p);
    int err = take_bytes(in, m->bytes);
    if (err) {
        log_warn(p->set->env.log, "partition", "partition %u: a copy cannot be used: %s", p->number, err_text(err));
        p->no_room = err == E_FULL;
        end_in(p);
        return err == E_MALFORMED ? err : 0;
    }
    /* Of no later command than it says: else the next one would seem to be of the past. */
    struct revision last = {partition_state(p)->epoch, p->generation, m->index};
    if (m->index && in->receiver.complete && revision_cmp(store_revision(in->store), last) <= 0)
        in->index = m->index;
    return 0;
}

bool partition_snapshot_is_complete(struct partition *p, uint64_t source, uint64_t index)
{
    const struct partition_snapshot_in *in = p->copy_in;
    return in && in->index && in->index == index && in->source == source;
}

void partition_snapshot_install(struct partition *p)
{
    store_destroy(&p->store);
    p->store = p->copy_in->store;
    p->copy_in->store = NULL;
    end_in(p);
}

void partition_snapshot_tick(struct partition *p)
{
    if (p->copy_in && partition_clock_ms(p) - p->copy_in->heard_ms >= IDLE_MS)
        end_in(p);
}

void partition_snapshot_end(struct partition *p)
{
    end_out(p);
    end_in(p);
    p->copy_wanted = 0;
}

/* --- for operators --- */

size_t partition_transfers(const struct partition *p, struct status_transfer *out)
{
    const struct meta_state *s = partition_state(p);
    const struct partition_map *map = s ? &s->partition[p->number] : NULL;
    size_t n = 0;
    if (map && p->copy_out) {
        const struct replica *to = meta_replica(map, p->copy_out->destination);
        out[n] = (struct status_transfer){.partition = p->number,
                                          .from = *p->set->env.self,
                                          .to = to ? to->member : 0,
                                          .bytes = p->copy_out->offset,
                                          .age_ms = partition_clock_ms(p) - p->copy_out->began_ms};
        uint64_t walked;
        snapshot_progress(p->copy_out->copy, &out[n++].keys, &walked);
    }
    if (map && p->copy_in) {
        struct store_stats stats;
        const struct replica *from = meta_replica(map, p->copy_in->source);
        store_stats_get(p->copy_in->store, &stats);
        out[n++] = (struct status_transfer){.partition = p->number,
                                            .from = from ? from->member : 0,
                                            .to = *p->set->env.self,
                                            .keys = stats.keys,
                                            .bytes = p->copy_in->offset,
                                            .age_ms = partition_clock_ms(p) - p->copy_in->began_ms};
    }
    return n;
}
