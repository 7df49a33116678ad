/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "scenario.h"

#include "base/err.h"
#include "cluster/cluster_impl.h"

#include <stdio.h>
#include <stdlib.h>

int setup(void **state)
{
    static struct universe u;
    const char *seed = getenv("SEED");
    universe_init(&u, 5, seed ? (uint64_t)atoll(seed) : 1);
    *state = &u;
    return 0;
}

int teardown(void **state)
{
    universe_fini(*state);
    return 0;
}

struct cluster *cluster_at(struct universe *u, unsigned i)
{
    return u->machine[i].cluster;
}

/* What a node thinks of the partitions that are not complete. */
static void show_partitions(const struct cluster *c)
{
    for (unsigned i = 0; c->meta.whole && i < META_PARTITIONS_MAX; i++) {
        const struct partition_map *map = &c->meta.state->partition[i];
        const struct partition *p = &c->partitions.at[i];
        if (map->replica_count >= c->meta.state->settings.replicas && !map->frozen_count && p->leader_hint)
            continue;
        print_message("  %u: generation %u, led by %llu, frozen %u, own %llu%s%s of", i, map->generation,
                      (unsigned long long)p->leader_hint, map->frozen_count, (unsigned long long)p->replica,
                      p->whole ? " whole" : "", p->broken ? " broken" : "");
        for (unsigned k = 0; k < map->replica_count; k++)
            print_message(" %llu at %llu (%u)", (unsigned long long)map->replica[k].id,
                          (unsigned long long)map->replica[k].member, map->replica[k].state);
        print_message("\n");
    }
}

void show(struct universe *u)
{
    for (unsigned i = 0; i < UNIVERSE_MAX; i++)
        if (u->machine[i].cluster) {
            struct status_node s = universe_status(u, i);
            print_message("node %u: state %d ready %d serving %d epoch %llu members %zu incomplete %u: %s\n", i,
                          s.state, s.ready, s.serving, (unsigned long long)s.epoch, s.member_count,
                          s.partitions_incomplete, s.why);
            show_partitions(u->machine[i].cluster);
        }
}

void await_ready(struct universe *u, uint64_t ms)
{
    if (universe_until(u, universe_is_ready, ms))
        return;
    show(u);
    fail();
}

void start_all(struct universe *u)
{
    for (unsigned i = 0; i < u->count; i++)
        universe_start(u, i);
    await_ready(u, 20000);
}

void restart(struct universe *u, unsigned i)
{
    universe_kill(u, i);
    universe_run(u, 100);
    universe_start(u, i);
}

void restart_first(struct universe *u, unsigned count, uint64_t after_ms)
{
    for (unsigned i = 0; i < count; i++)
        universe_kill(u, i);
    universe_run(u, after_ms);
    for (unsigned i = 0; i < count; i++)
        universe_start(u, i);
}

const char *key_of(unsigned i)
{
    static char key[32];
    snprintf(key, sizeof key, "key-%u", i);
    return key;
}

static void expect_done(struct universe *u, const char *what, const char *key, unsigned through, int err)
{
    if (err) {
        print_message("%s %s through node %u: %s\n", what, key, through, err_text(err));
        show(u);
    }
    assert_int_equal(err, 0);
}

void write_all(struct universe *u, unsigned through, const char *value)
{
    for (unsigned i = 0; i < KEYS; i++) {
        const char *key = key_of(i);
        expect_done(u, "writing", key, through, universe_put(u, through, key, value ? value : key));
    }
}

void expect_all(struct universe *u, unsigned through, const char *value)
{
    struct client_op o;
    for (unsigned i = 0; i < KEYS; i++) {
        const char *key = key_of(i);
        expect_done(u, "reading", key, through, universe_get(u, through, key, &o));
        assert_string_equal(o.value, value ? value : key);
    }
}

unsigned count_written(struct universe *u, unsigned through, const char *value)
{
    struct client_op o[KEYS];
    unsigned n = 0;
    for (unsigned i = 0; i < KEYS; i++)
        client_op_put(u, &o[i], through, key_of(i), value ? value : key_of(i), OP_ALWAYS, 1000);
    for (unsigned i = 0; i < KEYS; i++) {
        client_op_wait(u, &o[i]);
        n += o[i].err == 0;
    }
    return n;
}

unsigned partition_of(struct universe *u, unsigned through, const char *key)
{
    struct store_key k;
    store_key_init(&k, router_hash_key(cluster_router(cluster_at(u, through))), slice_make(NULL, 0),
                   slice_str("bucket"), slice_str(key));
    return store_partition(k.hash, ROUTER_PARTITIONS_MAX);
}

unsigned leader_of(struct universe *u, unsigned partition)
{
    for (unsigned i = 0; i < UNIVERSE_MAX; i++) {
        const struct partition *p = cluster_at(u, i) ? &cluster_at(u, i)->partitions.at[partition] : NULL;
        if (p && partition_leads(p) && p->group && group_has_committed_own(p->group))
            return i;
    }
    return UNIVERSE_MAX;
}

unsigned meta_leader(struct universe *u)
{
    for (unsigned i = 0; i < UNIVERSE_MAX; i++)
        if (cluster_at(u, i) && cluster_at(u, i)->controller.leads && !u->machine[i].paused)
            return i;
    return UNIVERSE_MAX;
}

int put_for_a_while(struct universe *u, unsigned through, const char *key, const char *value)
{
    struct client_op o = {0};
    struct router *r = cluster_router(cluster_at(u, through));
    struct store_command c = {.op = STORE_PUT, .rules = {.siblings_max = 100, .size_max = 1 << 20, .ttl_ms = LIFE_MS}};
    store_key_init(&c.key, router_hash_key(r), slice_make(NULL, 0), slice_str("bucket"), slice_str(key));
    c.value.bytes = slice_str(value);
    client_op_get(u, &o, through, key, false, 10000);
    client_op_wait(u, &o);
    o.done = false;
    router_deliver(&o.request, router_write(r, &o.request, &c));
    u->machine[through].touched = true;
    client_op_wait(u, &o);
    return o.err;
}
