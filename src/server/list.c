/* Listing buckets and keys (riak-pb.md section 8): a walk over all partitions in steps of a bounded number of names.
 * Steps that the router answers at once share one slice of time per turn of the loop. Other requests of the connection
 * wait until it is done; other connections do not. */
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
    bool stepping; /* the router's call is on the stack */
    bool stepped;  /* and has been answered */
    int err;       /* of the last step */
    int send_err;  /* of a frame that went out within it */
    struct session *session;
    struct router_walk walk;
    struct buf names; /* type, then bucket: what is listed */
    size_t type_len;
    uint32_t timeout_ms; /* of the whole; 0: none, but each step has the node's */
    uint64_t end_ms;     /* when it is over */
    uint64_t end_us;     /* of this turn's slice */
    struct buf found;    /* bytes of the names to be sent */
    struct slice *at;    /* each of them, offsets while `found` grows */
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

static bool is_frame_full(const struct listing *l)
{
    return l->count >= LIST_NAMES_MAX || buf_len(&l->found) >= LIST_FRAME_MAX;
}

/* A name found: a step may bring those of many frames. Without memory for it the listing fails as a whole, after this
 * step. */
static void add_name(void *arg, struct slice name)
{
    struct listing *l = arg;
    if (!l->send_err && l->streamed && is_frame_full(l))
        l->send_err = send_names(l->session, l, false);
    if (l->send_err)
        return;
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

/* The time of the whole, or, where the client gave none, the node's for one step. */
static void give_up_late(struct session *s)
{
    const struct listing *l = s->listing;
    unsigned long long step_ms = s->request.router.timeout_ms;
    if (l->timeout_ms)
        session_error(
            s, "timeout: the list was not complete within its %u ms: give it more time, or list a smaller bucket",
            l->timeout_ms);
    else
        session_error(s, "timeout: the list made no progress for %llu ms: ask for it again", step_ms);
    finish(s);
}

static void give_up_failed(struct session *s, int err)
{
    if (err == E_TIMEOUT || err == E_UNKNOWN) {
        give_up_late(s);
    } else {
        session_error(s, "the list could not be completed: %s: ask for it again", err_text(err));
        finish(s);
    }
}

/* What follows from a step. True: another, now. */
static bool follow(struct session *s, struct listing *l)
{
    int err = l->send_err;
    if (!err && !l->err && l->streamed && is_frame_full(l))
        err = send_names(s, l, false);
    if (err)
        session_broken(s, err);
    else if (!l->counted)
        give_up(s, "out of memory for the list: ask for it streamed, or of a smaller bucket");
    else if (l->err)
        give_up_failed(s, l->err);
    else if (l->walk.ended)
        send_last(s, l);
    else if (outq_len(&s->stream->out) >= STREAM_HIGH_WATER) /* a reader that is slower than the walk holds it up */
        session_when_drained(s, on_turn);
    else if (clock_precise_us(s->server->clock) >= l->end_us)
        session_later(s, 0, on_turn);
    else
        return true;
    return false;
}

/* A step that is answered later goes on from here; the next ones that are answered at once have a slice of their own.
 */
static void on_step(struct router_request *q, int err, const struct store_result *result)
{
    struct session *s = session_of(q);
    struct listing *l = s->listing;
    (void)result;
    l->err = err;
    l->stepped = true;
    if (l->stepping)
        return;
    l->end_us = UINT64_MAX; /* on_turn() begins it */
    if (follow(s, l))
        on_turn(s);
    session_flush(s);
}

/* True: it was answered at once. */
static bool step(struct session *s, struct listing *l, uint64_t timeout_ms)
{
    struct router *r = s->server->router;
    struct router_request *q = session_ask_on(s, timeout_ms, on_step);
    l->stepped = false;
    l->stepping = true;
    if (l->keys)
        router_list_keys(r, q, &l->walk, list_type(l), list_bucket(l), add_name, l);
    else
        router_list_buckets(r, q, &l->walk, list_type(l), add_name, l);
    l->stepping = false;
    return l->stepped;
}

static void on_turn(struct session *s)
{
    struct listing *l = s->listing;
    uint64_t now_ms = clock_boot_ms(s->server->clock);
    if (l->timeout_ms && now_ms >= l->end_ms) {
        give_up_late(s);
        return;
    }
    l->end_us = clock_precise_us(s->server->clock) + LIST_SLICE_US;
    while (step(s, l, l->timeout_ms ? l->end_ms - now_ms : 0) && follow(s, l))
        continue;
}

static int begin(struct session *s, const struct listing *from, struct slice type, struct slice bucket)
{
    struct listing *l = malloc(sizeof *l);
    if (!l)
        return E_NOMEM;
    *l = *from;
    s->listing = l;
    l->session = s;
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
    l->timeout_ms = timeout_ms;
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
