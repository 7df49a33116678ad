/* Listing buckets and keys (riak-pb.md section 8): a walk over all partitions in steps of a bounded number of names,
 * one slice of time per turn of the loop. Other requests of the connection wait until it is done; other connections do
 * not. */
#include "base/err.h"
#include "server/dispatch.h"
#include "wire/bucket_msg.h"

#include <stdlib.h>

#define LIST_SLICE_US  1000                /* of one turn, then others have theirs */
#define LIST_FRAME_MAX ((size_t)32 * 1024) /* bytes of names in one streamed answer */
#define LIST_NAMES_MAX 1024

struct listing {
    bool keys;     /* or buckets */
    bool streamed; /* names go out as they come, and a last frame says done */
    bool counted;  /* the single answer's bytes are charged to the budget as they grow */
    struct router_walk walk;
    struct buf names; /* type, then bucket: what is listed */
    size_t type_len;
    uint64_t end_ms;  /* time-out; 0: none */
    struct buf found; /* bytes of the names to be sent */
    struct slice *at; /* each of them, offsets while `found` grows */
    size_t count, cap;
};

static struct slice list_type(const struct listing *l)
{
    return slice_make(buf_slice(&l->names).data, l->type_len);
}

static struct slice list_bucket(const struct listing *l)
{
    return slice_skip(buf_slice(&l->names), l->type_len);
}

void list_stop(struct session *s)
{
    struct listing *l = s->listing;
    s->listing = NULL;
    if (!l)
        return;
    buf_fini(&l->names);
    buf_fini(&l->found);
    free(l->at);
    free(l);
}

static void finish(struct session *s)
{
    list_stop(s);
    session_finish(s);
}

/* A name found; without memory for it the listing fails as a whole, after this step. */
static void add_name(void *arg, struct slice name)
{
    struct listing *l = arg;
    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        struct slice *at = realloc(l->at, cap * sizeof *at);
        l->counted = l->counted && at;
        if (!at)
            return;
        l->at = at;
        l->cap = cap;
    }
    if (buf_append_slice(&l->found, name)) {
        l->counted = false;
        return;
    }
    /* The place is kept as an offset: the buffer moves while it grows. */
    l->at[l->count++] = slice_make((const uint8_t *)(uintptr_t)(buf_len(&l->found) - name.len), name.len);
}

static int send_names(struct session *s, struct listing *l, bool done)
{
    struct buf *out = session_out(s);
    size_t mark;
    for (size_t i = 0; i < l->count; i++)
        l->at[i].data = l->found.data + l->found.start + (uintptr_t)l->at[i].data;
    int err = frame_begin(out, l->keys ? MSG_LIST_KEYS_RESP : MSG_LIST_BUCKETS_RESP, &mark);
    if (!err)
        err = bucket_list_resp_encode(out, l->at, l->count, done);
    if (!err)
        frame_end(out, mark);
    l->count = 0;
    buf_consume(&l->found, buf_len(&l->found));
    return err;
}

static bool step(struct session *s, struct listing *l)
{
    struct router *r = s->server->router;
    return l->keys ? router_list_keys(r, &l->walk, list_type(l), list_bucket(l), add_name, l)
                   : router_list_buckets(r, &l->walk, list_type(l), add_name, l);
}

static bool is_frame_full(const struct listing *l)
{
    return l->count >= LIST_NAMES_MAX || buf_len(&l->found) >= LIST_FRAME_MAX;
}

static void on_turn(struct session *s);

/* What is left when all was walked. */
static void send_last(struct session *s, struct listing *l)
{
    int err = 0;
    if (!l->streamed || l->count)
        err = send_names(s, l, false);
    if (!err && l->streamed)
        err = send_names(s, l, true);
    if (err)
        session_broken(s, err);
    finish(s);
}

static void give_up(struct session *s, const char *text)
{
    session_error(s, "%s", text);
    finish(s);
}

static void on_turn(struct session *s)
{
    struct listing *l = s->listing;
    uint64_t end_us = clock_precise_us(s->server->clock) + LIST_SLICE_US;
    bool more = true;
    int err = 0;
    if (l->end_ms && clock_boot_ms(s->server->clock) >= l->end_ms) {
        give_up(s, "timeout");
        return;
    }
    /* A reader that is slower than the walk holds it up. */
    while (more && !err && outq_len(&s->stream->out) < STREAM_HIGH_WATER &&
           clock_precise_us(s->server->clock) < end_us) {
        more = step(s, l);
        if (l->streamed && is_frame_full(l))
            err = send_names(s, l, false);
    }
    if (err)
        session_broken(s, err);
    else if (!l->counted)
        give_up(s, "out of memory for the list: ask for it streamed, or of a smaller bucket");
    else if (!more)
        send_last(s, l);
    else if (outq_len(&s->stream->out) >= STREAM_HIGH_WATER)
        session_when_drained(s, on_turn);
    else
        session_later(s, 0, on_turn);
}

static int begin(struct session *s, const struct listing *from, struct slice type, struct slice bucket)
{
    struct listing *l = malloc(sizeof *l);
    if (!l)
        return E_NOMEM;
    *l = *from;
    s->listing = l;
    l->counted = true;
    l->type_len = type.len;
    buf_init(&l->names, SIZE_MAX / 2);
    /* The answer in one frame is held against the budget of large bodies by its maximum. */
    buf_init(&l->found, l->streamed ? SIZE_MAX / 2 : server_frame_max(s->server) / 2);
    int err = buf_append_slice(&l->names, type);
    if (!err)
        err = buf_append_slice(&l->names, bucket);
    if (err)
        list_stop(s);
    return err;
}

static void start(struct session *s, struct listing *l, struct slice type, bool has_type, struct slice bucket,
                  uint32_t timeout_ms)
{
    if (slice_is(type, "default") || !has_type)
        type = slice_make(NULL, 0);
    if (!catalog_has_type(router_catalog(s->server->router), type)) {
        session_error(s, "No bucket-type named '%.*s'", (int)(type.len < 256 ? type.len : 256),
                      (const char *)type.data);
        return;
    }
    if (timeout_ms)
        l->end_ms = clock_boot_ms(s->server->clock) + timeout_ms;
    if (begin(s, l, type, bucket)) {
        session_error(s, "%s", err_text(E_NOMEM));
        return;
    }
    session_begin_wait(s);
    on_turn(s);
}

static void malformed(struct session *s, const char *message)
{
    s->server->metrics->frames_malformed++;
    session_error(s, "Error processing incoming message: %s could not be decoded", message);
}

void list_buckets(struct session *s, struct slice body)
{
    struct bucket_list_buckets_req req;
    arena_reset(&s->server->arena);
    if (bucket_list_buckets_req_decode(body, &s->server->arena, &req)) {
        malformed(s, "RpbListBucketsReq");
        return;
    }
    struct listing l = {.streamed = req.stream};
    start(s, &l, req.type, req.has_type, slice_make(NULL, 0), req.timeout_ms);
}

void list_keys(struct session *s, struct slice body)
{
    struct bucket_list_keys_req req;
    arena_reset(&s->server->arena);
    if (bucket_list_keys_req_decode(body, &s->server->arena, &req)) {
        malformed(s, "RpbListKeysReq");
        return;
    }
    struct listing l = {.keys = true, .streamed = true};
    start(s, &l, req.type, req.has_type, req.bucket, req.timeout_ms);
}
