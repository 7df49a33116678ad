#include "sim/client.h"

#include "sim/world.h"

#include "base/assert.h"
#include "base/err.h"
#include "wire/admin_msg.h"
#include "wire/bucket_msg.h"
#include "wire/datatype_msg.h"
#include "wire/kv_msg.h"
#include "wire/pb.h"
#include "wire/security_msg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_US      6000000
#define AGAIN_US        300000 /* until it tries another node, at most */
#define THINK_US        120000 /* at most, between two requests */
#define COUNTED_PERCENT 8      /* of the requests are for a counter */
#define SETS_PERCENT    8      /* are for a set */
#define OPERATORS       4      /* every so many clients one is */
#define OPERATE_PERCENT 3      /* of an operator's requests change what the others may do */
#define VALUE_MAX       200
#define LARGE_MAX       ((size_t)300 * 1024)
#define TTL_MAX_S       6
#define TTL_KEY         "X-Ephemeral-TTL"
#define VALUE_PREFIX    "v"

#define COUNTERS_NEED "\"Counters require"
#define NO_TYPE       "Error no bucket type"
#define NOT_THERE     "{precondition"
#define DENIED        "Permission denied"
#define REVOKED       "Security change refused: what is to be taken away"
#define REFUSED       "Security change refused"
#define INDEX         "v_int" /* values have their numbers as terms */

/* A connection, which lives until its stream is closed; its client may have turned to another before. */
struct line {
    struct stream_user user; /* first */
    struct client *client;   /* NULL: has left it */
    struct stream *stream;
};

static void connect_soon(struct client *c);
static void ask_soon(struct client *c);

/* --- what it writes down --- */

static struct history_op *present(struct client *c)
{
    return history_at(&c->world->history, c->op);
}

static const enum history_kind kind_of[ASK_KINDS] = {
    [ASK_PUT] = HISTORY_PUT,       [ASK_CREATE] = HISTORY_CREATE, [ASK_CAS] = HISTORY_CAS,
    [ASK_DELETE] = HISTORY_DELETE, [ASK_GET] = HISTORY_GET,       [ASK_GET_ANY] = HISTORY_GET1,
    [ASK_QUERY] = HISTORY_GET,     [ASK_ADD] = HISTORY_ADD,       [ASK_COUNT] = HISTORY_COUNT,
    [ASK_GRANT] = HISTORY_GRANT,   [ASK_REVOKE] = HISTORY_REVOKE,
};

static bool writes_value(enum request_kind k)
{
    return k == ASK_PUT || k == ASK_CREATE || k == ASK_CAS;
}

struct names client_names(unsigned key)
{
    struct names n = {"", SIM_BUCKET, ""};
    if (key < SIM_KEYS_MAX) {
        snprintf(n.key, sizeof n.key, "key-%u", key);
    } else if (key < SIM_PERMISSION) {
        n.bucket = SIM_COUNTED;
        snprintf(n.key, sizeof n.key, "counter-%u", key - SIM_KEYS_MAX);
    } else {
        unsigned set = (key - SIM_ELEMENT(0, 0)) / SIM_ELEMENTS;
        n.type = sets_type(set);
        n.bucket = SIM_SET_NAMES;
        snprintf(n.key, sizeof n.key, "set-%u", set);
    }
    return n;
}

/* Changes of the catalog and of properties, which are not judged by themselves. */
static bool is_noted(enum request_kind k)
{
    return k != ASK_PROPS && k != ASK_TYPE;
}

static bool is_of_set(enum request_kind k)
{
    return k == ASK_MEMBERS || k == ASK_CHANGE;
}

/* One operation for each element that is looked for, added or removed. */
static void note_asked_of_set(struct client *c)
{
    uint32_t number = c->kind == ASK_MEMBERS ? ++c->world->witness.values : 0;
    c->value = number;
    c->ops = 0;
    for (unsigned i = 0; i < SIM_ELEMENTS; i++) {
        bool adds = c->adds & 1u << i, removes = c->removes & 1u << i;
        struct history_op op = {.client = c->number + 1,
                                .begin = c->world->now_us,
                                .end = HISTORY_NEVER,
                                .kind = c->kind == ASK_MEMBERS ? HISTORY_MEMBER
                                        : adds                 ? HISTORY_INCLUDE
                                                               : HISTORY_EXCLUDE,
                                .key = SIM_ELEMENT(c->set, i) + 1,
                                .value = number,
                                .expected = removes ? c->set_seen[c->set].answer : 0,
                                .outcome = HISTORY_UNKNOWN};
        if (c->kind == ASK_CHANGE && !adds && !removes)
            continue;
        size_t place = history_add(&c->world->history, &op);
        c->op = c->ops++ ? c->op : place;
    }
}

static void note_asked(struct client *c)
{
    c->asked = true;
    if (!is_noted(c->kind))
        return;
    if (is_of_set(c->kind)) {
        note_asked_of_set(c);
        return;
    }
    c->ops = 1;
    struct history_op op = {.client = c->number + 1,
                            .begin = c->world->now_us,
                            .end = HISTORY_NEVER,
                            .kind = kind_of[c->kind],
                            .key = c->key + 1,
                            .value = writes_value(c->kind) ? c->value : 0,
                            .expected = c->kind == ASK_CAS ? c->seen[c->key].value : 0,
                            .outcome = HISTORY_UNKNOWN};
    c->op = history_add(&c->world->history, &op);
    op.kind = HISTORY_MAY;
    op.key = SIM_PERMISSION + 1;
    if (c->kind == ASK_QUERY && !c->operates)
        c->may = history_add(&c->world->history, &op);
}

/* Whether it was served; no other answer tells anything of that. */
static void note_permission(struct client *c, enum history_outcome outcome)
{
    if (c->kind != ASK_QUERY || c->operates)
        return;
    struct history_op *op = history_at(&c->world->history, c->may);
    op->outcome = outcome;
    op->end = c->world->now_us;
}

/* A key that expires is not there for ever, and not for a shorter time than was said, as far as clocks agree. */
static void note_expiry(struct client *c, bool known)
{
    const struct world *w = c->world;
    uint64_t ttl_us = c->ttl_s * SECOND_US;
    uint64_t early_us = faults_clock_error_us(w), late_us = faults_outage_us(w);
    struct history_op op = {.client = 0,
                            .begin = c->ttl_from_us + (ttl_us > early_us ? ttl_us - early_us : 0),
                            .end = known ? w->now_us + ttl_us + late_us : HISTORY_NEVER,
                            .kind = HISTORY_EXPIRE,
                            .key = c->key + 1,
                            .value = c->value,
                            .outcome = known ? HISTORY_OK : HISTORY_UNKNOWN};
    history_add(&c->world->history, &op);
}

static void note_answer(struct client *c, enum history_outcome outcome, struct slice vclock)
{
    struct history_op *op = present(c);
    c->asked = false;
    if (!is_noted(c->kind))
        return;
    for (size_t i = 0; i < c->ops; i++) {
        op[i].outcome = outcome;
        op[i].end = outcome == HISTORY_UNKNOWN ? HISTORY_NEVER : c->world->now_us;
    }
    if (vclock.len == VCLOCK_SIZE) {
        memcpy(op->revision, vclock.data, VCLOCK_SIZE);
        op->revision_len = VCLOCK_SIZE;
    }
    if (c->ttl_s && outcome != HISTORY_FAILED && outcome != HISTORY_EXISTS && outcome != HISTORY_MODIFIED &&
        outcome != HISTORY_ABSENT)
        note_expiry(c, outcome == HISTORY_OK);
    c->answered += outcome != HISTORY_UNKNOWN;
    c->world->witness.answered += outcome != HISTORY_UNKNOWN && outcome != HISTORY_FAILED;
}

/* --- its connection --- */

/* Leaves its connection. What was asked over it may have had its effect, or may have it later. */
static void leave_line(struct client *c)
{
    struct line *l = c->line;
    c->line = NULL;
    c->state = CLIENT_OUT;
    timer_stop(&c->world->timers, &c->patience);
    buf_consume(&c->in, buf_len(&c->in));
    if (c->asked)
        note_answer(c, HISTORY_UNKNOWN, slice_make(NULL, 0));
    if (!l)
        return;
    l->client = NULL;
    if (l->stream)
        l->stream->ops->close(l->stream);
}

static void try_another(struct client *c)
{
    leave_line(c);
    connect_soon(c);
}

static struct buf *out_of(struct client *c)
{
    return outq_tail(&c->line->stream->out);
}

static void send_out(struct client *c)
{
    c->line->stream->ops->flush(c->line->stream);
}

/* --- answers --- */

static uint32_t value_of(struct slice bytes)
{
    char text[16] = "";
    size_t n = bytes.len < sizeof text - 1 ? bytes.len : sizeof text - 1;
    memcpy(text, bytes.data, n);
    return text[0] == VALUE_PREFIX[0] ? (uint32_t)strtoul(text + 1, NULL, 10) : 0;
}

static bool begins(struct slice text, const char *with)
{
    return text.len >= strlen(with) && memcmp(text.data, with, strlen(with)) == 0;
}

static bool has_no_effect(struct slice text)
{
    return begins(text, COUNTERS_NEED) || begins(text, NO_TYPE) || begins(text, NOT_THERE) || begins(text, REFUSED) ||
           begins(text, DENIED) || begins(text, "overload") || begins(text, "unavailable") ||
           (text.len && memmem(text.data, text.len, "had no effect", strlen("had no effect")));
}

static enum history_outcome outcome_of_error(struct client *c, struct slice text)
{
    if (c->kind == ASK_CREATE && begins(text, "match_found"))
        return HISTORY_EXISTS;
    if (c->kind == ASK_CAS && begins(text, "modified"))
        /* R-EPOCH: a context of another epoch or generation fails, whatever the key holds: it tells nothing of that. */
        return witness_is_current(c->world, c->key, c->seen[c->key].vclock) ? HISTORY_MODIFIED : HISTORY_FAILED;
    if (c->kind == ASK_CAS && begins(text, "notfound"))
        return HISTORY_ABSENT;
    if (c->kind == ASK_REVOKE && begins(text, REVOKED)) /* it is not granted, be it for a first try of this one */
        return HISTORY_OK;
    return has_no_effect(text) ? HISTORY_FAILED : HISTORY_UNKNOWN;
}

static void take_error(struct client *c, struct slice body)
{
    struct slice text = {0};
    uint32_t code;
    if (admin_error_decode(body, &text, &code))
        world_fail(c->world, "%s: an error that cannot be decoded", c->name);
    trace_line(&c->world->trace, LOG_DEBUG, c->name, "is told: %.*s", (int)text.len, (const char *)text.data);
    enum history_outcome outcome = outcome_of_error(c, text);
    if (begins(text, DENIED))
        note_permission(c, HISTORY_ABSENT);
    if (begins(text, DENIED) && (c->kind != ASK_QUERY || c->operates))
        world_fail(c->world, "%s: denied what nobody has revoked", c->name);
    c->needs_props = begins(text, COUNTERS_NEED);
    c->untyped = begins(text, NO_TYPE) ? c->set + 1 : 0;
    if (!is_of_set(c->kind))
        c->seen[c->key].value = 0;
    note_answer(c, outcome, slice_make(NULL, 0));
    ask_soon(c);
}

static void take_value(struct client *c, const struct kv_resp *r)
{
    struct seen *seen = &c->seen[c->key];
    struct history_op *op = present(c);
    seen->value = r->count ? value_of(r->content[0].content.value) : 0;
    if (r->count && (!seen->value || r->count > 1))
        world_fail(c->world, "%s: key %u has %zu values, the first of %zu bytes, none of which were written", c->name,
                   c->key, r->count, r->content[0].content.value.len);
    if (seen->value && r->vclock.len != VCLOCK_SIZE)
        world_fail(c->world, "%s: a value comes without a vclock", c->name);
    else if (seen->value)
        memcpy(seen->vclock, r->vclock.data, VCLOCK_SIZE);
    op->value = seen->value;
    note_answer(c, seen->value ? HISTORY_OK : HISTORY_ABSENT, seen->value ? r->vclock : slice_make(NULL, 0));
}

static void take_written(struct client *c, const struct kv_resp *r)
{
    struct seen *seen = &c->seen[c->key];
    seen->value = 0;
    if (r->vclock.len == VCLOCK_SIZE) {
        seen->value = c->value;
        memcpy(seen->vclock, r->vclock.data, VCLOCK_SIZE);
    }
    note_answer(c, HISTORY_OK, r->vclock);
}

static void take_count(struct client *c, const struct frame *f)
{
    struct history_op *op = present(c);
    bool has_value;
    int64_t value;
    if (datatype_counter_resp_decode(f->body, &has_value, &value) || (has_value && (value < 1 || value > UINT32_MAX))) {
        world_fail(c->world, "%s: a count that nobody can have come to", c->name);
        return;
    }
    op->value = (uint32_t)value;
    note_answer(c, c->kind == ASK_COUNT && !has_value ? HISTORY_ABSENT : HISTORY_OK, slice_make(NULL, 0));
}

/* A key that is hit holds that value; one that is not hit tells no more than that it does not, which is not judged. */
static void take_hits(struct client *c, const struct frame *f)
{
    struct slice rest = f->body, name;
    char key[32];
    bool done, hit = false;
    int more;
    memcpy(key, client_names(c->key).key, sizeof key);
    while ((more = bucket_list_resp_next(&rest, &name, &done)) > 0) {
        if (hit || !slice_is(name, key))
            world_fail(c->world, "%s: a query for the value of '%s' hits '%.*s'", c->name, key, (int)name.len,
                       (const char *)name.data);
        hit = true;
    }
    if (more < 0)
        world_fail(c->world, "%s: the answer to a query cannot be decoded", c->name);
    present(c)->value = hit ? c->value : 0;
    note_permission(c, HISTORY_OK);
    note_answer(c, hit ? HISTORY_OK : HISTORY_FAILED, slice_make(NULL, 0));
}

static void take_members(struct client *c, struct slice body)
{
    struct set_seen *seen = &c->set_seen[c->set];
    if (!sets_read(body, seen))
        world_fail(c->world, "%s: a set with elements that nobody has added, or twice", c->name);
    seen->answer = c->value;
    note_answer(c, HISTORY_OK, slice_make(NULL, 0));
    struct history_op *op = present(c);
    for (unsigned i = 0; i < SIM_ELEMENTS; i++)
        op[i].outcome = seen->in[i] ? HISTORY_OK : HISTORY_ABSENT;
}

/* R-EPOCH: a context of another epoch or generation has seen nothing: whether it took anything away is not judged. */
static void take_changed(struct client *c)
{
    bool judged = !c->removes || witness_is_current(c->world, SIM_ELEMENT(c->set, 0), c->set_seen[c->set].context);
    note_answer(c, judged ? HISTORY_OK : HISTORY_UNKNOWN, slice_make(NULL, 0));
}

static bool counts(const struct client *c)
{
    return c->kind == ASK_ADD || c->kind == ASK_COUNT;
}

static bool operates(const struct client *c)
{
    return c->kind == ASK_GRANT || c->kind == ASK_REVOKE;
}

static uint8_t answer_code(const struct client *c)
{
    static const uint8_t codes[ASK_KINDS] = {[ASK_PUT] = MSG_PUT_RESP,
                                             [ASK_CREATE] = MSG_PUT_RESP,
                                             [ASK_CAS] = MSG_PUT_RESP,
                                             [ASK_DELETE] = MSG_DEL_RESP,
                                             [ASK_GET] = MSG_GET_RESP,
                                             [ASK_GET_ANY] = MSG_GET_RESP,
                                             [ASK_QUERY] = MSG_INDEX_RESP,
                                             [ASK_ADD] = MSG_COUNTER_UPDATE_RESP,
                                             [ASK_COUNT] = MSG_COUNTER_GET_RESP,
                                             [ASK_PROPS] = MSG_SET_BUCKET_RESP,
                                             [ASK_GRANT] = MSG_SECURITY_CHANGE_RESP,
                                             [ASK_REVOKE] = MSG_SECURITY_CHANGE_RESP,
                                             [ASK_MEMBERS] = MSG_DT_FETCH_RESP,
                                             [ASK_CHANGE] = MSG_DT_UPDATE_RESP,
                                             [ASK_TYPE] = MSG_CREATE_TYPE_RESP};
    return codes[c->kind];
}

static void take_answer(struct client *c, const struct frame *f)
{
    struct kv_resp r;
    bool reads = c->kind == ASK_GET || c->kind == ASK_GET_ANY;
    bool has_object = reads || writes_value(c->kind);
    timer_stop(&c->world->timers, &c->patience);
    if (f->code == MSG_ERROR_RESP) {
        take_error(c, f->body);
        return;
    }
    if (f->code != answer_code(c) || (has_object && kv_resp_decode(f->body, !reads, &r))) {
        world_fail(c->world, "%s: an answer with the code %u cannot be decoded", c->name, f->code);
        return;
    }
    if (reads)
        take_value(c, &r);
    else if (c->kind == ASK_QUERY)
        take_hits(c, f);
    else if (counts(c))
        take_count(c, f);
    else if (c->kind == ASK_MEMBERS)
        take_members(c, f->body);
    else if (c->kind == ASK_CHANGE)
        take_changed(c);
    else if (c->kind == ASK_DELETE || !is_noted(c->kind) || operates(c))
        note_answer(c, HISTORY_OK, slice_make(NULL, 0));
    else
        take_written(c, &r);
    ask_soon(c);
}

static void take_frame(struct client *c, const struct frame *f)
{
    struct slice none = slice_make(NULL, 0);
    if (c->state == CLIENT_IN) {
        if (c->asked)
            take_answer(c, f);
        else
            world_fail(c->world, "%s: an answer to nothing, with the code %u", c->name, f->code);
    } else if (f->code == MSG_START_TLS) {
        c->line->stream->ops->start_tls(c->line->stream, false);
        ASSERT(admin_auth_req_put(out_of(c), slice_str("sim"), none) == 0);
    } else if (f->code == MSG_AUTH_RESP) {
        c->state = CLIENT_IN;
        timer_stop(&c->world->timers, &c->patience);
        ask_soon(c);
    } else {
        try_another(c); /* it is not let in */
    }
}

static size_t on_input(struct stream_user *u, struct slice in)
{
    struct client *c = ((struct line *)(void *)u)->client;
    struct line *l = (struct line *)(void *)u;
    if (!c)
        return in.len;
    ASSERT(buf_append_slice(&c->in, in) == 0);
    while (l->client == c) {
        struct slice all = buf_slice(&c->in);
        struct frame f;
        size_t len = all.len;
        if (frame_take(&all, UINT32_MAX, &f) <= 0)
            break;
        take_frame(c, &f);
        if (l->client == c)
            buf_consume(&c->in, len - all.len);
    }
    return in.len;
}

static void on_secure(struct stream_user *u, const struct stream_peer *peer)
{
    (void)u;
    (void)peer;
}

static void on_drained(struct stream_user *u)
{
    (void)u;
}

static void on_closed(struct stream_user *u, const char *why)
{
    struct line *l = (struct line *)(void *)u;
    struct client *c = l->client;
    (void)why;
    free(l);
    if (!c)
        return;
    c->line = NULL;
    try_another(c);
}

static void on_patience(struct timer *t)
{
    try_another(LIST_ENTRY(t, struct client, patience));
}

static void dial(struct client *c)
{
    static const struct stream_user_ops ops = {on_input, on_secure, on_drained, on_closed};
    struct world *w = c->world;
    struct line *l = calloc(1, sizeof *l);
    size_t mark;
    ASSERT(l);
    *l = (struct line){.user = {&ops}, .client = c};
    c->line = l;
    c->state = CLIENT_COMING;
    if (!c->surveys)
        c->through = (unsigned)rng_below(&c->chance, w->nodes);
    ASSERT(network_dial(&w->network, NULL, w->node[c->through].address, PORT_PROTO, &l->user, &l->stream) == 0);
    if (c->operates)
        network_operate(l->stream);
    ASSERT(frame_begin(out_of(c), MSG_START_TLS, &mark) == 0);
    frame_end(out_of(c), mark);
    world_timer(w, &c->patience, CONNECT_US);
}

/* --- requests --- */

static enum request_kind pick_kind(struct client *c)
{
    static const struct {
        enum request_kind kind;
        unsigned percent;
    } mix[] = {{ASK_PUT, 22}, {ASK_CREATE, 16}, {ASK_CAS, 16}, {ASK_DELETE, 8},
               {ASK_GET, 26}, {ASK_GET_ANY, 9}, {ASK_QUERY, 3}};
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
    ASSERT(kv_put_req_encode(out_of(c), &req, buf_slice(&meta)) == 0);
    buf_fini(&meta);
}

/* For the value that it has last seen of the key. */
static void put_query(struct client *c, const char *bucket)
{
    char term[16];
    size_t mark;
    uint8_t *p;
    snprintf(term, sizeof term, "%u", c->value);
    ASSERT(frame_begin(out_of(c), MSG_INDEX_REQ, &mark) == 0);
    ASSERT(buf_reserve(out_of(c), 64, &p) == 0);
    uint8_t *end = pb_put_bytes(p, 1, slice_str(bucket));
    end = pb_put_bytes(end, 2, slice_str(INDEX));
    end = pb_put_uint(end, 3, 0);
    end = pb_put_bytes(end, 4, slice_str(term));
    buf_commit(out_of(c), (size_t)(end - p));
    frame_end(out_of(c), mark);
}

static void put_security_change(struct client *c)
{
    struct security_change change = {.act = c->kind == ASK_GRANT ? SECURITY_GRANT : SECURITY_REVOKE,
                                     .role = ROLE_USER,
                                     .name = "sim",
                                     .permissions = PERMISSION_BIT(MAY_INDEX)};
    ASSERT(security_msg_put_change_req(out_of(c), &change) == 0);
}

static void put_request(struct client *c, uint32_t timeout_ms)
{
    struct names names = client_names(c->key);
    const char *bucket = names.bucket, *key = names.key;
    if (writes_value(c->kind)) {
        put_value(c, timeout_ms);
    } else if (c->kind == ASK_PROPS) {
        struct bucket_req req = {.bucket = slice_str(bucket),
                                 .props = {.set = PROP_BIT(PROP_ALLOW_MULT), .allow_mult = true}};
        size_t mark;
        ASSERT(frame_begin(out_of(c), MSG_SET_BUCKET_REQ, &mark) == 0);
        ASSERT(bucket_set_req_encode(out_of(c), &req) == 0);
        frame_end(out_of(c), mark);
    } else if (operates(c)) {
        put_security_change(c);
    } else if (c->kind == ASK_TYPE) {
        sets_put_type(out_of(c), c->set);
    } else if (c->kind == ASK_MEMBERS) {
        sets_put_fetch(out_of(c), c->set, timeout_ms);
    } else if (c->kind == ASK_CHANGE) {
        sets_put_update(out_of(c), c->set, c->adds, c->removes, &c->set_seen[c->set], timeout_ms);
    } else if (c->kind == ASK_QUERY) {
        put_query(c, bucket);
    } else if (counts(c)) {
        struct datatype_counter_req req = {
            .bucket = slice_str(bucket), .key = slice_str(key), .amount = 1, .return_value = chance_of(&c->chance, 70)};
        ASSERT((c->kind == ASK_ADD ? datatype_counter_update_req_encode(out_of(c), &req)
                                   : datatype_counter_get_req_encode(out_of(c), &req)) == 0);
    } else if (c->kind == ASK_DELETE) {
        struct kv_del_req req = {.bucket = slice_str(bucket),
                                 .key = slice_str(key),
                                 .has_key = true,
                                 .rw = QUORUM_DEFAULT,
                                 .r = QUORUM_DEFAULT,
                                 .w = QUORUM_DEFAULT,
                                 .pr = QUORUM_DEFAULT,
                                 .pw = QUORUM_DEFAULT,
                                 .dw = QUORUM_DEFAULT,
                                 .timeout_ms = timeout_ms};
        ASSERT(kv_del_req_encode(out_of(c), &req) == 0);
    } else {
        struct kv_get_req req = {.bucket = slice_str(bucket),
                                 .key = slice_str(key),
                                 .r = c->kind == ASK_GET_ANY ? 1 : QUORUM_DEFAULT,
                                 .pr = QUORUM_DEFAULT,
                                 .timeout_ms = timeout_ms,
                                 .notfound_ok = true};
        ASSERT(kv_get_req_encode(out_of(c), &req) == 0);
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
    unsigned some = 1 + (unsigned)rng_below(&c->chance, (1u << SIM_ELEMENTS) - 1), there = 0;
    for (unsigned i = 0; i < SIM_ELEMENTS; i++)
        there |= seen->in[i] ? 1u << i : 0;
    bool removes = seen->has_context && (some & there) && chance_of(&c->chance, 50);
    c->adds = removes ? 0 : some;
    c->removes = removes ? some & there : 0;
    c->kind = chance_of(&c->chance, 40) ? ASK_MEMBERS : ASK_CHANGE;
}

/* Of what is surveyed, the counters come behind the other keys. */
static void pick(struct client *c)
{
    unsigned keys = c->world->options.keys;
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

static void ask(struct client *c)
{
    uint32_t timeout_ms = c->surveys ? 20000 : pick_timeout_ms(c);
    pick(c);
    c->ttl_s = 0;
    if (c->kind == ASK_QUERY)
        c->value = c->seen[c->key].value;
    c->ttl_from_us = c->world->now_us;
    put_request(c, timeout_ms);
    note_asked(c);
    world_timer(c->world, &c->patience, timeout_ms * (uint64_t)1000 + rng_below(&c->chance, 3 * SECOND_US));
    send_out(c);
}

static void on_next(struct timer *t)
{
    struct client *c = LIST_ENTRY(t, struct client, next);
    if (c->quiet && !c->surveys)
        return;
    if (c->state == CLIENT_OUT)
        dial(c);
    else if (c->state == CLIENT_IN && chance_of(&c->chance, 1) && !c->surveys)
        try_another(c); /* as clients do that live shortly */
    else if (c->state == CLIENT_IN)
        ask(c);
}

static void next_in(struct client *c, uint64_t us)
{
    timer_stop(&c->world->timers, &c->next);
    world_timer(c->world, &c->next, us);
}

static void connect_soon(struct client *c)
{
    next_in(c, rng_below(&c->chance, AGAIN_US));
}

static void ask_soon(struct client *c)
{
    unsigned keys = c->world->options.keys, at = c->key < SIM_KEYS_MAX ? c->key : keys + c->key - SIM_KEYS_MAX;
    if (c->surveys && (c->kind == ASK_GET || c->kind == ASK_COUNT) && c->survey_key == at &&
        present(c)->outcome <= HISTORY_ABSENT)
        c->survey_key++;
    if (c->surveys && c->survey_key == keys + SIM_COUNTERS)
        c->surveys = false;
    next_in(c, c->surveys ? 1000 : rng_below(&c->chance, THINK_US));
}

void client_begin(struct client *c)
{
    c->quiet = false;
    connect_soon(c);
}

void client_quiet(struct client *c)
{
    c->quiet = true;
}

void client_survey(struct client *c, unsigned through)
{
    c->surveys = true;
    c->survey_key = 0;
    c->through = through;
    leave_line(c);
    connect_soon(c);
}

void client_init(struct client *c, struct world *w, unsigned number)
{
    *c = (struct client){.world = w, .number = number, .operates = number % OPERATORS == 0};
    snprintf(c->name, sizeof c->name, "client %u", number);
    rng_seed(&c->chance, rng_next(&w->chance));
    buf_init(&c->in, SIZE_MAX / 2);
    timer_init(&c->next, on_next);
    timer_init(&c->patience, on_patience);
}

void client_fini(struct client *c)
{
    c->quiet = true;
    c->surveys = false;
    leave_line(c);
    timer_stop(&c->world->timers, &c->next);
    buf_fini(&c->in);
}
