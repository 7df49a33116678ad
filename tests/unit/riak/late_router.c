/* SPDX-License-Identifier: Apache-2.0 */
#include "late_router.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

enum kind { WRITE, READ, CHANGE, LIST_KEYS, LIST_BUCKETS };

#define COPIES_MAX 5

struct held {
    struct list link;
    struct router *router;
    struct router_request *caller, mine;
    enum kind kind;
    struct store_command command; /* of a read: the key */
    bool any_replica;
    int err; /* of a change */
    struct router_scan *scan;
    struct slice type, bucket;
    store_list_f f;
    void *arg;
    void *copies[COPIES_MAX];
    size_t count;
};

static struct late_router *current;

void late_router_start(struct late_router *l)
{
    *l = (struct late_router){.holds = false};
    list_init(&l->held);
    current = l;
}

void late_router_stop(struct late_router *l)
{
    ASSERT(list_empty(&l->held));
    current = NULL;
}

/* --- holding --- */

static struct slice copy(struct held *h, struct slice s)
{
    if (s.len == 0)
        return slice_make(NULL, 0);
    ASSERT(h->count < COPIES_MAX);
    void *bytes = malloc(s.len);
    ASSERT(bytes);
    memcpy(bytes, s.data, s.len);
    h->copies[h->count++] = bytes;
    return slice_make(bytes, s.len);
}

static void copy_key(struct held *h, const struct store_key *k)
{
    h->command.key = *k;
    h->command.key.type = copy(h, k->type);
    h->command.key.bucket = copy(h, k->bucket);
    h->command.key.key = copy(h, k->key);
}

static void copy_command(struct held *h, const struct store_command *c)
{
    h->command = *c;
    copy_key(h, &c->key);
    h->command.meta.bytes = copy(h, c->meta.bytes);
    if (c->value.blob)
        blob_get(c->value.blob);
    else
        h->command.value.bytes = copy(h, c->value.bytes);
}

static void drop(struct held *h)
{
    list_remove(&h->link);
    blob_put(h->command.value.blob);
    for (size_t i = 0; i < h->count; i++)
        free(h->copies[i]);
    free(h);
}

static bool is_held(const struct router_request *q)
{
    current->asked++;
    current->timeout_ms = q->timeout_ms;
    current->wants_object = q->wants_object;
    ASSERT(!q->op); /* one at a time */
    return current->holds;
}

static struct held *hold(struct router *r, struct router_request *q, enum kind kind)
{
    struct held *h = calloc(1, sizeof *h);
    ASSERT(h);
    h->router = r;
    h->caller = q;
    h->kind = kind;
    q->op = h;
    list_init(&h->link);
    list_append(&current->held, &h->link);
    return h;
}

/* Whether a request waits here, and not at the real router. */
static bool waits_here(const struct router_request *q)
{
    for (const struct list *n = current->held.next; n != &current->held; n = n->next)
        if (LIST_ENTRY(n, struct held, link) == q->op)
            return true;
    return false;
}

/* --- answering --- */

static void pass_on(struct router_request *mine, int err, const struct store_result *result)
{
    struct router_request *q = LIST_ENTRY(mine, struct held, mine)->caller;
    q->done(q, err, result); /* who may ask for the next thing with it */
}

static void make(struct held *h)
{
    switch (h->kind) {
    case WRITE:
        router_deliver(&h->mine, router_write(h->router, &h->mine, &h->command));
        break;
    case READ:
        router_deliver(&h->mine, router_read(h->router, &h->mine, &h->command.key, h->any_replica));
        break;
    case CHANGE:
        pass_on(&h->mine, h->err, NULL);
        break;
    case LIST_KEYS:
        router_deliver(&h->mine, router_list_keys(h->router, &h->mine, h->scan, h->type, h->bucket, h->f, h->arg));
        break;
    case LIST_BUCKETS:
        router_deliver(&h->mine, router_list_buckets(h->router, &h->mine, h->scan, h->type, h->f, h->arg));
        break;
    }
}

static struct held *take(struct late_router *l, struct list *place)
{
    if (list_empty(&l->held))
        return NULL;
    struct held *h = LIST_ENTRY(place, struct held, link);
    ASSERT(!h->mine.op); /* a change is made by the end of the turn in which it was asked for */
    list_remove(&h->link);
    h->caller->op = NULL;
    router_request_init(&h->mine, pass_on);
    return h;
}

static bool answer(struct late_router *l, struct list *place)
{
    struct held *h = take(l, place);
    if (!h)
        return false;
    make(h);
    drop(h);
    cluster_turn(l->cluster);
    return true;
}

bool late_router_answer(struct late_router *l)
{
    return answer(l, l->held.next);
}

bool late_router_answer_last(struct late_router *l)
{
    return answer(l, l->held.prev);
}

bool late_router_fail(struct late_router *l, int err)
{
    struct held *h = take(l, l->held.next);
    struct store_result nothing = {0};
    if (!h)
        return false;
    pass_on(&h->mine, err, h->kind == WRITE || h->kind == READ ? &nothing : NULL);
    drop(h);
    cluster_turn(l->cluster);
    return true;
}

/* --- the table --- */

static bool late_obstacle(const struct router *r, char *out, size_t size)
{
    if (!current->obstacle)
        return router_obstacle(r, out, size);
    snprintf(out, size, "%s", current->obstacle);
    return true;
}

static const char *late_unavailable(const struct router *r)
{
    return current->unavailable ? current->unavailable : router_unavailable(r);
}

static void late_forget(struct router *r, struct router_request *q)
{
    if (!q->op || !waits_here(q)) {
        router_forget(r, q);
        return;
    }
    struct held *h = q->op;
    router_forget(r, &h->mine);
    drop(h);
    q->op = NULL;
    current->forgotten++;
}

static enum router_state late_write(struct router *r, struct router_request *q, struct store_command *c)
{
    if (!is_held(q))
        return router_write(r, q, c);
    copy_command(hold(r, q, WRITE), c);
    return ROUTER_PENDING;
}

static enum router_state late_read(struct router *r, struct router_request *q, const struct store_key *k,
                                   bool any_replica)
{
    if (!is_held(q))
        return router_read(r, q, k, any_replica);
    struct held *h = hold(r, q, READ);
    h->any_replica = any_replica;
    copy_key(h, k);
    return ROUTER_PENDING;
}

static enum router_state end_change(const struct router_request *q, struct router_request *mine,
                                    enum router_state state)
{
    if (mine == q)
        return state;
    router_deliver(mine, state);
    return ROUTER_PENDING;
}

static void keep_error(struct router_request *mine, int err, const struct store_result *result)
{
    (void)result;
    LIST_ENTRY(mine, struct held, mine)->err = err;
}

/* A change is made with what is borrowed for the call; only its answer is held. */
static struct router_request *hold_change(struct router *r, struct router_request *q)
{
    if (!is_held(q))
        return q;
    struct held *h = hold(r, q, CHANGE);
    router_request_init(&h->mine, keep_error);
    return &h->mine;
}

static enum router_state late_set_type(struct router *r, struct router_request *q, struct slice type,
                                       const struct bucket_props *fields)
{
    struct router_request *mine = hold_change(r, q);
    return end_change(q, mine, router_set_type(r, mine, type, fields));
}

static enum router_state late_set_bucket(struct router *r, struct router_request *q, struct slice type,
                                         struct slice bucket, const struct bucket_props *fields)
{
    struct router_request *mine = hold_change(r, q);
    return end_change(q, mine, router_set_bucket(r, mine, type, bucket, fields));
}

static enum router_state late_reset_bucket(struct router *r, struct router_request *q, struct slice type,
                                           struct slice bucket)
{
    struct router_request *mine = hold_change(r, q);
    return end_change(q, mine, router_reset_bucket(r, mine, type, bucket));
}

static struct held *hold_list(struct router *r, struct router_request *q, enum kind kind, struct router_scan *w,
                              struct slice type)
{
    struct held *h = hold(r, q, kind);
    h->scan = w;
    h->type = type;
    return h;
}

static enum router_state late_list_keys(struct router *r, struct router_request *q, struct router_scan *w,
                                        struct slice type, struct slice bucket, store_list_f f, void *arg)
{
    if (!is_held(q))
        return router_list_keys(r, q, w, type, bucket, f, arg);
    struct held *h = hold_list(r, q, LIST_KEYS, w, type);
    h->bucket = bucket;
    h->f = f;
    h->arg = arg;
    return ROUTER_PENDING;
}

static enum router_state late_list_buckets(struct router *r, struct router_request *q, struct router_scan *w,
                                           struct slice type, store_list_f f, void *arg)
{
    if (!is_held(q))
        return router_list_buckets(r, q, w, type, f, arg);
    struct held *h = hold_list(r, q, LIST_BUCKETS, w, type);
    h->f = f;
    h->arg = arg;
    return ROUTER_PENDING;
}

const struct router_ops late_router_calls = {
    .unavailable = late_unavailable,
    .obstacle = late_obstacle,
    .is_current = router_is_current,
    .forget = late_forget,
    .read = late_read,
    .write = late_write,
    .create_type = router_create_type,
    .set_type = late_set_type,
    .set_bucket = late_set_bucket,
    .reset_bucket = late_reset_bucket,
    .change_security = router_change_security,
    .list_keys = late_list_keys,
    .list_buckets = late_list_buckets,
    .query = router_query,
};
