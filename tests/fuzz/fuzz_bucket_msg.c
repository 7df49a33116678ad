/* SPDX-License-Identifier: Apache-2.0 */
/* Bucket messages: every input is given to every decoder. What decodes is written again and decodes to the same. */
#include "fuzz.h"
#include "base/err.h"
#include "wire/bucket_msg.h"

#define ARENA_MAX ((size_t)1024 * 1024)

/* Encoded with room to spare; the contents are given up with `out`. */
struct rig {
    struct arena arena;
    struct buf out;
};

static struct slice written(struct rig *r, int err)
{
    ASSERT(err == 0);
    return buf_slice(&r->out);
}

static void forget(struct rig *r)
{
    buf_consume(&r->out, buf_len(&r->out));
}

static void same_modfun(const struct mod_fun *a, const struct mod_fun *b)
{
    ASSERT(slice_eq(a->module, b->module) && slice_eq(a->function, b->function));
}

static void same_hooks(const struct commit_hooks *a, const struct commit_hooks *b)
{
    ASSERT(a->count == b->count && a->count <= PROPS_HOOKS_MAX);
    for (size_t i = 0; i < a->count; i++) {
        ASSERT(a->hook[i].has_modfun == b->hook[i].has_modfun && slice_eq(a->hook[i].name, b->hook[i].name));
        same_modfun(&a->hook[i].modfun, &b->hook[i].modfun);
    }
}

static void same_props(const struct bucket_props *a, const struct bucket_props *b)
{
    ASSERT(a->set == b->set && a->n_val == b->n_val && a->ttl_s == b->ttl_s && a->repl == b->repl);
    ASSERT(a->allow_mult == b->allow_mult && a->last_write_wins == b->last_write_wins);
    ASSERT(a->basic_quorum == b->basic_quorum && a->notfound_ok == b->notfound_ok && a->search == b->search);
    ASSERT(a->consistent == b->consistent && a->write_once == b->write_once);
    ASSERT(a->old_vclock == b->old_vclock && a->young_vclock == b->young_vclock);
    ASSERT(a->big_vclock == b->big_vclock && a->small_vclock == b->small_vclock);
    ASSERT(a->pr == b->pr && a->r == b->r && a->w == b->w && a->pw == b->pw && a->dw == b->dw && a->rw == b->rw);
    ASSERT(a->hll_precision == b->hll_precision && slice_eq(a->backend, b->backend));
    ASSERT(slice_eq(a->search_index, b->search_index) && slice_eq(a->datatype, b->datatype) &&
           slice_eq(a->ttl_from, b->ttl_from));
    ASSERT(a->dvv_enabled == b->dvv_enabled && a->node_confirms == b->node_confirms &&
           slice_eq(a->sync_on_write, b->sync_on_write));
    same_modfun(&a->chash_keyfun, &b->chash_keyfun);
    same_modfun(&a->linkfun, &b->linkfun);
    same_hooks(&a->precommit, &b->precommit);
    same_hooks(&a->postcommit, &b->postcommit);
}

static void same_names(const struct bucket_req *a, const struct bucket_req *b)
{
    ASSERT(slice_eq(a->bucket, b->bucket) && slice_eq(a->type, b->type) && a->has_type == b->has_type);
}

static void fuzz_get(struct rig *r, struct slice body)
{
    struct bucket_req req, again;
    if (bucket_get_req_decode(body, &r->arena, &req) == 0) {
        struct slice w = written(r, bucket_get_req_encode(&r->out, &req));
        ASSERT(bucket_get_req_decode(w, &r->arena, &again) == 0);
        same_names(&req, &again);
        ASSERT(bucket_reset_req_decode(w, &r->arena, &again) == 0); /* of the same form */
        same_names(&req, &again);
        forget(r);
    }
}

static void fuzz_set(struct rig *r, struct slice body)
{
    struct bucket_req req, again;
    if (bucket_set_req_decode(body, &r->arena, &req) == 0) {
        struct slice w = written(r, bucket_set_req_encode(&r->out, &req));
        ASSERT(bucket_set_req_decode(w, &r->arena, &again) == 0);
        same_names(&req, &again);
        same_props(&req.props, &again.props);
        forget(r);
    }
}

static void fuzz_props(struct rig *r, const struct bucket_props *props)
{
    struct bucket_props again;
    struct slice w = written(r, bucket_get_resp_encode(&r->out, props));
    ASSERT(bucket_get_resp_decode(w, &r->arena, &again) == 0);
    same_props(props, &again);
    forget(r);
}

static void fuzz_types(struct rig *r, struct slice body)
{
    struct bucket_req req;
    struct bucket_props props;
    (void)bucket_get_type_req_decode(body, &r->arena, &req);
    if (bucket_set_type_req_decode(body, &r->arena, &req) == 0)
        fuzz_props(r, &req.props);
    if (bucket_get_resp_decode(body, &r->arena, &props) == 0)
        fuzz_props(r, &props);
}

static void fuzz_list_reqs(struct rig *r, struct slice body)
{
    struct bucket_list_buckets_req buckets, buckets_again;
    struct bucket_list_keys_req keys, keys_again;
    if (bucket_list_buckets_req_decode(body, &r->arena, &buckets) == 0) {
        struct slice w = written(r, bucket_list_buckets_req_encode(&r->out, &buckets));
        ASSERT(bucket_list_buckets_req_decode(w, &r->arena, &buckets_again) == 0);
        ASSERT(slice_eq(buckets.type, buckets_again.type) && buckets.has_type == buckets_again.has_type);
        ASSERT(buckets.stream == buckets_again.stream && buckets.timeout_ms == buckets_again.timeout_ms);
        forget(r);
    }
    if (bucket_list_keys_req_decode(body, &r->arena, &keys) == 0) {
        struct slice w = written(r, bucket_list_keys_req_encode(&r->out, &keys));
        ASSERT(bucket_list_keys_req_decode(w, &r->arena, &keys_again) == 0);
        ASSERT(slice_eq(keys.bucket, keys_again.bucket) && slice_eq(keys.type, keys_again.type));
        ASSERT(keys.has_type == keys_again.has_type && keys.timeout_ms == keys_again.timeout_ms);
        forget(r);
    }
}

#define NAMES_MAX 256

static void fuzz_list_resp(struct rig *r, struct slice body)
{
    struct slice names[NAMES_MAX], rest = body, name;
    size_t count = 0;
    bool done = false, done_again = false;
    int more;
    while ((more = bucket_list_resp_next(&rest, &name, &done)) > 0) {
        ASSERT(fuzz_inside(name, body));
        if (count == NAMES_MAX)
            return;
        names[count++] = name;
    }
    if (more < 0)
        return;
    rest = written(r, bucket_list_resp_encode(&r->out, names, count, done));
    for (size_t i = 0; i < count; i++) {
        ASSERT(bucket_list_resp_next(&rest, &name, &done_again) == 1);
        ASSERT(slice_eq(name, names[i]));
    }
    ASSERT(bucket_list_resp_next(&rest, &name, &done_again) == 0 && done == done_again);
    forget(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig r;
    struct slice body = slice_make(data, size);
    arena_init(&r.arena, ARENA_MAX);
    buf_init(&r.out, SIZE_MAX / 2);
    fuzz_get(&r, body);
    arena_reset(&r.arena);
    fuzz_set(&r, body);
    arena_reset(&r.arena);
    fuzz_types(&r, body);
    arena_reset(&r.arena);
    fuzz_list_reqs(&r, body);
    fuzz_list_resp(&r, body);
    buf_fini(&r.out);
    arena_fini(&r.arena);
    return 0;
}
