/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/client_impl.h"

#include "base/err.h"
#include "wire/admin_msg.h"
#include "wire/bucket_msg.h"
#include "wire/datatype_msg.h"
#include "wire/kv_msg.h"
#include "wire/pb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNTERS_NEED "\"Counters require"
#define NO_TYPE       "Error no bucket type"
#define NOT_THERE     "{precondition"
#define DENIED        "Permission denied"
#define REVOKED       "Security change refused: what is to be taken away"
#define REFUSED       "Security change refused"

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
        client_note_permission(c, HISTORY_ABSENT);
    if (begins(text, DENIED) && (c->kind != ASK_QUERY || c->operates))
        world_fail(c->world, "%s: denied what nobody has revoked", c->name);
    c->needs_props = begins(text, COUNTERS_NEED);
    c->untyped = begins(text, NO_TYPE) ? c->set + 1 : 0;
    if (!client_is_at_set(c))
        c->seen[c->key].value = 0;
    client_note_answer(c, outcome, slice_make(NULL, 0));
}

static void take_value(struct client *c, const struct kv_resp *r)
{
    struct seen *seen = &c->seen[c->key];
    struct history_op *op = client_present(c);
    seen->value = r->count ? value_of(r->content[0].content.value) : 0;
    if (r->count && (!seen->value || r->count > 1))
        world_fail(c->world, "%s: key %u has %zu values, the first of %zu bytes, none of which were written", c->name,
                   c->key, r->count, r->content[0].content.value.len);
    if (seen->value && r->vclock.len != VCLOCK_SIZE)
        world_fail(c->world, "%s: a value comes without a vclock", c->name);
    else if (seen->value)
        memcpy(seen->vclock, r->vclock.data, VCLOCK_SIZE);
    op->value = seen->value;
    client_note_answer(c, seen->value ? HISTORY_OK : HISTORY_ABSENT, seen->value ? r->vclock : slice_make(NULL, 0));
}

static void take_written(struct client *c, const struct kv_resp *r)
{
    struct seen *seen = &c->seen[c->key];
    seen->value = 0;
    if (r->vclock.len == VCLOCK_SIZE) {
        seen->value = c->value;
        memcpy(seen->vclock, r->vclock.data, VCLOCK_SIZE);
    }
    client_note_answer(c, HISTORY_OK, r->vclock);
}

static void take_count(struct client *c, const struct frame *f)
{
    struct history_op *op = client_present(c);
    bool has_value;
    int64_t value;
    if (datatype_counter_resp_decode(f->body, &has_value, &value) || (has_value && (value < 1 || value > UINT32_MAX))) {
        world_fail(c->world, "%s: a count that nobody can have come to", c->name);
        return;
    }
    op->value = (uint32_t)value;
    client_note_answer(c, c->kind == ASK_COUNT && !has_value ? HISTORY_ABSENT : HISTORY_OK, slice_make(NULL, 0));
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
    client_present(c)->value = hit ? c->value : 0;
    client_note_permission(c, HISTORY_OK);
    client_note_answer(c, hit ? HISTORY_OK : HISTORY_FAILED, slice_make(NULL, 0));
}

/* False: it is the name of no key, or of one that stands in the list already. */
static bool note_listed(struct client *c, struct slice name)
{
    char text[32] = "", again[32];
    unsigned key;
    memcpy(text, name.data, name.len < sizeof text ? name.len : 0);
    if (sscanf(text, SIM_KEY, &key) != 1 || key >= c->world->options.keys || c->listed[key / 64] >> key % 64 & 1)
        return false;
    c->listed[key / 64] |= UINT64_C(1) << key % 64;
    snprintf(again, sizeof again, SIM_KEY, key);
    return slice_is(name, again);
}

static bool take_keys(struct client *c, const struct frame *f)
{
    struct slice rest = f->body, name;
    bool done = false;
    int more;
    while ((more = bucket_list_resp_next(&rest, &name, &done)) > 0)
        if (!note_listed(c, name))
            world_fail(c->world, "%s: a list of keys with '%.*s', which is none, or there twice", c->name,
                       (int)name.len, (const char *)name.data);
    if (more < 0)
        world_fail(c->world, "%s: a list of keys that cannot be decoded", c->name);
    if (done)
        client_note_there(c, c->listed);
    return done;
}

/* A list of texts in JSON, of which none has to be escaped. False: it holds what nobody has written. */
static bool take_texts(struct client *c, struct slice json)
{
    const char *at = (const char *)json.data, *end = at + json.len, *begin, *behind;
    while ((begin = memchr(at, '"', (size_t)(end - at))) &&
           (behind = memchr(begin + 1, '"', (size_t)(end - begin - 1)))) {
        struct slice text = slice_make(begin + 1, (size_t)(behind - begin - 1));
        uint32_t value = value_of(text);
        if (c->mapped_count == c->ops || (!value && !slice_is(text, SIM_ABSENT)))
            return false;
        c->mapped[c->mapped_count++] = value;
        at = behind + 1;
    }
    return true;
}

static bool take_mapped(struct client *c, const struct frame *f)
{
    struct pb_reader r = pb_reader_of(f->body);
    struct pb_field field;
    bool done = false, good = true;
    int more;
    while ((more = pb_next(&r, &field)) > 0) {
        if (field.number == 2)
            good = good && field.wire == PB_BYTES && take_texts(c, field.bytes);
        done |= field.number == 3 && field.value;
    }
    if (more < 0 || !good || (done && c->mapped_count != c->ops))
        world_fail(c->world, "%s: a job over %zu keys has mapped %zu, or what nobody has written", c->name, c->ops,
                   c->mapped_count);
    else if (done)
        client_note_mapped(c);
    return done;
}

static void take_members(struct client *c, struct slice body)
{
    struct set_seen *seen = &c->set_seen[c->set];
    if (!sets_read(c->set, body, seen))
        world_fail(c->world, "%s: a set with elements that nobody has added, or twice", c->name);
    seen->answer = c->value;
    if (seen->vague)
        client_note_answer(c, HISTORY_UNKNOWN, slice_make(NULL, 0));
    else
        client_note_there(c, &seen->in);
}

/* R-EPOCH: a context of another epoch or generation has seen nothing: whether it took anything away is not judged. */
static void take_changed(struct client *c)
{
    bool judged = !c->removes || witness_is_current(c->world, SIM_ELEMENT(c->set, 0), c->set_seen[c->set].context);
    client_note_answer(c, judged ? HISTORY_OK : HISTORY_UNKNOWN, slice_make(NULL, 0));
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
                                             [ASK_MAP] = MSG_MAPRED_RESP,
                                             [ASK_KEYS] = MSG_LIST_KEYS_RESP,
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

bool client_take_answer(struct client *c, const struct frame *f)
{
    struct kv_resp r;
    bool reads = c->kind == ASK_GET || c->kind == ASK_GET_ANY;
    bool has_object = reads || client_writes(c);
    if (f->code == MSG_ERROR_RESP) {
        take_error(c, f->body);
        return true;
    }
    if (f->code != answer_code(c) || (has_object && kv_resp_decode(f->body, !reads, &r))) {
        world_fail(c->world, "%s: an answer with the code %u cannot be decoded", c->name, f->code);
        return true;
    }
    if (c->kind == ASK_KEYS)
        return take_keys(c, f);
    if (c->kind == ASK_MAP)
        return take_mapped(c, f);
    if (reads)
        take_value(c, &r);
    else if (c->kind == ASK_QUERY)
        take_hits(c, f);
    else if (client_counts(c))
        take_count(c, f);
    else if (c->kind == ASK_MEMBERS)
        take_members(c, f->body);
    else if (c->kind == ASK_CHANGE)
        take_changed(c);
    else if (c->kind == ASK_DELETE || !client_is_noted(c) || client_permits(c))
        client_note_answer(c, HISTORY_OK, slice_make(NULL, 0));
    else
        take_written(c, &r);
    return true;
}
