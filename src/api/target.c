/* SPDX-License-Identifier: Apache-2.0 */
#include "api/target.h"

#include "api/authorize.h"

/* --- names --- */

bool key_names_check_given(const struct key_names *n, struct outcome *out)
{
    struct outcome empty = {.code = OUTCOME_NAME_EMPTY};
    if (n->bucket.len == 0)
        empty.part = PART_BUCKET;
    else if (n->key.len == 0)
        empty.part = PART_KEY;
    else if (n->has_type && n->type.len == 0)
        empty.part = PART_TYPE;
    else
        return true;
    return outcome_refuse(out, empty);
}

static bool check_length(enum name_part part, size_t len, struct outcome *out)
{
    return len <= KEY_NAME_MAX ||
           outcome_refuse(out, (struct outcome){
                                   .code = OUTCOME_NAME_TOO_LONG, .part = part, .number = len, .limit = KEY_NAME_MAX});
}

bool key_names_check_lengths(const struct key_names *n, struct outcome *out)
{
    return check_length(PART_BUCKET, n->bucket.len, out) && check_length(PART_KEY, n->key.len, out);
}

void key_generate(const struct clock *clock, char out[GENERATED_KEY_SIZE + 1])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint64_t words[3];
    clock_random(clock, words, sizeof words);
    for (int i = 0; i < GENERATED_KEY_SIZE; i++) {
        out[i] = digits[words[i / 10] % 62];
        words[i / 10] /= 62;
    }
    out[GENERATED_KEY_SIZE] = '\0';
}

bool target_resolve(const struct api *a, const struct principal *who, enum permission what, const struct key_names *n,
                    struct target *t, struct outcome *out)
{
    if (!authorize_in(a, who, what, n->type, n->bucket, out))
        return false;
    struct slice type = bucket_type_of(n->type);
    t->rules = catalog_rules(router_catalog(a->router), type, n->bucket);
    if (!t->rules)
        return outcome_refuse(out, (struct outcome){.code = OUTCOME_NO_TYPE, .name = n->type});
    const struct hash_key *hash_key = router_hash_key(a->router);
    store_key_init(&t->key, hash_key, type, n->bucket, n->key);
    t->tag = store_key_tag(hash_key, &t->key);
    return true;
}

bool bucket_type_check(const struct api *a, struct slice type, struct outcome *out)
{
    return catalog_has_type(router_catalog(a->router), bucket_type_of(type)) ||
           outcome_refuse(out, (struct outcome){.code = OUTCOME_NO_TYPE, .name = type});
}

bool bucket_check_scan(const struct api *a, const struct principal *who, enum permission what, struct slice type,
                       struct slice bucket, struct outcome *out)
{
    return authorize_in(a, who, what, type, bucket, out) && bucket_type_check(a, type, out);
}

/* --- quorums --- */

/* One value of a request, or else the property's, against n (docs/riak-protocol.md section 5). */
static bool fits(uint32_t asked, uint32_t property, uint32_t n)
{
    uint32_t value = asked == QUORUM_DEFAULT ? property : asked;
    return value <= n || value == QUORUM_ONE || value == QUORUM_QUORUM || value == QUORUM_ALL ||
           value == QUORUM_DEFAULT;
}

bool target_check_quorums(const struct target *t, enum quorum_use use, const struct quorums *q, struct outcome *out)
{
    const struct bucket_rules *rules = t->rules;
    uint32_t n = q->has_n_val ? q->n_val : rules->n_val;
    if (q->has_n_val && (n == 0 || n > rules->n_val))
        return outcome_refuse(out, (struct outcome){.code = OUTCOME_BAD_N_VAL, .number = n});
    bool good = q->node_confirms <= n;
    if (use != QUORUMS_WRITE)
        good = good && fits(q->r, rules->r, n) && fits(q->pr, rules->pr, n);
    if (use != QUORUMS_READ)
        good = good && fits(q->w, rules->w, n) && fits(q->dw, rules->dw, n) && fits(q->pw, rules->pw, n);
    if (use == QUORUMS_DELETE)
        good = good && fits(q->rw, rules->rw, n);
    return good || outcome_refuse(out, (struct outcome){.code = OUTCOME_BAD_QUORUM, .limit = n});
}

bool target_is_any_replica(const struct target *t, const struct quorums *q)
{
    if (t->rules->consistent) /* all its reads are, whatever they ask for */
        return false;
    uint32_t r = q->r == QUORUM_DEFAULT ? t->rules->r : q->r;
    uint32_t pr = q->pr == QUORUM_DEFAULT ? t->rules->pr : q->pr;
    return (r <= 1 || r == QUORUM_ONE) && pr == 0;
}

/* --- vclocks --- */

bool vclock_read(const struct api *a, uint64_t tag, struct slice vclock, struct store_context *context,
                 struct outcome *out)
{
    bool foreign;
    *context = (struct store_context){.kind = CONTEXT_NONE};
    if (vclock.len == 0)
        return true;
    if (vclock_decode(vclock, router_cluster_id(a->router), tag, &context->seen, &foreign))
        return outcome_refuse(out, (struct outcome){.code = OUTCOME_BAD_VCLOCK, .number = vclock.len});
    /* R-EPOCH: who read another cluster, or another key, has seen nothing of this one. The same holds for another epoch
     * of this cluster, which the store compares. */
    context->kind = foreign ? CONTEXT_FOREIGN : CONTEXT_SEEN;
    return true;
}

struct slice vclock_of(const struct api *a, uint64_t tag, struct revision revision, uint8_t bytes[VCLOCK_SIZE])
{
    vclock_encode(revision, router_cluster_id(a->router), tag, bytes);
    return slice_make(bytes, VCLOCK_SIZE);
}

/* --- writes --- */

/* A write-once or consistent bucket keeps one value: no reader of it expects siblings. */
static bool may_have_siblings(const struct bucket_rules *rules)
{
    return rules->allow_mult && !rules->last_write_wins && !rules->write_once && !rules->consistent;
}

struct store_rules target_rules(const struct api *a, const struct target *t)
{
    return (struct store_rules){.allow_mult = may_have_siblings(t->rules),
                                .siblings_max = a->siblings_max,
                                .size_max = a->object_size_max,
                                .ttl_ms = (uint64_t)t->rules->ttl_s * 1000,
                                .ttl_from_create = t->rules->ttl_from_create,
                                .reap_ms = a->reap_ms};
}

void target_require_context(const struct target *t, struct store_command *c)
{
    if (!t->rules->consistent)
        return;
    if (c->context.kind != CONTEXT_NONE)
        c->condition = STORE_IF_UNMODIFIED;
    else if (c->op != STORE_DELETE)
        c->condition = STORE_IF_ABSENT;
}
