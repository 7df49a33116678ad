/* Get, put and delete (riak-pb.md sections 5 to 7): the hot path. A request is decoded as views into its frame, checked
 * against the bucket's rules, given to the router, and answered straight into the output queue. */
#include "base/err.h"
#include "server/dispatch.h"
#include "server/content.h"
#include "wire/kv_msg.h"
#include "wire/vclock.h"

#include <stdio.h>

#define NAME_MAX_BYTES 65536               /* of a bucket or a key, as Riak's keys */
#define BLOB_MIN       ((size_t)16 * 1024) /* a smaller value is copied into the queue: cheaper than a piece of its own */

static void malformed(struct session *s, const char *message)
{
    s->server->metrics->frames_malformed++;
    session_error(s, "Error processing incoming message: %s could not be decoded", message);
}

/* --- what the three have in common --- */

struct names {
    struct slice bucket, key, type;
    bool has_type;
};

static bool check_length(struct session *s, const char *what, size_t len)
{
    if (len <= NAME_MAX_BYTES)
        return true;
    session_error(s, "%s cannot be longer than %d bytes, this one has %zu", what, NAME_MAX_BYTES, len);
    return false;
}

static bool check_lengths(struct session *s, const struct names *n)
{
    return check_length(s, "Bucket", n->bucket.len) && check_length(s, "Key", n->key.len);
}

static bool check_not_empty(struct session *s, const struct names *n, bool key_needed)
{
    const char *what = n->bucket.len == 0                ? "Bucket"
                       : key_needed && n->key.len == 0   ? "Key"
                       : n->has_type && n->type.len == 0 ? "Type"
                                                         : NULL;
    if (what)
        session_error(s, "%s cannot be zero-length", what);
    return !what;
}

/* Rules of the bucket and the key's hashes; NULL: there is no such type, which is answered. */
static const struct bucket_rules *resolve(struct session *s, struct names *n, struct store_key *k)
{
    const struct router *router = s->server->router;
    if (slice_is(n->type, "default"))
        n->type = slice_make(NULL, 0);
    const struct bucket_rules *rules = catalog_rules(router_catalog(router), n->type, n->bucket);
    if (!rules)
        session_error(s, "no_type");
    else
        store_key_init(k, router_hash_key(router), n->type, n->bucket, n->key);
    return rules;
}

/* One quorum value of a request against n (riak-pb.md section 5): what is asked for, or the property's. */
static bool quorum_fits(uint32_t asked, uint32_t property, uint32_t n)
{
    uint32_t value = asked == QUORUM_DEFAULT ? property : asked;
    return value <= n || value == QUORUM_ONE || value == QUORUM_QUORUM || value == QUORUM_ALL ||
           value == QUORUM_DEFAULT;
}

static bool check_n_val(struct session *s, bool given, uint32_t asked, uint32_t *n)
{
    if (!given)
        return true;
    if (asked == 0 || asked > *n) {
        session_error(s, "{n_val_violation,%u}", asked);
        return false;
    }
    *n = asked;
    return true;
}

struct quorum {
    uint32_t asked, property;
};

static bool check_quorums(struct session *s, const struct quorum *q, size_t count, uint32_t node_confirms, uint32_t n)
{
    bool fits = node_confirms <= n;
    for (size_t i = 0; fits && i < count; i++)
        fits = quorum_fits(q[i].asked, q[i].property, n);
    if (!fits)
        session_error(s, "{n_val_violation,%u}", n);
    return fits;
}

/* A client's vclock, as the store understands it. False: it is none of ours, which is answered. */
static bool read_context(struct session *s, struct slice vclock, struct store_context *out)
{
    bool foreign;
    *out = (struct store_context){.kind = CONTEXT_NONE};
    if (vclock.len == 0)
        return true;
    if (vclock_decode(vclock, router_cluster_id(s->server->router), &out->seen, &foreign)) {
        session_error(s, "Invalid vclock of %zu bytes: give back the bytes that an answer of this store held",
                      vclock.len);
        return false;
    }
    /* R-EPOCH: of another cluster or epoch: nothing of what is here was seen. */
    foreign = foreign || out->seen.epoch != router_epoch(s->server->router);
    out->kind = foreign ? CONTEXT_FOREIGN : CONTEXT_SEEN;
    return true;
}

/* --- answers --- */

/* Two rounds of a 64-bit finaliser: a token that changes with every write, the same on every replica. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

struct answer {
    struct session *session;
    uint8_t code;
    bool head;
    struct slice key; /* generated, or empty */
};

static void sibling_of(const struct object_sibling *from, bool head, struct kv_sibling *out)
{
    out->value = head ? slice_make(NULL, 0) : from->value;
    out->meta = from->meta;
    out->last_mod_ms = from->stamp_ms;
    out->deleted = from->tombstone;
}

static size_t siblings_size(const struct object *o, bool head)
{
    struct object_cursor cursor = {0};
    struct object_sibling from;
    struct kv_sibling sibling;
    size_t size = 0;
    while (object_next(o, &cursor, &from)) {
        sibling_of(&from, head, &sibling);
        size += kv_sibling_size(&sibling);
    }
    return size;
}

static int put_value(struct session *s, const struct object_sibling *from, struct slice value)
{
    if (from->value_blob && value.len >= BLOB_MIN)
        return outq_push_blob(&s->stream->out, from->value_blob, (size_t)(value.data - from->value_blob->data),
                              value.len);
    return buf_append_slice(session_out(s), value);
}

static int put_siblings(const struct answer *a, const struct object *o)
{
    struct object_cursor cursor = {0};
    struct object_sibling from;
    int err = 0;
    while (!err && object_next(o, &cursor, &from)) {
        struct kv_sibling sibling;
        uint64_t seed = from.seq ^ (uint64_t)from.stamp_ms << 20 ^ o->revision.epoch << 1;
        sibling_of(&from, a->head, &sibling);
        kv_vtag(mix(seed), mix(seed ^ 0x9e3779b97f4a7c15ULL), sibling.vtag);
        err = kv_sibling_put_head(session_out(a->session), &sibling);
        if (!err)
            err = put_value(a->session, &from, sibling.value);
    }
    return err;
}

static struct slice encode_vclock(const struct session *s, const struct object *o, uint8_t bytes[VCLOCK_SIZE])
{
    vclock_encode(o->revision, router_cluster_id(s->server->router), bytes);
    return slice_make(bytes, VCLOCK_SIZE);
}

/* Answers with all siblings of the object. */
static void answer_object(const struct answer *a, const struct object *o, size_t size)
{
    struct session *s = a->session;
    uint8_t bytes[VCLOCK_SIZE];
    struct slice vclock = encode_vclock(s, o, bytes);
    int err = kv_resp_begin(session_out(s), a->code, kv_resp_size(size, vclock, a->key));
    if (!err)
        err = put_siblings(a, o);
    if (!err)
        err = kv_resp_end(session_out(s), vclock, a->key);
    if (err)
        session_broken(s, err);
}

/* Answers with a vclock or a key alone, or with nothing. */
static void answer_bare(struct session *s, uint8_t code, struct slice vclock, struct slice key)
{
    int err = kv_resp_begin(session_out(s), code, kv_resp_size(0, vclock, key));
    if (!err)
        err = kv_resp_end(session_out(s), vclock, key);
    if (err)
        session_broken(s, err);
}

static void answer_unchanged(struct session *s)
{
    static const uint8_t unchanged[] = {3 << 3, 1};
    int err = kv_resp_begin(session_out(s), MSG_GET_RESP, sizeof unchanged);
    if (!err)
        err = buf_append(session_out(s), unchanged, sizeof unchanged);
    if (err)
        session_broken(s, err);
}

/* Riak's words for what the router or the store refused. */
static void answer_refusal(struct session *s, int err, const struct store_result *r)
{
    const struct store_memory *m = router_memory(s->server->router);
    if (err == E_EXISTS)
        session_error(s, "match_found");
    else if (err == E_NOT_FOUND)
        session_error(s, "notfound");
    else if (err == E_MODIFIED)
        session_error(s, "modified");
    else if (err == E_TOO_MANY)
        session_error(s, "{too_many_siblings,%llu}", (unsigned long long)r->excess);
    else if (err == E_TOO_LARGE)
        session_error(s, "{too_large,%llu}", (unsigned long long)r->excess);
    else if (err == E_FULL)
        session_error(s,
                      "overload: the store's memory is full (%zu of %zu bytes): delete keys, let them expire, or give "
                      "the nodes more memory",
                      m->used, m->limit);
    else
        session_error(s, "%s", err_text(err));
}

/* --- get --- */

struct get {
    struct session *session;
    const struct kv_get_req *req;
};

static bool is_unmodified(const struct session *s, const struct kv_get_req *req, const struct object *o)
{
    uint8_t bytes[VCLOCK_SIZE];
    return req->has_if_modified && slice_eq(req->if_modified, encode_vclock(s, o, bytes));
}

static void on_read(void *arg, int err, const struct store_result *r)
{
    const struct get *g = arg;
    struct session *s = g->session;
    struct slice none = {0};
    uint8_t bytes[VCLOCK_SIZE];
    struct store_context context;
    if (err == E_NOT_FOUND) {
        session_reply_empty(s, MSG_GET_RESP);
    } else if (err) {
        answer_refusal(s, err, r);
    } else if (!r->object.live) {
        answer_bare(s, MSG_GET_RESP, g->req->deletedvclock ? encode_vclock(s, &r->object, bytes) : none, none);
    } else if (g->req->has_if_modified && !read_context(s, g->req->if_modified, &context)) {
        return; /* answered; what is not there is not found, whatever the clock says (6.1) */
    } else if (is_unmodified(s, g->req, &r->object)) {
        answer_unchanged(s);
    } else {
        struct answer a = {s, MSG_GET_RESP, g->req->head, none};
        size_t size = siblings_size(&r->object, a.head);
        if (size <= BODY_SMALL || session_take_answer(s, size))
            answer_object(&a, &r->object, size);
    }
}

static bool is_any_replica(uint32_t r, uint32_t pr, const struct bucket_rules *rules)
{
    r = r == QUORUM_DEFAULT ? rules->r : r;
    pr = pr == QUORUM_DEFAULT ? rules->pr : pr;
    return (r <= 1 || r == QUORUM_ONE) && pr == 0;
}

void kv_get(struct session *s, struct slice body)
{
    struct kv_get_req req;
    struct store_key k;
    if (kv_get_req_decode(body, &req)) {
        malformed(s, "RpbGetReq");
        return;
    }
    struct names n = {req.bucket, req.key, req.type, req.has_type};
    if (!check_not_empty(s, &n, true) || !check_lengths(s, &n))
        return;
    const struct bucket_rules *rules = resolve(s, &n, &k);
    if (!rules)
        return;
    uint32_t n_val = rules->n_val;
    const struct quorum quorums[] = {{req.r, rules->r}, {req.pr, rules->pr}};
    if (!check_n_val(s, req.has_n_val, req.n_val, &n_val) ||
        !check_quorums(s, quorums, sizeof quorums / sizeof quorums[0], req.node_confirms, n_val))
        return;
    struct get g = {s, &req};
    router_read(s->server->router, &k, is_any_replica(req.r, req.pr, rules), on_read, &g);
}

/* A write-once type keeps one value: no reader of it asks for siblings. */
static bool may_have_siblings(const struct bucket_rules *rules)
{
    return rules->allow_mult && !rules->last_write_wins && !rules->write_once;
}

/* --- put --- */

#define GENERATED_KEY_SIZE 27 /* 160 bits in base 62, as Riak's */

struct put {
    struct session *session;
    struct kv_put_req req;
    bool silent; /* write_once: nothing is returned */
    char generated[GENERATED_KEY_SIZE + 1];
};

static void generate_key(const struct session *s, char out[GENERATED_KEY_SIZE + 1])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint64_t words[3];
    clock_random(s->server->clock, words, sizeof words);
    for (int i = 0; i < GENERATED_KEY_SIZE; i++) {
        out[i] = digits[words[i / 10] % 62];
        words[i / 10] /= 62;
    }
    out[GENERATED_KEY_SIZE] = '\0';
}

static void on_written(void *arg, int err, const struct store_result *r)
{
    const struct put *p = arg;
    struct session *s = p->session;
    struct slice key = p->generated[0] ? slice_str(p->generated) : slice_make(NULL, 0), none = {0};
    bool returns = (p->req.return_body || p->req.return_head) && !p->silent;
    if (err) {
        answer_refusal(s, err, r);
    } else if (!returns || !r->exists) {
        answer_bare(s, MSG_PUT_RESP, none, key);
    } else {
        struct answer a = {s, MSG_PUT_RESP, p->req.return_head, key};
        size_t size = siblings_size(&r->object, a.head);
        if (size > BODY_SMALL)
            session_force_answer(s, size);
        answer_object(&a, &r->object, size);
    }
}

static enum store_condition condition_of(const struct kv_put_req *req)
{
    return req->if_not_modified ? STORE_IF_UNMODIFIED : req->if_none_match ? STORE_IF_ABSENT : STORE_ALWAYS;
}

static bool check_put_names(struct session *s, struct put *p, struct names *n)
{
    if (!p->req.has_content) {
        malformed(s, "RpbPutReq without content");
        return false;
    }
    if (!p->req.has_key && n->bucket.len) {
        generate_key(s, p->generated);
        n->key = slice_str(p->generated);
    }
    return check_not_empty(s, n, true) && check_lengths(s, n);
}

static bool check_put_quorums(struct session *s, const struct kv_put_req *req, const struct bucket_rules *rules)
{
    uint32_t n_val = rules->n_val;
    const struct quorum quorums[] = {{req->w, rules->w}, {req->dw, rules->dw}, {req->pw, rules->pw}};
    return check_n_val(s, req->has_n_val, req->n_val, &n_val) &&
           check_quorums(s, quorums, sizeof quorums / sizeof quorums[0], req->node_confirms, n_val);
}

/* The contents as views; a value of a large body is given as a part of it, so that the store keeps it without a copy.
 */
static struct content_bytes value_bytes(const struct session *s, struct slice value)
{
    return (struct content_bytes){value, session_body(s)};
}

void kv_put(struct session *s, struct slice body)
{
    struct put p = {.session = s};
    struct store_command c = {.op = STORE_PUT};
    if (kv_put_req_decode(body, &p.req)) {
        malformed(s, "RpbPutReq");
        return;
    }
    struct names n = {p.req.bucket, p.req.key, p.req.type, p.req.has_type};
    if (!check_put_names(s, &p, &n))
        return;
    const struct bucket_rules *rules = resolve(s, &n, &c.key);
    if (!rules || !check_put_quorums(s, &p.req, rules) || !read_context(s, p.req.vclock, &c.context))
        return;
    uint64_t ttl_s = rules->ttl_s;
    if (!content_prepare(s, &p.req.content, &ttl_s))
        return;
    p.silent = rules->write_once;
    c.rules = (struct store_rules){.allow_mult = may_have_siblings(rules),
                                   .siblings_max = s->server->config.siblings_max,
                                   .size_max = s->server->config.object_size_max,
                                   .ttl_ms = ttl_s * 1000,
                                   .reap_ms = s->server->config.reap_ms};
    c.condition = condition_of(&p.req);
    c.value = value_bytes(s, p.req.content.value);
    c.meta.bytes = buf_slice(&s->server->meta);
    c.tombstone = p.req.content.deleted;
    router_write(s->server->router, &c, on_written, &p);
}

/* --- delete --- */

static void on_deleted(void *arg, int err, const struct store_result *r)
{
    struct session *s = arg;
    if (err)
        answer_refusal(s, err, r);
    else
        session_reply_empty(s, MSG_DEL_RESP);
}

void kv_del(struct session *s, struct slice body)
{
    struct kv_del_req req;
    struct store_command c = {.op = STORE_DELETE};
    if (kv_del_req_decode(body, &req)) {
        malformed(s, "RpbDelReq");
        return;
    }
    /* Riak does not ask for names that are not empty here: there is nothing to delete under such a name. */
    struct names n = {req.bucket, req.key, req.type, req.has_type};
    if (!check_lengths(s, &n))
        return;
    const struct bucket_rules *rules = resolve(s, &n, &c.key);
    if (!rules)
        return;
    uint32_t n_val = rules->n_val;
    const struct quorum quorums[] = {{req.rw, rules->rw}, {req.r, rules->r},   {req.w, rules->w},
                                     {req.pr, rules->pr}, {req.pw, rules->pw}, {req.dw, rules->dw}};
    if (!check_n_val(s, req.has_n_val, req.n_val, &n_val) ||
        !check_quorums(s, quorums, sizeof quorums / sizeof quorums[0], 0, n_val) ||
        !read_context(s, req.vclock, &c.context))
        return;
    c.rules = (struct store_rules){.allow_mult = may_have_siblings(rules),
                                   .siblings_max = s->server->config.siblings_max,
                                   .size_max = s->server->config.object_size_max,
                                   .reap_ms = s->server->config.reap_ms};
    router_write(s->server->router, &c, on_deleted, s);
}
