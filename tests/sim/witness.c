/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/witness.h"

#include "sim/world.h"

#include "base/hash.h"
#include "cluster/cluster_impl.h"

#include <stdio.h>
#include <string.h>

#define LOOK_US (SECOND_US / 2)

/* A number of the cluster's own kind for every partition there may be. */
_Static_assert(META_PARTITIONS_MAX <= sizeof((struct witness *)0)->committed / sizeof(struct committed),
               "all are watched");

static bool has_lease_now(struct node *n)
{
    if (!node_runs(n) || !n->cluster->meta.whole)
        return false;
    uint64_t kept = n->turn_ms;
    n->turn_ms = node_boot_us(n) / 1000; /* it may not have looked at its clock for a while */
    bool valid = lease_is_valid(n->cluster);
    n->turn_ms = kept;
    return valid;
}

static void see_epoch(struct node *n)
{
    struct witness *v = &n->world->witness;
    const struct meta_state *s = n->cluster->meta.state;
    if (s->epoch < v->epoch)
        world_fail(n->world, "%s serves in epoch %llu after epoch %llu has served", n->name,
                   (unsigned long long)s->epoch, (unsigned long long)v->epoch);
    if (s->epoch == v->epoch && !cluster_id_equal(s->cluster_id, v->cluster_id))
        world_fail(n->world, "%s serves in another cluster of epoch %llu", n->name, (unsigned long long)s->epoch);
    if (s->epoch <= v->epoch)
        return;
    v->epoch = s->epoch;
    v->cluster_id = s->cluster_id;
    trace_line(&n->world->trace, LOG_INFO, n->name, "serves in epoch %llu", (unsigned long long)s->epoch);
}

/* Promise 7. What is on its way when a node is full may still come in: an object for each of a few clients. */
static void see_memory(struct node *n)
{
    const struct store_memory *m = &n->cluster->memory;
    if (m->used > m->limit + m->limit / 4)
        world_fail(n->world, "%s holds %zu bytes, and may hold %zu", n->name, m->used, m->limit);
}

/* What one replica knows to be committed stays so. */
static void see_commit(struct node *n, const char *what, unsigned i, struct seen_commit *seen, uint64_t replica,
                       const struct group *g)
{
    struct seen_commit now = {n->cluster->meta.state ? n->cluster->meta.state->epoch : 0, replica,
                              g ? group_commit_index(g) : 0};
    if (g && seen->epoch == now.epoch && seen->replica == replica && now.index < seen->index)
        world_fail(n->world, "%s: %s %u: entry %llu was committed, and now nothing behind %llu is", n->name, what, i,
                   (unsigned long long)seen->index, (unsigned long long)now.index);
    *seen = now;
}

static void see_commits(struct node *n)
{
    const struct cluster *c = n->cluster;
    struct witness *v = &n->world->witness;
    see_commit(n, "meta group, member", (unsigned)c->meta.self, &v->meta_commit[n->number], c->meta.self,
               c->meta.group);
    for (unsigned i = 0; i < n->world->options.partitions; i++)
        see_commit(n, "partition", i, &v->commit[n->number][i], c->partitions.at[i].replica, c->partitions.at[i].group);
}

/* Another replica leads it, which has acknowledged a write since, or is about to. */
static bool is_succeeded(const struct partition *p, const struct cluster *other)
{
    if (!other || !other->meta.state || other->meta.state->epoch != partition_state(p)->epoch)
        return false;
    const struct partition *o = &other->partitions.at[p->number];
    if (!o->group || !group_leads(o->group) || o->generation < p->generation)
        return false;
    return o->generation > p->generation || group_term(o->group) > group_term(p->group);
}

/* R-READ: what this node would answer at this moment is the latest state. */
static void see_reads(struct node *n)
{
    for (unsigned i = 0; i < partitions_of(n->cluster); i++) {
        struct partition *p = &n->cluster->partitions.at[i];
        if (!p->group || !group_may_read(p->group))
            continue;
        for (unsigned k = 0; k < n->world->nodes; k++)
            if (&n->world->node[k] != n && is_succeeded(p, n->world->node[k].cluster))
                world_fail(n->world, "%s reads partition %u by lease, and %s leads it since", n->name, i,
                           n->world->node[k].name);
    }
}

void witness_turn(struct node *n)
{
    see_memory(n);
    see_commits(n);
    if (!has_lease_now(n))
        return;
    see_epoch(n);
    see_reads(n);
    const struct meta_state *mine = n->cluster->meta.state;
    for (unsigned i = 0; i < n->world->nodes; i++) {
        struct node *o = &n->world->node[i];
        if (o == n || !o->cluster || !o->cluster->meta.state || o->cluster->meta.state->epoch == mine->epoch)
            continue;
        if (has_lease_now(o))
            world_fail(n->world, "two clusters serve at once: %s in epoch %llu, %s in epoch %llu", n->name,
                       (unsigned long long)mine->epoch, o->name, (unsigned long long)o->cluster->meta.state->epoch);
    }
}

/* --- what is held --- */

static bool is_before(const struct committed *a, const struct committed *b)
{
    if (a->epoch != b->epoch)
        return a->epoch < b->epoch;
    if (a->generation != b->generation)
        return a->generation < b->generation;
    return a->index < b->index;
}

static bool holds_partition(const struct cluster *c, unsigned i)
{
    return c->meta.state && c->partitions.at[i].replica && c->partitions.at[i].whole && !c->partitions.at[i].broken;
}

static void note_committed(struct world *w, unsigned i)
{
    for (unsigned k = 0; k < w->nodes; k++) {
        const struct cluster *c = w->node[k].cluster;
        if (!c || !holds_partition(c, i))
            continue;
        const struct partition *p = &c->partitions.at[i];
        struct committed now = {.epoch = c->meta.state->epoch,
                                .generation = p->generation,
                                .index = p->group ? group_commit_index(p->group) : p->index};
        if (is_before(&w->witness.committed[i], &now))
            w->witness.committed[i] = now;
    }
}

static bool holds_all(const struct cluster *c, unsigned i, const struct committed *all)
{
    const struct partition *p = &c->partitions.at[i];
    if (p->frozen && p->frozen_generation == all->generation && p->frozen_index >= all->index)
        return true;
    return holds_partition(c, i) && c->meta.state->epoch == all->epoch && p->generation == all->generation &&
           (p->group ? group_last_index(p->group) : p->index) >= all->index;
}

static bool is_held_by_another(struct node *n, unsigned i)
{
    struct world *w = n->world;
    for (unsigned k = 0; k < w->nodes; k++)
        if (&w->node[k] != n && w->node[k].pod.listed && w->node[k].cluster &&
            holds_all(w->node[k].cluster, i, &w->witness.committed[i]))
            return true;
    return false;
}

/* --- what may be lost --- */

static void lose_key(struct world *w, unsigned key)
{
    struct witness *v = &w->witness;
    struct history_op op = {
        .begin = w->now_us, .end = HISTORY_NEVER, .kind = HISTORY_LOSE, .key = key + 1, .outcome = HISTORY_OK};
    size_t place = history_add(&w->history, &op);
    if (!v->losing)
        v->first_loss = place;
    v->losing = true;
}

static unsigned partition_of_key(const struct cluster *c, unsigned key)
{
    struct names n = client_names(key);
    struct store_key k;
    store_key_init(&k, &c->meta.state->key, slice_str(n.type), slice_str(n.bucket), slice_str(n.key));
    return store_partition(k.hash, partitions_of(c));
}

/* f of every key that clients ask for. */
static void each_key(struct world *w, void (*f)(struct world *w, unsigned key, void *arg), void *arg)
{
    for (unsigned key = 0; key < w->options.keys; key++)
        f(w, key, arg);
    for (unsigned i = 0; i < SIM_COUNTERS; i++)
        f(w, SIM_KEYS_MAX + i, arg);
    f(w, SIM_PERMISSION, arg);
    for (unsigned i = 0; i < SIM_SETS * SIM_ELEMENTS; i++)
        f(w, SIM_ELEMENT(0, i), arg);
}

struct lost {
    const struct cluster *cluster; /* NULL: every partition */
    unsigned partition;
};

static void lose_where(struct world *w, unsigned key, void *arg)
{
    const struct lost *l = arg;
    if (!l->cluster || (key != SIM_PERMISSION && partition_of_key(l->cluster, key) == l->partition))
        lose_key(w, key);
}

static void lose_partition(struct node *n, unsigned i)
{
    struct world *w = n->world;
    w->witness.losses++;
    if (faults_are_orderly(w) && !w->faults.over)
        world_fail(w, "%s ended when all were ready, and was the last to hold all of partition %u", n->name, i);
    trace_line(&w->trace, LOG_INFO, "witness", "%s was the last to hold all of partition %u", n->name, i);
    each_key(w, lose_where, &(struct lost){n->cluster, i});
}

/* --- what an orchestrator gives up --- */

static bool is_given_up(const struct world *w, const struct meta_state *s, uint64_t member)
{
    const struct member *m = meta_member(s, member);
    for (unsigned i = 0; m && i < w->nodes; i++)
        if (incarnation_equal(w->node[i].incarnation, m->incarnation))
            return w->node[i].cluster && !w->node[i].pod.listed;
    return m == NULL;
}

/* A majority of its voters, by the map of one who stays. */
static bool is_majority_given_up(const struct world *w, const struct cluster *c, unsigned i)
{
    const struct partition_map *map = &c->meta.state->partition[i];
    unsigned voters = 0, gone = 0;
    for (unsigned r = 0; r < map->replica_count; r++) {
        voters += map->replica[r].state != REPLICA_ADDING;
        gone += map->replica[r].state != REPLICA_ADDING && is_given_up(w, c->meta.state, map->replica[r].member);
    }
    return voters - gone < voters / 2 + 1;
}

static void give_up_partition(struct world *w, unsigned i)
{
    for (unsigned k = 0; k < w->nodes; k++) {
        struct node *n = &w->node[k];
        if (!n->pod.listed || !n->cluster || !n->cluster->meta.whole || !is_majority_given_up(w, n->cluster, i))
            continue;
        w->witness.losses++;
        trace_line(&w->trace, LOG_INFO, "witness", "most who hold partition %u are given up", i);
        each_key(w, lose_where, &(struct lost){n->cluster, i});
        return;
    }
}

/* Most of the seats: what is known of users and types, too. */
static bool is_catalog_given_up(const struct world *w)
{
    unsigned given_up = 0;
    for (unsigned i = 0; i < w->nodes; i++)
        given_up += w->node[i].cluster && !w->node[i].pod.listed;
    return given_up > w->places / 2;
}

void witness_give_up(struct world *w)
{
    if (is_catalog_given_up(w))
        witness_lose_all(w);
    for (unsigned i = 0; i < w->options.partitions; i++)
        give_up_partition(w, i);
}

/* R-GONE: no node is declared dead that runs, is listed, and was not silent for as long as counts as death. A lie is no
 * reason either, except together with a silence. What those know who are given up is not looked at. */
static void see_dead(struct world *w, const struct meta_state *s)
{
    for (unsigned i = 0; i < w->nodes; i++) {
        const struct node *n = &w->node[i];
        if (n->pod.listed && node_runs(n) && meta_is_dead(s, n->incarnation))
            world_fail(w, "%s was declared dead, though it runs, is listed, and was not silent for long", n->name);
    }
}

static void see_deaths(struct world *w)
{
    for (unsigned i = 0; i < w->nodes && orchestrator_is(&w->options) && !w->witness.losing; i++) {
        const struct node *n = &w->node[i];
        if (n->pod.listed && n->cluster && n->cluster->meta.whole && n->cluster->meta.state->epoch == w->witness.epoch)
            see_dead(w, n->cluster->meta.state);
    }
}

static uint64_t catalog_index(const struct cluster *c)
{
    return c->meta.group ? group_applied_index(c->meta.group) : 0;
}

/* As much of the catalog, and of who may do what. */
static bool is_catalog_held_by_another(const struct node *n)
{
    const struct world *w = n->world;
    const struct cluster *mine = n->cluster;
    for (unsigned k = 0; k < w->nodes; k++) {
        const struct cluster *c = w->node[k].cluster;
        if (&w->node[k] != n && c && c->meta.state && c->meta.state->epoch == mine->meta.state->epoch &&
            catalog_index(c) >= catalog_index(mine))
            return true;
    }
    return false;
}

bool witness_epoch_is_known(const struct world *w, const struct node *but)
{
    bool known = w->witness.epoch == 0;
    for (unsigned i = 0; i < w->nodes; i++) {
        const struct node *n = &w->node[i];
        known |= n != but && n->cluster && n->cluster->highest_epoch >= w->witness.epoch;
    }
    return known;
}

void witness_kill(struct node *n)
{
    if (!witness_epoch_is_known(n->world, n))
        faults_keep_clocks(n->world);
    if (!n->cluster->meta.state)
        return;
    if (!is_catalog_held_by_another(n))
        lose_key(n->world, SIM_PERMISSION);
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++) {
        note_committed(n->world, i);
        const struct committed *all = &n->world->witness.committed[i];
        if (all->epoch && !is_held_by_another(n, i))
            lose_partition(n, i);
    }
}

void witness_lose_all(struct world *w)
{
    w->witness.losses++;
    each_key(w, lose_where, &(struct lost){NULL, 0});
}

static void end_losing(struct world *w)
{
    for (size_t i = w->witness.first_loss; w->witness.losing && i < w->history.count; i++) {
        struct history_op *op = history_at(&w->history, i);
        if (op->kind == HISTORY_LOSE && op->end == HISTORY_NEVER)
            op->end = w->now_us;
    }
    w->witness.losing = false;
}

static uint64_t number_at(const uint8_t *p, unsigned size)
{
    uint64_t n = 0;
    while (size--)
        n = n << 8 | *p++;
    return n;
}

bool witness_is_current(struct world *w, unsigned key, const uint8_t *vclock)
{
    uint64_t epoch = number_at(vclock + 1, 8), generation = number_at(vclock + 9, 4);
    for (unsigned k = 0; k < w->nodes; k++) {
        const struct cluster *c = w->node[k].cluster;
        if (!c || !c->meta.whole)
            continue;
        const struct partition_map *m = &c->meta.state->partition[partition_of_key(c, key)];
        if (c->meta.state->epoch > epoch || (c->meta.state->epoch == epoch && m->generation > generation))
            return false;
    }
    return epoch >= w->witness.epoch;
}

/* --- whole --- */

static bool is_quiet(const struct cluster *c)
{
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        if (c->meta.state->partition[i].frozen_count || c->partitions.at[i].frozen)
            return false;
    return true;
}

static bool is_whole_at(struct node *n, uint64_t epoch)
{
    static struct status_node s;
    if (!n->cluster || n->paused)
        return false;
    cluster_status(n->cluster, &s);
    return s.state == STATUS_MEMBER && s.ready && s.serving && s.epoch == epoch && !s.partitions_incomplete &&
           s.member_count == n->world->places && is_quiet(n->cluster);
}

bool witness_is_whole(struct world *w)
{
    for (unsigned i = 0; i < w->nodes; i++)
        if (w->node[i].pod.listed && !is_whole_at(&w->node[i], w->witness.epoch))
            return false;
    return true;
}

/* As any node knows its map. */
static bool is_complete(struct world *w, unsigned i)
{
    for (unsigned k = 0; k < w->nodes; k++) {
        const struct cluster *c = w->node[k].cluster;
        const struct partition_map *m = c && c->meta.state ? &c->meta.state->partition[i] : NULL;
        for (unsigned r = 0; m && r < m->replica_count; r++)
            if (m->replica[r].state != REPLICA_PRESENT)
                return false;
        if (m && (m->replica_count < 3 || m->frozen_count))
            return false;
    }
    return true;
}

/* What each node thinks of a partition. */
static void explain_partition(struct world *w, unsigned i)
{
    for (unsigned k = 0; k < w->nodes; k++) {
        const struct cluster *c = w->node[k].cluster;
        char map[256] = "";
        if (!c || !c->meta.state)
            continue;
        const struct partition *p = &c->partitions.at[i];
        const struct partition_map *m = &c->meta.state->partition[i];
        int n = 0;
        for (unsigned r = 0; r < m->replica_count && n < (int)sizeof map - 32; r++)
            n += snprintf(map + n, sizeof map - (size_t)n, " %llu@%llu/%u", (unsigned long long)m->replica[r].id,
                          (unsigned long long)m->replica[r].member, m->replica[r].state);
        trace_line(
            &w->trace, LOG_INFO, "witness",
            "%s: partition %u generation %u:%s; frozen %u; own %llu of %u%s%s%s, applied %llu; leader %llu, term "
            "%llu, last %llu, committed %llu",
            w->node[k].name, i, m->generation, map, m->frozen_count, (unsigned long long)p->replica, p->generation,
            p->whole ? " whole" : "", p->broken ? " broken" : "", p->frozen ? " and an old copy" : "",
            (unsigned long long)p->index, p->group ? (unsigned long long)group_leader(p->group) : 0,
            p->group ? (unsigned long long)group_term(p->group) : 0,
            p->group ? (unsigned long long)group_last_index(p->group) : 0,
            p->group ? (unsigned long long)group_commit_index(p->group) : 0);
    }
}

void witness_explain(struct world *w)
{
    static struct status_node s;
    for (unsigned i = 0; i < w->nodes; i++) {
        struct node *n = &w->node[i];
        if (!n->cluster) {
            trace_line(&w->trace, LOG_INFO, "witness", "%s does not run", n->name);
            continue;
        }
        cluster_status(n->cluster, &s);
        trace_line(&w->trace, LOG_INFO, "witness",
                   "%s%s: state %d, %sready, %sserving, epoch %llu, %zu members, %zu of %zu bytes, %u partitions "
                   "incomplete%s: %s",
                   n->name, n->paused ? " stands still" : "", s.state, s.ready ? "" : "not ", s.serving ? "" : "not ",
                   (unsigned long long)s.epoch, s.member_count, n->cluster->memory.used, n->cluster->memory.limit,
                   s.partitions_incomplete, s.epoch && !is_quiet(n->cluster) ? ", old copies kept" : "", s.why);
    }
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        if (i < w->options.partitions && !is_complete(w, i))
            explain_partition(w, i);
}

static void on_timer(struct timer *t)
{
    struct witness *v = LIST_ENTRY(t, struct witness, timer);
    struct world *w = v->world;
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        note_committed(w, i);
    bool long_silence = faults_silence_long(w);
    if (long_silence && !v->losing)
        witness_lose_all(w);
    see_deaths(w);
    if (v->losing && !long_silence && !faults_silence_many(w) && witness_is_whole(w))
        end_losing(w);
    world_timer(w, t, LOOK_US);
}

/* --- replicas --- */

struct digest {
    const struct store *store;
    const struct hash_key *key;
    const char *bucket;
    uint64_t sum, count;
};

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9e3779b97f4a7c15ULL;
    return h ^ h >> 31;
}

static uint64_t mix_slice(uint64_t h, struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        h = mix(h, s.data[i]);
    return mix(h, s.len);
}

static void add_key(void *arg, struct slice name)
{
    struct digest *d = arg;
    struct store_key k;
    struct object o;
    struct object_cursor cursor = {0};
    struct object_sibling s;
    store_key_init(&k, d->key, slice_make(NULL, 0), slice_str(d->bucket), name);
    if (store_get(d->store, &k, store_stamp_ms(d->store), &o))
        return;
    uint64_t h = mix_slice(mix(o.revision.index, o.revision.generation), name);
    while (object_next(&o, &cursor, &s))
        h = mix_slice(mix_slice(mix(mix(h, s.seq), s.stamp_ms), s.value), s.meta);
    d->sum += h;
    d->count++;
}

static struct digest digest_of(const struct cluster *c, unsigned i)
{
    struct digest d = {.store = c->partitions.at[i].store, .key = &c->meta.state->key};
    static const char *const buckets[] = {SIM_BUCKET, SIM_COUNTED};
    for (unsigned b = 0; b < sizeof buckets / sizeof buckets[0]; b++) {
        uint64_t cursor = 0;
        d.bucket = buckets[b];
        while (store_list_keys(d.store, slice_make(NULL, 0), slice_str(d.bucket), &cursor, add_key, &d))
            ;
    }
    return d;
}

/* Over which connections each speaks to each. */
static void explain_links(struct world *w)
{
    for (unsigned k = 0; k < w->nodes; k++) {
        const struct cluster *c = w->node[k].cluster;
        for (unsigned i = 0; c && i < c->mesh.peer_count; i++) {
            const struct peer *p = c->mesh.peer[i];
            char text[128] = "";
            int n = 0;
            for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
                const struct link *l = p->out[plane];
                n += snprintf(text + n, sizeof text - (size_t)n, "; %u in, %s%s %zu waiting", p->in[plane],
                              l ? "out" : "none out", l && l->leaves ? " leaving" : "", l ? link_backlog(l) : 0);
            }
            trace_line(&w->trace, LOG_INFO, "witness", "%s: %s %02x%02x: heard at %llu, answered at %llu%s",
                       w->node[k].name, p->hello.address, p->hello.incarnation.b[0], p->hello.incarnation.b[1],
                       (unsigned long long)p->heard_ms, (unsigned long long)p->answered_ms, text);
        }
    }
}

static void tell_difference(struct node *n, unsigned i, const struct node *first, const struct digest *d,
                            const struct digest *e)
{
    struct revision r = store_revision(d->store), f = store_revision(e->store);
    explain_partition(n->world, i);
    explain_links(n->world);
    world_fail(n->world, "partition %u: %s has applied %u-%llu and holds %llu keys, %s %u-%llu and %llu, not the same",
               i, n->name, r.generation, (unsigned long long)r.index, (unsigned long long)d->count, first->name,
               f.generation, (unsigned long long)f.index, (unsigned long long)e->count);
}

static bool compare_replica(struct node *n, unsigned i, const struct node **first, struct digest *expected, bool fails)
{
    const struct cluster *c = n->cluster;
    if (!c || !holds_partition(c, i))
        return true;
    struct digest d = digest_of(c, i);
    if (!*first) {
        *first = n;
        *expected = d;
        return true;
    }
    bool equal = revision_cmp(store_revision(d.store), store_revision(expected->store)) == 0 &&
                 d.count == expected->count && d.sum == expected->sum;
    if (!equal && fails)
        tell_difference(n, i, *first, &d, expected);
    return equal;
}

static bool partition_is_equal(struct world *w, unsigned i, bool fails)
{
    const struct node *first = NULL;
    struct digest expected = {0};
    for (unsigned k = 0; k < w->nodes; k++)
        if (!compare_replica(&w->node[k], i, &first, &expected, fails))
            return false;
    return true;
}

bool witness_replicas_are_equal(struct world *w)
{
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        if (!partition_is_equal(w, i, false))
            return false;
    return true;
}

void witness_compare_replicas(struct world *w)
{
    for (unsigned i = 0; i < META_PARTITIONS_MAX; i++)
        partition_is_equal(w, i, true);
}

void witness_init(struct witness *v, struct world *w)
{
    *v = (struct witness){.world = w};
    timer_init(&v->timer, on_timer);
}

void witness_begin(struct witness *v)
{
    world_timer(v->world, &v->timer, LOOK_US);
}

void witness_stop(struct witness *v)
{
    end_losing(v->world);
    timer_stop(&v->world->timers, &v->timer);
}
