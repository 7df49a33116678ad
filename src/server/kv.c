/* SPDX-License-Identifier: Apache-2.0 */
#include "server/kv.h"

#include "base/err.h"
#include "server/authorize.h"
#include "server/error_reply.h"

#include <stdlib.h>

#define NAME_MAX_BYTES 65536               /* of a bucket or a key, as Riak's keys */
#define BLOB_MIN       ((size_t)16 * 1024) /* a smaller value is copied into the queue: cheaper than a piece of its own */

void kv_malformed(struct session *s, const char *message)
{
    s->server->metrics->frames_malformed++;
    session_error(s, "Error processing incoming message: %s could not be decoded", message);
}

/* --- requests --- */

static bool check_length(struct session *s, const char *what, size_t len)
{
    if (len <= NAME_MAX_BYTES)
        return true;
    session_error(s, "%s cannot be longer than %d bytes, this one has %zu", what, NAME_MAX_BYTES, len);
    return false;
}

bool kv_check_lengths(struct session *s, const struct kv_names *n)
{
    return check_length(s, "Bucket", n->bucket.len) && check_length(s, "Key", n->key.len);
}

bool kv_check_not_empty(struct session *s, const struct kv_names *n, bool key_needed)
{
    const char *what = n->bucket.len == 0                ? "Bucket"
                       : key_needed && n->key.len == 0   ? "Key"
                       : n->has_type && n->type.len == 0 ? "Type"
                                                         : NULL;
    if (what)
        session_error(s, "%s cannot be zero-length", what);
    return !what;
}

const struct bucket_rules *kv_resolve(struct session *s, enum permission what, struct kv_names *n, struct store_key *k)
{
    const struct router *router = s->server->router;
    if (!authorize_in(s, what, n->type, n->bucket))
        return NULL;
    if (slice_is(n->type, "default"))
        n->type = slice_make(NULL, 0);
    const struct bucket_rules *rules = catalog_rules(router_catalog(router), n->type, n->bucket);
    if (!rules) {
        refusal_no_type(s, "no_type: there is no bucket type '", n->type, "'");
        return NULL;
    }
    store_key_init(k, router_hash_key(router), n->type, n->bucket, n->key);
    kv_note_key(s, k);
    return rules;
}

/* One quorum value of a request against n (riak-pb.md section 5): what is asked for, or the property's. */
static bool quorum_fits(uint32_t asked, uint32_t property, uint32_t n)
{
    uint32_t value = asked == QUORUM_DEFAULT ? property : asked;
    return value <= n || value == QUORUM_ONE || value == QUORUM_QUORUM || value == QUORUM_ALL ||
           value == QUORUM_DEFAULT;
}

bool kv_check_n_val(struct session *s, bool given, uint32_t asked, uint32_t *n)
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

bool kv_check_quorums(struct session *s, const struct kv_quorum *q, size_t count, uint32_t node_confirms, uint32_t n)
{
    bool fits = node_confirms <= n;
    for (size_t i = 0; fits && i < count; i++)
        fits = quorum_fits(q[i].asked, q[i].property, n);
    if (!fits)
        session_error(s, "{n_val_violation,%u}", n);
    return fits;
}

void kv_refuse_vclock(struct session *s, size_t len)
{
    session_error(s, "Invalid vclock of %zu bytes: give back the bytes that an answer of this store held", len);
}

void kv_note_key(struct session *s, const struct store_key *k)
{
    s->request.key_tag = store_key_tag(router_hash_key(s->server->router), k);
}

bool kv_read_context(struct session *s, struct slice vclock, struct store_context *out)
{
    bool foreign;
    *out = (struct store_context){.kind = CONTEXT_NONE};
    if (vclock.len == 0)
        return true;
    if (vclock_decode(vclock, router_cluster_id(s->server->router), s->request.key_tag, &out->seen, &foreign)) {
        kv_refuse_vclock(s, vclock.len);
        return false;
    }
    /* R-EPOCH: who read another cluster, or another key, has seen nothing of this one. The same holds for another epoch
     * of this cluster, which the store compares. */
    out->kind = foreign ? CONTEXT_FOREIGN : CONTEXT_SEEN;
    return true;
}

/* A write-once or consistent type keeps one value: no reader of it asks for siblings. */
static bool may_have_siblings(const struct bucket_rules *rules)
{
    return rules->allow_mult && !rules->last_write_wins && !rules->write_once && !rules->consistent;
}

void kv_require_context(const struct bucket_rules *rules, struct store_command *c)
{
    if (!rules->consistent)
        return;
    if (c->context.kind != CONTEXT_NONE)
        c->condition = STORE_IF_UNMODIFIED;
    else if (c->op != STORE_DELETE)
        c->condition = STORE_IF_ABSENT;
}

void kv_refuse_write(struct session *s, bool consistent, int err, const struct store_result *r)
{
    if (consistent && (err == E_EXISTS || err == E_NOT_FOUND || err == E_MODIFIED))
        session_error(s, "failed");
    else
        refusal_answer(s, err, r);
}

struct store_rules kv_rules(const struct session *s, const struct bucket_rules *rules)
{
    return (struct store_rules){.allow_mult = may_have_siblings(rules),
                                .siblings_max = s->server->config.siblings_max,
                                .size_max = s->server->config.object_size_max,
                                .ttl_ms = (uint64_t)rules->ttl_s * 1000,
                                .ttl_from_create = rules->ttl_from_create,
                                .reap_ms = s->server->config.reap_ms};
}

void kv_generate_key(const struct session *s, char out[GENERATED_KEY_SIZE + 1])
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

bool kv_is_any_replica(uint32_t r, uint32_t pr, const struct bucket_rules *rules)
{
    if (rules->consistent) /* all its reads are, whatever they ask for */
        return false;
    r = r == QUORUM_DEFAULT ? rules->r : r;
    pr = pr == QUORUM_DEFAULT ? rules->pr : pr;
    return (r <= 1 || r == QUORUM_ONE) && pr == 0;
}

/* --- answers --- */

/* Two rounds of a 64-bit finaliser: a token that changes with every write, the same on every replica. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static void sibling_of(const struct object_sibling *from, bool head, struct kv_sibling *out)
{
    out->value = head ? slice_make(NULL, 0) : from->value;
    out->meta = from->meta;
    out->last_mod_ms = from->stamp_ms;
    out->deleted = from->tombstone;
}

size_t kv_siblings_size(const struct object *o, bool head)
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

static int put_sibling(const struct kv_answer *a, uint64_t epoch, const struct object_sibling *from)
{
    struct kv_sibling sibling;
    uint64_t seed = from->seq ^ (uint64_t)from->stamp_ms << 20 ^ epoch << 1;
    sibling_of(from, a->head, &sibling);
    kv_vtag(mix(seed), mix(seed ^ 0x9e3779b97f4a7c15ULL), sibling.vtag);
    int err = kv_sibling_put_head(session_out(a->session), &sibling);
    return err ? err : put_value(a->session, from, sibling.value);
}

/* Values, then age. */
static int by_value(const void *a, const void *b)
{
    const struct object_sibling *x = a, *y = b;
    int c = slice_cmp(x->value, y->value);
    return c ? c : (x->seq > y->seq) - (x->seq < y->seq);
}

struct object_sibling *kv_siblings(const struct object *o, struct object_sibling *one, size_t *count)
{
    struct object_cursor cursor = {0};
    struct object_sibling *all = one;
    *count = record_sibling_count(&o->record);
    if (*count > 1 && !(all = calloc(*count, sizeof *all)))
        return NULL;
    for (size_t i = 0; i < *count; i++)
        object_next(o, &cursor, &all[i]);
    if (*count > 1)
        qsort(all, *count, sizeof *all, by_value);
    return all;
}

static int put_siblings(const struct kv_answer *a, const struct object *o)
{
    struct object_sibling one, *all;
    size_t count;
    int err = 0;
    if (!(all = kv_siblings(o, &one, &count)))
        return E_NOMEM;
    for (size_t i = 0; !err && i < count; i++)
        err = put_sibling(a, o->revision.epoch, &all[i]);
    if (all != &one)
        free(all);
    return err;
}

struct slice kv_encode_vclock(const struct session *s, struct revision revision, uint8_t bytes[VCLOCK_SIZE])
{
    vclock_encode(revision, router_cluster_id(s->server->router), s->request.key_tag, bytes);
    return slice_make(bytes, VCLOCK_SIZE);
}

void kv_answer_object(const struct kv_answer *a, const struct object *o, size_t size)
{
    struct session *s = a->session;
    uint8_t bytes[VCLOCK_SIZE];
    struct slice vclock = kv_encode_vclock(s, o->revision, bytes);
    int err = kv_resp_begin(session_out(s), a->code, kv_resp_size(size, vclock, a->key));
    if (!err)
        err = put_siblings(a, o);
    if (!err)
        err = kv_resp_end(session_out(s), vclock, a->key);
    if (err)
        session_broken(s, err);
}

void kv_answer_bare(struct session *s, uint8_t code, struct slice vclock, struct slice key)
{
    int err = kv_resp_begin(session_out(s), code, kv_resp_size(0, vclock, key));
    if (!err)
        err = kv_resp_end(session_out(s), vclock, key);
    if (err)
        session_broken(s, err);
}
