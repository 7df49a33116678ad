/* SPDX-License-Identifier: Apache-2.0 */
/* The liveness check: one write and one read through this node's own code and memory. It asks no other node and needs
 * no cluster, so that an orchestrator that restarts nodes which fail it never restarts all of them for a lost quorum.
 * The key lives in a store of its own for the length of the call: no replica may be changed outside of its log. */
#include "base/err.h"
#include "riak/dispatch.h"
#include "wire/admin_msg.h"

#include <stdio.h>

#define VALUE_SIZE 32
#define STORE_MAX  ((size_t)1024 * 1024) /* a store with one key takes a few KiB */

struct self_test {
    struct hash_key hash_key;
    struct store_memory memory;
    struct store *store;
    struct store_key key;
    uint64_t now_ms;
    uint8_t value[VALUE_SIZE];
};

static int write_key(struct self_test *t)
{
    struct store_result result;
    const struct store_command c = {
        .op = STORE_PUT,
        .stamp_ms = t->now_ms,
        .revision = {1, 1, 2},
        .key = t->key,
        .rules = {.siblings_max = 1, .size_max = STORE_MAX, .reap_ms = STORE_REAP_NEVER},
        .value.bytes = slice_make(t->value, sizeof t->value),
    };
    int err = store_admit(t->store, &c);
    return err ? err : store_apply(t->store, &c, &result);
}

static int read_key(const struct self_test *t)
{
    struct object o;
    struct object_cursor cursor = {0};
    struct object_sibling sibling;
    int err = store_get(t->store, &t->key, t->now_ms, &o);
    if (err)
        return err;
    bool same = object_next(&o, &cursor, &sibling) && slice_eq(sibling.value, slice_make(t->value, sizeof t->value));
    return same ? 0 : E_MISMATCH;
}

/* 0, or what failed and how. */
static int run(struct server *server, const char **what)
{
    struct self_test t = {.memory.limit = STORE_MAX, .now_ms = clock_wall_ms(server->clock)};
    clock_random(server->clock, &t.hash_key, sizeof t.hash_key);
    clock_random(server->clock, t.value, sizeof t.value);
    *what = "write";
    int err = store_create(&t.hash_key, &t.memory, &t.store);
    if (err)
        return err;
    store_key_init(&t.key, &t.hash_key, slice_make(NULL, 0), slice_str("self-test"), slice_str("key"));
    err = write_key(&t);
    if (!err) {
        *what = "read";
        err = read_key(&t);
    }
    store_destroy(&t.store);
    return err;
}

void self_test(struct session *s, struct slice body)
{
    const struct server_config *c = &s->server->config;
    const char *what;
    (void)body;
    int err = run(s->server, &what);
    if (err) {
        riak_error(s, "self-test of '%s' failed: the %s of a test value: %s", c->node_name, what, err_text(err));
        return;
    }
    err = admin_self_test_put(session_out(s), slice_str(c->node_name), slice_str(c->version));
    if (err)
        session_broken(s, err);
}
