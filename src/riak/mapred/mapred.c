/* SPDX-License-Identifier: Apache-2.0 */
/* Map/reduce (riak-protocol.md section 13): the inputs are gathered, then each phase is gone through as a whole, some
 * objects at a time (mapred_ask.c), a slice of time in each turn of the loop. What a phase keeps is sent when it is
 * over. Of a phase whose values only a reduce phase wants, they are reduced as they come, as Riak does. */
#include "api/answer.h"
#include "api/ask.h"
#include "base/bytes.h"
#include "base/err.h"
#include "riak/mapred/json_text.h"
#include "riak/kv.h"
#include "riak/mapred/mapred_impl.h"
#include "riak/mapred/mapred_reduce.h"
#include "riak/mapred/mapred_term.h"
#include "wire/mapred_msg.h"

#include <stdlib.h>

#define BATCH      4096  /* values that are reduced at once */
#define VALUES_MAX 65536 /* of one phase */
/* Values in one answer, unless they weigh more. */
#define FRAME_MAX   512
#define FRAME_BYTES ((size_t)64 * 1024)
/* Inputs that are taken as values at once; where they are filtered, one is. */
#define INPUTS_AT_ONCE 64

static struct mapred *mapred_of(struct scan *w)
{
    return (struct mapred *)(void *)w;
}

/* Takes the reference. */
static void drop(struct mapred *m, json_t *values)
{
    if (m->scan.session)
        garbage_drop(&riak_of(m->scan.session)->garbage, values);
    else
        json_decref(values); /* it was never begun */
}

static void destroy(struct scan *w)
{
    struct mapred *m = mapred_of(w);
    if (m->gone)
        *m->gone = true;
    mapred_ask_forget(m);
    mapred_sort_destroy(m->sort);
    mapred_set_fini(&m->set);
    drop(m, m->values);
    drop(m, m->out);
    mapred_job_fini(&m->job);
    json_decref(m->input);
    buf_fini(&m->text);
    buf_fini(&m->inputs);
    buf_fini(&m->terms);
    free(m);
}

/* Always false: nothing follows. */
static bool fail(struct mapred *m, const char *why)
{
    riak_error(m->scan.session, "{\"phase\":%u,\"error\":\"%s\"}", m->phase, why);
    scan_done(&m->scan);
    return false;
}

static bool fail_memory(struct mapred *m)
{
    return fail(m, "out of memory");
}

/* --- answers --- */

static int append(const char *text, size_t len, void *out)
{
    return buf_append(out, text, len);
}

static int write_json(struct buf *out, const json_t *values, size_t from, size_t to)
{
    json_t *part = json_array();
    for (size_t i = from; part && i < to; i++)
        json_array_append(part, json_array_get(values, i));
    bool whole = part && json_array_size(part) == to - from && !json_dump_callback(part, append, out, JSON_COMPACT);
    json_decref(part);
    return whole ? 0 : E_NOMEM;
}

static int put_values(struct mapred *m, size_t from, size_t to)
{
    struct buf *out = session_out(m->scan.session), bytes;
    size_t mark;
    buf_init(&bytes, SIZE_MAX / 2);
    int err = m->job.terms ? mapred_term_write(&bytes, m->out, from, to, m->job.phases == 0)
                           : write_json(&bytes, m->out, from, to);
    if (!err)
        err = frame_begin(out, MSG_MAPRED_RESP, &mark);
    if (!err)
        err = mapred_resp_encode(out, m->phase, buf_slice(&bytes));
    if (!err)
        frame_end(out, mark);
    buf_fini(&bytes);
    return err;
}

/* One answer of what is kept, or given back. */
static void send_some(struct mapred *m)
{
    size_t n = json_array_size(m->out), to = m->sent, weight = 0;
    while (to < n && to - m->sent < FRAME_MAX && weight < FRAME_BYTES)
        weight += mapred_weight(json_array_get(m->out, to++));
    int err = put_values(m, m->sent, to);
    m->sent = to;
    m->scan.sent = true;
    if (err)
        session_broken(m->scan.session, err);
}

static bool send_done(struct mapred *m)
{
    struct session *s = m->scan.session;
    size_t mark;
    int err = frame_begin(session_out(s), MSG_MAPRED_RESP, &mark);
    if (!err)
        err = mapred_done_encode(session_out(s));
    if (err)
        session_broken(s, err);
    else
        frame_end(session_out(s), mark);
    scan_done(&m->scan);
    return false;
}

/* --- inputs --- */

bool mapred_input_of(const json_t *v, struct mapred_input *out)
{
    size_t n = json_array_size(v);
    if (n < 2 || n > 4 || !json_is_string(json_array_get(v, 0)) || !json_is_string(json_array_get(v, 1)))
        return false;
    *out = (struct mapred_input){.bucket = json_text(json_array_get(v, 0)),
                                 .key = json_text(json_array_get(v, 1)),
                                 .data = json_is_null(json_array_get(v, 2)) ? NULL : json_array_get(v, 2),
                                 .type = n == 4 ? json_text(json_array_get(v, 3)) : slice_make(NULL, 0)};
    return true;
}

enum next { NEXT_NONE, NEXT_ONE, NEXT_FILTERED, NEXT_BAD };

static enum next next_gathered(struct mapred *m, struct mapred_input *out)
{
    struct slice all = buf_slice(&m->inputs);
    if (m->next == all.len)
        return NEXT_NONE;
    size_t len = (size_t)bytes_get(all.data + m->next, 4);
    *out = (struct mapred_input){
        .type = scan_type(&m->scan), .bucket = scan_bucket(&m->scan), .key = slice_make(all.data + m->next + 4, len)};
    m->next += 4 + len;
    return !m->job.filter || key_filter_passes(m->job.filter, out->key) ? NEXT_ONE : NEXT_FILTERED;
}

static enum next next_listed(struct mapred *m, struct mapred_input *out)
{
    json_decref(m->input);
    switch (mapred_list_next(&m->list, &m->input)) {
    case MAPRED_LIST_ONE:
        return mapred_input_of(m->input, out) ? NEXT_ONE : NEXT_BAD;
    case MAPRED_LIST_END:
        return NEXT_NONE;
    default:
        return NEXT_BAD;
    }
}

/* The next of the phase. */
static enum next next_input(struct mapred *m, struct mapred_input *out)
{
    if (!m->values)
        return m->list.given ? next_listed(m, out) : next_gathered(m, out);
    if (m->next == json_array_size(m->values))
        return NEXT_NONE;
    return mapred_input_of(json_array_get(m->values, m->next++), out) ? NEXT_ONE : NEXT_BAD;
}

static void take_key(void *arg, struct slice key)
{
    struct mapred *m = arg;
    uint8_t head[4];
    bytes_put(head, key.len, 4);
    if (m->scan.failed || m->scan.starved)
        return;
    m->scan.failed = buf_append(&m->inputs, head, sizeof head) != 0 || buf_append_slice(&m->inputs, key) != 0;
    if (!m->scan.failed)
        scan_hold(&m->scan, buf_len(&m->inputs));
}

static void take_hit(void *arg, const struct router_hit *hit)
{
    take_key(arg, hit->key);
}

static enum router_state step(struct scan *w, struct router_request *q)
{
    struct mapred *m = mapred_of(w);
    const struct api *a = &w->session->server->api;
    if (m->job.inputs == MAPRED_INDEX)
        return ask_query(a, q, &w->router, scan_type(w), scan_bucket(w), &m->query, take_hit, m);
    else
        return ask_list_keys(a, q, &w->router, scan_type(w), scan_bucket(w), take_key, m);
}

/* --- phases --- */

/* All values become one, or as many as there are names in them: they can be reduced as they come. */
static bool is_folding(enum mapred_function f)
{
    return f == REDUCE_SUM || f == REDUCE_PLIST_SUM || f == REDUCE_COUNT_INPUTS;
}

static bool is_sorting(enum mapred_function f)
{
    return f == REDUCE_SORT || f == REDUCE_SET_UNION;
}

/* What stands in m->out becomes what comes of it. */
static bool fold(struct mapred *m, enum mapred_function f)
{
    const char *why;
    json_t *reduced = mapred_reduce(f, m->out, &why);
    if (!reduced)
        return why ? fail(m, why) : fail_memory(m);
    drop(m, m->out);
    m->out = reduced;
    m->reduced = json_array_size(m->out);
    m->bytes = mapred_weight(m->out);
    return true;
}

/* The memory for what the job has. False: there is none. */
static bool hold(struct mapred *m)
{
    size_t sort = m->sort ? mapred_sort_bytes(m->sort) : 0;
    if (scan_hold(&m->scan, m->held + m->bytes + sort + buf_len(&m->inputs)))
        return true;
    if (m->scan.starved) {
        scan_gives_up(&m->scan);
        return false;
    }
    return fail(m, "the values of this phase are more than are held at once: ask of fewer objects, or reduce them");
}

/* Takes the value. `reducer`: of the reduce phase that alone wants it; REDUCE_DELETE: there is none. */
static bool add_value(struct mapred *m, json_t *value, enum mapred_function reducer)
{
    enum mapred_set_answer has = MAPRED_SET_NEW;
    if (reducer == REDUCE_SET_UNION)
        has = mapred_set_add(&m->set, value);
    if (has == MAPRED_SET_NEW) {
        m->bytes += mapred_weight(value);
        return json_array_append_new(m->out, value) == 0 || fail_memory(m);
    }
    json_decref(value);
    return has == MAPRED_SET_HAS || fail_memory(m);
}

/* More values stand in m->out. */
static bool check_values(struct mapred *m, enum mapred_function reducer)
{
    if (is_folding(reducer) && json_array_size(m->out) >= m->reduced + BATCH && !fold(m, reducer))
        return false;
    if (json_array_size(m->out) <= VALUES_MAX)
        return hold(m);
    return fail(m, "the values of this phase are more than are held at once: ask of fewer objects, or reduce them");
}

static enum mapred_function reducer_behind(const struct mapred *m)
{
    const struct mapred_phase *p = mapred_phase_of(m);
    bool reduces = m->phase + 1 < m->job.phases && !mapred_is_map(p[1].function) && !p->keep;
    return reduces ? p[1].function : REDUCE_DELETE;
}

/* What has come is what the next are made of. */
static bool turn_over(struct mapred *m)
{
    drop(m, m->values);
    m->values = m->out;
    m->out = json_array();
    m->held = m->bytes;
    m->next = m->bytes = m->reduced = 0;
    mapred_set_fini(&m->set);
    return m->out || fail_memory(m);
}

static bool next_phase(struct mapred *m)
{
    m->phase++;
    return turn_over(m);
}

static bool end_phase(struct mapred *m)
{
    m->sending = mapred_phase_of(m)->keep;
    return m->sending || next_phase(m);
}

/* A frame at a time: the next waits until there is room for it. */
static bool advance_sending(struct mapred *m)
{
    if (m->sent < json_array_size(m->out)) {
        send_some(m);
        return true;
    }
    m->sending = false;
    m->sent = 0;
    return m->job.phases ? next_phase(m) : send_done(m);
}

/* What has come first of what was asked for. False: the job is over. */
static bool take_first(struct mapred *m, const struct mapred_ask *a)
{
    struct store_result none = {0};
    struct outcome refused;
    bool deletes = mapred_phase_of(m)->function == REDUCE_DELETE;
    enum mapred_function reducer = reducer_behind(m);
    json_t *value;
    size_t i;
    if (!answer_of_key(&m->scan.session->server->api, a->err, &none, false, m->scan.session->request->router.timeout_ms,
                       &refused)) {
        riak_refuse(m->scan.session, NULL, &refused);
        scan_done(&m->scan);
        return false;
    }
    if (a->why)
        return fail(m, a->why);
    m->deleted += deletes;
    if (!deletes && !a->values)
        return fail_memory(m);
    json_array_foreach(a->values, i, value) if (!add_value(m, json_incref(value), reducer)) return false;
    mapred_ask_end(m);
    return deletes || check_values(m, reducer);
}

/* Of a phase that asks for objects: maps, links and deletes. Takes what has come, or asks for one more. */
static bool advance_asking(struct mapred *m)
{
    struct mapred_ask *a = mapred_ask_first(m);
    struct mapred_input in;
    if (a)
        return take_first(m, a);
    if (m->asks >= m->asks_max)
        return false;
    switch (next_input(m, &in)) {
    case NEXT_ONE:
        return mapred_ask(m, &in);
    case NEXT_FILTERED:
        return true;
    case NEXT_BAD:
        return fail(m, "badarg: an input of this phase is no [bucket, key], [bucket, key, keydata] or [bucket, key, "
                       "keydata, type]");
    default:
        break;
    }
    if (m->asks)
        return false;
    if (mapred_phase_of(m)->function == REDUCE_DELETE && json_array_append_new(m->out, json_integer(m->deleted)))
        return fail_memory(m);
    return end_phase(m);
}

/* In Erlang's terms any bytes. NULL: it is no text for JSON, or memory is out. */
static json_t *name_of(const struct mapred *m, struct slice name)
{
    const char *bytes = name.data ? (const char *)name.data : "";
    return m->job.terms ? json_stringn_nocheck(bytes, name.len) : json_stringn(bytes, name.len);
}

/* An input as a value: of a bucket and of an index, [bucket, key], or [bucket, key, null, type]. */
static json_t *value_of(const struct mapred *m, const struct mapred_input *in)
{
    json_t *value = json_array();
    bool good = value && !json_array_append_new(value, name_of(m, in->bucket)) &&
                !json_array_append_new(value, name_of(m, in->key));
    if (good && in->type.len)
        good = !json_array_append_new(value, json_null()) && !json_array_append_new(value, name_of(m, in->type));
    if (good)
        return value;
    json_decref(value);
    return NULL;
}

/* The job's own inputs, as values: for a reduce phase that comes first, or to be echoed. Some at a time. */
static bool take_inputs(struct mapred *m, bool *more)
{
    enum mapred_function reducer = m->job.phases ? mapred_phase_of(m)->function : REDUCE_DELETE;
    *more = true;
    for (unsigned i = 0; *more && i < (m->job.filter ? 1 : INPUTS_AT_ONCE); i++) {
        struct mapred_input in;
        enum next next = next_input(m, &in);
        *more = next == NEXT_ONE || next == NEXT_FILTERED;
        if (next == NEXT_FILTERED)
            continue;
        if (!*more)
            break;
        json_t *value = m->list.given ? json_incref(m->input) : value_of(m, &in);
        if (!value)
            return fail(m, "a name is no UTF-8 text: JSON cannot hold it");
        if (!add_value(m, value, reducer) || !check_values(m, reducer))
            return false;
    }
    return true;
}

#define SORTED_AT_ONCE  128
#define REDUCED_AT_ONCE 128

/* False: the job is over, or waits. */
static bool end_reduce(struct mapred *m)
{
    mapred_sort_destroy(m->sort);
    m->sort = NULL;
    m->reducing = false;
    return end_phase(m);
}

static bool advance_sort(struct mapred *m, bool distinct)
{
    if (!m->sort && !(m->sort = mapred_sort_create(m->values, distinct)))
        return fail_memory(m);
    enum mapred_sort_state state = mapred_sort_step(m->sort, SORTED_AT_ONCE);
    if (state == MAPRED_SORT_NO_MEMORY)
        return fail_memory(m);
    if (!hold(m))
        return false;
    if (state == MAPRED_SORT_MORE)
        return true;
    json_decref(m->out);
    m->out = mapred_sort_take(m->sort);
    m->bytes = m->held; /* or less */
    return end_reduce(m);
}

/* The next values in a list of their own, which alone has them. */
static json_t *some_values(struct mapred *m)
{
    json_t *some = json_array();
    for (unsigned i = 0; some && i < REDUCED_AT_ONCE && m->next < json_array_size(m->values); i++, m->next++) {
        json_t *value = json_array_get(m->values, m->next);
        size_t weight = mapred_weight(value);
        m->held -= weight < m->held ? weight : m->held;
        if (json_array_append(some, value) || json_array_set_new(m->values, m->next, json_null())) {
            json_decref(some);
            return NULL;
        }
    }
    return some;
}

/* Some of them: with what has come of those before, or by themselves. */
static bool advance_values(struct mapred *m, enum mapred_function f)
{
    const char *why = NULL;
    json_t *some = some_values(m);
    bool good;
    if (is_folding(f)) {
        good = some && json_array_extend(m->out, some) == 0;
        json_decref(some);
        return (good || fail_memory(m)) && fold(m, f) && (m->next < json_array_size(m->values) || end_reduce(m));
    }
    json_t *reduced = some ? mapred_reduce(f, some, &why) : NULL;
    json_decref(some);
    if (!reduced)
        return why ? fail(m, why) : fail_memory(m);
    m->bytes += mapred_weight(reduced);
    good = json_array_extend(m->out, reduced) == 0;
    json_decref(reduced);
    return (good || fail_memory(m)) && hold(m) && (m->next < json_array_size(m->values) || end_reduce(m));
}

static bool advance_reduce(struct mapred *m)
{
    bool more = false;
    enum mapred_function f = mapred_phase_of(m)->function;
    if (!m->values && !take_inputs(m, &more))
        return false;
    if (more)
        return true;
    if (!m->reducing) {
        m->reducing = true;
        return m->values || turn_over(m);
    }
    return is_sorting(f) ? advance_sort(m, f == REDUCE_SET_UNION) : advance_values(m, f);
}

/* A job without phases gives its inputs back. */
static bool echo(struct mapred *m)
{
    bool more;
    if (!take_inputs(m, &more))
        return false;
    m->sending = !more;
    return true;
}

/* Always false. In the words of the form that the job has. */
static bool fail_inputs(struct mapred *m, bool readable)
{
    struct session *s = m->scan.session;
    if (readable)
        riak_error(s, MAPRED_NO_INPUT, m->checked);
    else if (m->job.terms)
        riak_error(s, MAPRED_TERM_NO_INPUTS, 1, "_");
    else
        riak_error(s, "%s", MAPRED_NO_JSON);
    scan_done(&m->scan);
    return false;
}

/* The job's own list is well, before anything is done by it. */
static bool advance_checking(struct mapred *m)
{
    json_t *input;
    for (unsigned i = 0; i < INPUTS_AT_ONCE; i++, m->checked++) {
        enum mapred_list_next next = mapred_list_next(&m->list, &input);
        bool good = next == MAPRED_LIST_ONE && mapred_is_input(input);
        json_decref(input);
        if (next == MAPRED_LIST_END) {
            m->checking = false;
            m->list = m->job.list;
            return true;
        }
        if (!good)
            return fail_inputs(m, next == MAPRED_LIST_ONE);
    }
    return true;
}

/* True: there is more to do, now. */
static bool advance(struct mapred *m)
{
    if (m->sending)
        return advance_sending(m);
    if (m->checking)
        return advance_checking(m);
    if (m->job.phases == 0)
        return echo(m);
    if (m->phase == m->job.phases)
        return send_done(m);
    enum mapred_function f = mapred_phase_of(m)->function;
    return mapred_is_map(f) || f == REDUCE_DELETE ? advance_asking(m) : advance_reduce(m);
}

static void on_turn(struct session *s);

static void go_on(struct mapred *m)
{
    struct session *s = m->scan.session;
    bool gone = false, full = false, late = false;
    m->running = true;
    if (!session_turn(s, &m->end_us, on_turn))
        return;
    m->gone = &gone;
    while (!full && !late && advance(m)) {
        full = outq_len(&s->stream->out) >= STREAM_HIGH_WATER;
        late = clock_precise_us(s->server->clock) >= m->end_us;
    }
    turn_end(&s->server->turns);
    if (gone)
        return;
    m->gone = NULL;
    m->running = full || late;
    if (full)
        session_when_drained(s, on_turn);
    else if (late)
        session_next_turn(s, on_turn);
}

void mapred_go_on(struct mapred *m)
{
    uint64_t left_ms;
    if (!scan_time(&m->scan, &left_ms)) /* which is answered */
        return;
    m->running = true;
    if (!m->sending || session_has_room(m->scan.session, FRAME_BYTES, scan_patience_ms(&m->scan), on_turn))
        go_on(m);
}

static void on_turn(struct session *s)
{
    if (!scan_is_overdue(s->request->scan))
        mapred_go_on(mapred_of(s->request->scan));
}

/* The inputs are gathered. */
static enum scan_finish on_gathered(struct scan *w)
{
    mapred_go_on(mapred_of(w));
    return SCAN_GOES_ON;
}

/* Nothing of it was answered, and nothing deleted. */
static void restart(struct scan *w)
{
    struct mapred *m = mapred_of(w);
    mapred_ask_forget(m);
    mapred_sort_destroy(m->sort);
    mapred_set_fini(&m->set);
    drop(m, m->values);
    drop(m, m->out);
    m->out = json_array();
    buf_release(&m->inputs);
    m->values = NULL;
    m->sort = NULL;
    m->reducing = false;
    m->phase = 0;
    m->next = m->bytes = m->held = m->reduced = m->sent = 0;
    m->sending = false;
    m->asks_max = 1;
    m->list = m->job.list;
    w->router.ended = m->job.inputs == MAPRED_LIST;
}

const struct scan_ops mapred_scan_ops = {MSG_MAPRED_RESP, step, on_gathered, NULL, NULL, NULL, NULL, restart, destroy};
