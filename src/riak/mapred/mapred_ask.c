/* SPDX-License-Identifier: Apache-2.0 */
/* The objects that a phase of map/reduce asks for: some at a time, from wherever they are, and taken in the order in
 * which they were asked for. An answer is made of use at once, as what it holds is borrowed; what it means for the job
 * is seen when its turn comes. */
#include "api/ask.h"
#include "api/authorize.h"
#include "base/err.h"
#include "riak/kv.h"
#include "riak/mapred/mapred_impl.h"

#include <stdio.h>

static void map(struct mapred_ask *a, const struct object *o)
{
    const struct mapred *m = a->job;
    char vclock[2 * VCLOCK_SIZE + 1] = "";
    uint8_t bytes[VCLOCK_SIZE];
    if (o) {
        vclock_encode(o->revision, router_cluster_id(m->scan.session->server->router), a->key_tag, bytes);
        for (unsigned i = 0; i < VCLOCK_SIZE; i++)
            snprintf(vclock + 2 * i, 3, "%02x", bytes[i]);
        a->large = kv_siblings_size(o, false) > MAPRED_SMALL;
    }
    a->values = json_array();
    if (a->values && mapred_map(mapred_phase_of(m), &a->input, o, vclock, a->values, &a->why)) {
        a->bytes = mapred_weight(a->values);
        return;
    }
    json_decref(a->values);
    a->values = NULL;
}

/* The first is waited for; the others come to their turn behind it. */
static void note_done(struct mapred_ask *a)
{
    struct mapred *m = a->job;
    struct session *s = m->scan.session;
    a->done = true;
    if (m->running || a != &m->ask[m->first_ask])
        return;
    mapred_go_on(m);
    session_flush(s);
}

static void on_read(struct router_request *q, int err, const struct store_result *r)
{
    struct mapred_ask *a = (struct mapred_ask *)(void *)q;
    a->err = err == E_NOT_FOUND ? 0 : err;
    if (!a->err)
        map(a, !err && r->object.live ? &r->object : NULL);
    note_done(a);
}

static void on_deleted(struct router_request *q, int err, const struct store_result *r)
{
    struct mapred_ask *a = (struct mapred_ask *)(void *)q;
    (void)r;
    a->err = err;
    note_done(a);
}

/* The key of an input. False: answered. Links lead into any bucket, and to delete takes the permission to delete. */
static bool resolve(struct mapred *m, const struct mapred_input *in, bool deletes, struct target *t)
{
    struct session *s = m->scan.session;
    const struct api *a = &s->server->api;
    struct key_names n = {in->type, in->bucket, in->key, true};
    struct outcome refused;
    bool good = key_names_check_lengths(&n, &refused) &&
                authorize_in(a, &s->who, MAY_MAPREDUCE, n.type, n.bucket, &refused) &&
                target_resolve(a, &s->who, deletes ? MAY_DELETE : MAY_MAPREDUCE, &n, t, &refused);
    if (!good) {
        riak_refuse(s, NULL, &refused);
        scan_done(&m->scan);
    }
    return good;
}

bool mapred_ask(struct mapred *m, const struct mapred_input *in)
{
    struct session *s = m->scan.session;
    const struct api *api = &s->server->api;
    struct store_command c = {.op = STORE_DELETE};
    struct target t;
    bool deletes = mapred_phase_of(m)->function == REDUCE_DELETE;
    uint64_t timeout_ms;
    if (!resolve(m, in, deletes, &t) || !scan_time(&m->scan, &timeout_ms))
        return false;
    struct mapred_ask *a = &m->ask[(m->first_ask + m->asks++) % MAPRED_ASKS_MAX];
    *a = (struct mapred_ask){.job = m, .input = *in, .key_tag = t.tag};
    if (!m->values) /* the input's names lie in it */
        a->source = json_incref(m->input);
    router_request_init(&a->request, deletes ? on_deleted : on_read);
    a->request.floor = &s->floor;
    /* The session's own request tells a refusal what time there was. */
    a->request.timeout_ms = session_ask_on(s, timeout_ms, a->request.done)->timeout_ms;
    if (deletes) {
        m->scan.sent = true; /* it cannot begin again */
        c.key = t.key;
        c.rules = target_rules(&s->server->api, &t);
        router_deliver(&a->request, ask_write(api, &a->request, &c));
    } else {
        router_deliver(&a->request, ask_read(api, &a->request, &t.key, false));
    }
    return true;
}

struct mapred_ask *mapred_ask_first(struct mapred *m)
{
    struct mapred_ask *a = &m->ask[m->first_ask];
    return m->asks && a->done ? a : NULL;
}

void mapred_ask_end(struct mapred *m)
{
    struct mapred_ask *a = &m->ask[m->first_ask];
    unsigned more = 2 * m->asks_max;
    m->asks_max = a->large ? 1 : more < MAPRED_ASKS_MAX ? more : MAPRED_ASKS_MAX;
    json_decref(a->values);
    json_decref(a->source);
    a->values = a->source = NULL;
    m->first_ask = (m->first_ask + 1) % MAPRED_ASKS_MAX;
    m->asks--;
}

void mapred_ask_forget(struct mapred *m)
{
    for (; m->asks; mapred_ask_end(m))
        if (!m->ask[m->first_ask].done)
            ask_forget(&m->scan.session->server->api, &m->ask[m->first_ask].request);
}
