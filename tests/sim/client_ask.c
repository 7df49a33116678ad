/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/client_impl.h"

#include "base/assert.h"
#include "wire/bucket_msg.h"
#include "wire/datatype_msg.h"
#include "wire/kv_msg.h"
#include "wire/pb.h"
#include "wire/security_msg.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COUNTED_PERCENT 8 /* of the requests are for a counter */
#define SETS_PERCENT    8 /* are for a set */
#define OPERATE_PERCENT 3 /* of an operator's requests change what the others may do */
#define VALUE_MAX       200
#define LARGE_MAX       ((size_t)300 * 1024)
#define TTL_MAX_S       6
#define TTL_KEY         "X-Ephemeral-TTL"
#define INDEX           "v_int" /* values have their numbers as terms */

static enum request_kind pick_kind(struct client *c)
{
    static const struct {
        enum request_kind kind;
        unsigned percent;
    } mix[] = {{ASK_PUT, 22},    {ASK_CREATE, 16}, {ASK_CAS, 16}, {ASK_DELETE, 8}, {ASK_GET, 22},
               {ASK_GET_ANY, 9}, {ASK_QUERY, 3},   {ASK_MAP, 3},  {ASK_KEYS, 1}};
    unsigned at = (unsigned)rng_below(&c->chance, 100);
    for (unsigned i = 0; i < sizeof mix / sizeof mix[0]; at -= mix[i++].percent)
        if (at < mix[i].percent)
            return (mix[i].kind == ASK_CAS || mix[i].kind == ASK_QUERY) && !c->seen[c->key].value ? ASK_GET
                                                                                                  : mix[i].kind;
    return ASK_GET;
}

static size_t value_size(struct client *c)
{
    bool large = c->world->options.faults & 1u << FAULT_MEMORY && chance_of(&c->chance, 25);
    return 12 + rng_below(&c->chance, large ? LARGE_MAX : VALUE_MAX);
}

static uint32_t pick_timeout_ms(struct client *c)
{
    static const uint32_t choice[] = {300, 1000, 3000, 10000, 10000};
    return choice[rng_below(&c->chance, sizeof choice / sizeof choice[0])];
}

static void put_value(struct client *c, uint32_t timeout_ms)
{
    static char bytes[LARGE_MAX + 64];
    char ttl[8];
    size_t size = value_size(c);
    struct buf meta;
    c->value = ++c->world->witness.values;
    memset(bytes, '.', size);
    int n = snprintf(bytes, sizeof bytes, VALUE_PREFIX "%u", c->value);
    bytes[n] = '.';
    struct kv_put_req req = {.bucket = slice_str(SIM_BUCKET),
                             .content = {.value = slice_make(bytes, size)},
                             .w = QUORUM_DEFAULT,
                             .dw = QUORUM_DEFAULT,
                             .pw = QUORUM_DEFAULT,
                             .timeout_ms = timeout_ms,
                             .has_key = true,
                             .return_head = chance_of(&c->chance, 50),
                             .if_none_match = c->kind == ASK_CREATE,
                             .if_not_modified = c->kind == ASK_CAS};
    struct names names = client_names(c->key);
    req.key = slice_str(names.key);
    if (c->kind == ASK_CAS)
        req.vclock = slice_make(c->seen[c->key].vclock, VCLOCK_SIZE);
    buf_init(&meta, 256);
    if (chance_of(&c->chance, 20)) {
        c->ttl_s = 1 + (unsigned)rng_below(&c->chance, TTL_MAX_S);
        snprintf(ttl, sizeof ttl, "%u", c->ttl_s);
        struct kv_item item = {
            .kind = KV_USERMETA, .key = slice_str(TTL_KEY), .value = slice_str(ttl), .has_value = true};
        ASSERT(kv_meta_put_item(&meta, &item) == 0);
    }
    char term[16];
    snprintf(term, sizeof term, "%u", c->value);
    struct kv_item index = {.kind = KV_INDEX, .key = slice_str(INDEX), .value = slice_str(term), .has_value = true};
    ASSERT(kv_meta_put_item(&meta, &index) == 0);
    ASSERT(kv_put_req_encode(client_out(c), &req, buf_slice(&meta)) == 0);
    buf_fini(&meta);
}

static void put_frame(struct client *c, uint8_t code, struct slice body)
{
    size_t mark;
    ASSERT(frame_begin(client_out(c), code, &mark) == 0);
    ASSERT(buf_append_slice(client_out(c), body) == 0);
    frame_end(client_out(c), mark);
}

/* For the value that it has last seen of the key. */
static void put_query(struct client *c, const char *bucket)
{
    char term[16];
    uint8_t body[64], *p = pb_put_bytes(body, 1, slice_str(bucket));
    snprintf(term, sizeof term, "%u", c->value);
    p = pb_put_bytes(p, 2, slice_str(INDEX));
    p = pb_put_uint(p, 3, 0);
    p = pb_put_bytes(p, 4, slice_str(term));
    put_frame(c, MSG_INDEX_REQ, slice_make(body, (size_t)(p - body)));
}

static void put_list(struct client *c, uint32_t timeout_ms)
{
    uint8_t body[64], *p = pb_put_bytes(body, 1, slice_str(SIM_BUCKET));
    p = pb_put_uint(p, 2, timeout_ms);
    put_frame(c, MSG_LIST_KEYS_REQ, slice_make(body, (size_t)(p - body)));
}

static void put_text(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put_text(struct buf *out, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ASSERT(buf_append(out, text, (size_t)n) == 0);
}

/* Some keys, from c->key on; what is not there comes as its key data. */
static void put_job(struct client *c, uint32_t timeout_ms)
{
    unsigned keys = c->world->options.keys, most = keys < SIM_MAPPED_MAX ? keys : SIM_MAPPED_MAX;
    uint8_t body[2048];
    struct buf job;
    buf_init(&job, 4096);
    c->ops = 1 + rng_below(&c->chance, most);
    c->mapped_count = 0;
    put_text(&job, "{\"inputs\":[");
    for (unsigned i = 0; i < c->ops; i++)
        put_text(&job, "%s[\"" SIM_BUCKET "\",\"" SIM_KEY "\",\"" SIM_ABSENT "\"]", i ? "," : "", (c->key + i) % keys);
    put_text(&job,
             "],\"timeout\":%u,\"query\":[{\"map\":{\"language\":\"erlang\",\"module\":\"riak_kv_mapreduce\","
             "\"function\":\"map_object_value\",\"arg\":\"include_keydata\"}}]}",
             timeout_ms);
    ASSERT(buf_len(&job) < sizeof body - 64);
    uint8_t *p = pb_put_bytes(body, 1, buf_slice(&job));
    p = pb_put_bytes(p, 2, slice_str("application/json"));
    put_frame(c, MSG_MAPRED_REQ, slice_make(body, (size_t)(p - body)));
    buf_fini(&job);
}

static void put_security_change(struct client *c)
{
    struct security_change change = {.act = c->kind == ASK_GRANT ? SECURITY_GRANT : SECURITY_REVOKE,
                                     .role = ROLE_USER,
                                     .name = "sim",
                                     .permissions = PERMISSION_BIT(MAY_INDEX)};
    ASSERT(security_msg_put_change_req(client_out(c), &change) == 0);
}

static void put_props(struct client *c, struct names names)
{
    struct bucket_req req = {.bucket = slice_str(names.bucket),
                             .props = {.set = PROP_BIT(PROP_ALLOW_MULT), .allow_mult = true}};
    size_t mark;
    ASSERT(frame_begin(client_out(c), MSG_SET_BUCKET_REQ, &mark) == 0);
    ASSERT(bucket_set_req_encode(client_out(c), &req) == 0);
    frame_end(client_out(c), mark);
}

static void put_count(struct client *c, struct names names)
{
    struct datatype_counter_req req = {.bucket = slice_str(names.bucket),
                                       .key = slice_str(names.key),
                                       .amount = 1,
                                       .return_value = chance_of(&c->chance, 70)};
    ASSERT((c->kind == ASK_ADD ? datatype_counter_update_req_encode(client_out(c), &req)
                               : datatype_counter_get_req_encode(client_out(c), &req)) == 0);
}

static void put_delete(struct client *c, struct names names, uint32_t timeout_ms)
{
    struct kv_del_req req = {.bucket = slice_str(names.bucket),
                             .key = slice_str(names.key),
                             .has_key = true,
                             .rw = QUORUM_DEFAULT,
                             .r = QUORUM_DEFAULT,
                             .w = QUORUM_DEFAULT,
                             .pr = QUORUM_DEFAULT,
                             .pw = QUORUM_DEFAULT,
                             .dw = QUORUM_DEFAULT,
                             .timeout_ms = timeout_ms};
    ASSERT(kv_del_req_encode(client_out(c), &req) == 0);
}

static void put_get(struct client *c, struct names names, uint32_t timeout_ms)
{
    struct kv_get_req req = {.bucket = slice_str(names.bucket),
                             .key = slice_str(names.key),
                             .r = c->kind == ASK_GET_ANY ? 1 : QUORUM_DEFAULT,
                             .pr = QUORUM_DEFAULT,
                             .timeout_ms = timeout_ms,
                             .notfound_ok = true};
    ASSERT(kv_get_req_encode(client_out(c), &req) == 0);
}

static void put_request(struct client *c, uint32_t timeout_ms)
{
    struct names names = client_names(c->key);
    switch (c->kind) {
    case ASK_PUT:
    case ASK_CREATE:
    case ASK_CAS:
        put_value(c, timeout_ms);
        break;
    case ASK_DELETE:
        put_delete(c, names, timeout_ms);
        break;
    case ASK_QUERY:
        put_query(c, names.bucket);
        break;
    case ASK_MAP:
        put_job(c, timeout_ms);
        break;
    case ASK_KEYS:
        put_list(c, timeout_ms);
        break;
    case ASK_ADD:
    case ASK_COUNT:
        put_count(c, names);
        break;
    case ASK_PROPS:
        put_props(c, names);
        break;
    case ASK_GRANT:
    case ASK_REVOKE:
        put_security_change(c);
        break;
    case ASK_MEMBERS:
        sets_put_fetch(client_out(c), c->set, timeout_ms);
        break;
    case ASK_CHANGE:
        sets_put_update(client_out(c), c->set, c->adds, c->removes, &c->set_seen[c->set], timeout_ms);
        break;
    case ASK_TYPE:
        sets_put_type(client_out(c), c->set);
        break;
    default: /* ASK_GET, ASK_GET_ANY */
        put_get(c, names, timeout_ms);
    }
}

/* Some elements are added, or some removed that it has seen: those that it looked for last. */
static void pick_of_set(struct client *c)
{
    unsigned untyped = c->operates ? c->untyped : 0;
    c->set = (unsigned)rng_below(&c->chance, SIM_SETS);
    if (untyped) {
        c->set = untyped - 1;
        c->kind = ASK_TYPE;
        c->untyped = 0;
        return;
    }
    const struct set_seen *seen = &c->set_seen[c->set];
    unsigned some = 1 + (unsigned)rng_below(&c->chance, (1u << SIM_ELEMENTS) - 1);
    unsigned known = sets_only_grows(c->set) ? 0 : some & (unsigned)seen->in;
    bool removes = seen->has_context && known && chance_of(&c->chance, 50);
    c->adds = removes ? 0 : some;
    c->removes = removes ? known : 0;
    c->kind = chance_of(&c->chance, 40) ? ASK_MEMBERS : ASK_CHANGE;
}

/* Of what is surveyed, the counters come behind the other keys, and a list of those behind them. */
static void pick(struct client *c)
{
    unsigned keys = c->world->options.keys;
    if (c->surveys && c->survey_key == keys + SIM_COUNTERS) {
        c->kind = ASK_KEYS;
        return;
    }
    bool counted = c->surveys ? c->survey_key >= keys : chance_of(&c->chance, COUNTED_PERCENT);
    if (counted)
        c->key = SIM_KEYS_MAX + (c->surveys ? c->survey_key - keys : (unsigned)rng_below(&c->chance, SIM_COUNTERS));
    else
        c->key = c->surveys ? c->survey_key : (unsigned)rng_below(&c->chance, keys);
    if (counted)
        c->kind = c->surveys || chance_of(&c->chance, 30) ? ASK_COUNT : c->needs_props ? ASK_PROPS : ASK_ADD;
    else
        c->kind = c->surveys ? ASK_GET : pick_kind(c);
    if (c->kind == ASK_PROPS)
        c->needs_props = false;
    if (!c->surveys && chance_of(&c->chance, SETS_PERCENT))
        pick_of_set(c);
    if (c->operates && !c->surveys && chance_of(&c->chance, OPERATE_PERCENT)) {
        c->key = SIM_PERMISSION;
        c->kind = chance_of(&c->chance, 50) ? ASK_GRANT : ASK_REVOKE;
    }
}

uint32_t client_pick_and_ask(struct client *c)
{
    uint32_t timeout_ms = c->surveys ? 20000 : pick_timeout_ms(c);
    pick(c);
    c->ttl_s = 0;
    memset(c->listed, 0, sizeof c->listed);
    if (!client_writes(c))
        c->value = c->kind == ASK_QUERY ? c->seen[c->key].value : 0;
    c->ttl_from_us = c->world->now_us;
    put_request(c, timeout_ms);
    return timeout_ms;
}
