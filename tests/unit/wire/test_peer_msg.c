/* SPDX-License-Identifier: Apache-2.0 */
/* Each message between nodes, there and back: every field, cut at every byte, and over its bounds; and their frames. */
#include "wire/peer_msg.h"

#include "base/rng.h"
#include "support.h"

#include <stdlib.h>

/* --- messages of which every field says something else --- */

static struct rng rng;

static uint64_t number(void)
{
    return rng_next(&rng) | 1;
}

static bool flip(void)
{
    return rng_below(&rng, 2);
}

static unsigned up_to(unsigned max)
{
    return (unsigned)rng_below(&rng, max + 1);
}

static void fill_text(char *text, size_t size)
{
    size_t len = (size_t)rng_below(&rng, size);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(1 + rng_below(&rng, 255));
}

static void fill_id(uint8_t id[16])
{
    rng_fill(&rng, id, 16);
}

static const char stuff[] = "what stands behind a slice, for as long as the test runs";

static struct slice some_slice(void)
{
    return slice_make(stuff, up_to(sizeof stuff));
}

static void fill_hello(void *p)
{
    struct peer_hello *m = p;
    m->version = (uint16_t)number();
    m->plane = up_to(PLANE_COUNT - 1);
    fill_text(m->name, sizeof m->name);
    fill_id(m->incarnation.b);
    fill_text(m->address, sizeof m->address);
    m->epmd_port = (uint16_t)number();
    m->handoff_port = (uint16_t)number();
    fill_text(m->place, sizeof m->place);
}

static void fill_beacon(void *p)
{
    struct peer_beacon *m = p;
    m->state = up_to(PEER_STATE_MAX);
    m->serving = flip();
    m->n = (uint32_t)number();
    fill_id(m->cluster_id.b);
    m->epoch = number();
    m->highest_epoch = number();
    m->wall_ms = number();
    m->meta_term = number();
    m->meta_index = number();
    m->leads = flip();
    m->leaving = flip();
    fill_text(m->leader_address, sizeof m->leader_address);
    m->leader_port = (uint16_t)number();
    m->survivors = flip();
    m->left = (uint32_t)number();
}

static void fill_not_reached(void *p)
{
    struct peer_not_reached *m = p;
    fill_text(m->why, sizeof m->why);
}

static void fill_offer(void *p)
{
    struct peer_offer *m = p;
    m->proposal = number();
    m->reform = flip();
    fill_id(m->cluster_id.b);
    m->epoch = number();
    m->left = (uint32_t)number();
}

static void fill_accept(void *p)
{
    struct peer_accept *m = p;
    m->proposal = number();
    m->accepted = flip();
    m->time_ms = number();
}

static void fill_start(void *p)
{
    struct peer_start *m = p;
    m->proposal = number();
    fill_id(m->cluster_id.b);
    m->epoch = number();
    m->index = number();
    m->term = number();
    m->voter_count = up_to(PEER_SEATS_MAX);
    for (unsigned i = 0; i < m->voter_count; i++)
        m->voters[i] = number();
    m->state = some_slice();
}

static void fill_admit(void *p)
{
    struct peer_admit *m = p;
    fill_id(m->cluster_id.b);
    m->epoch = number();
    m->member = number();
    m->leader = number();
}

static void fill_renew(void *p)
{
    struct peer_renew *m = p;
    fill_id(m->cluster_id.b);
    m->epoch = number();
    m->member = number();
    m->sent_ms = number();
    m->applied = number();
    m->memory_used = number();
    m->memory_limit = number();
    m->unreachable = number();
    m->leaving = flip();
    m->replica_count = up_to(PEER_REPLICAS_MAX);
}

static void fill_known(void *p)
{
    struct peer_known *m = p;
    fill_id(m->cluster_id.b);
    m->epoch = number();
    m->member = number();
    m->applied = number();
}

static void fill_replica(void *p)
{
    struct peer_replica *m = p;
    m->partition = (uint16_t)number();
    m->generation = (uint32_t)number();
    m->replica = number();
    m->leads = flip();
    m->whole = flip();
    m->frozen = flip();
    m->broken = flip();
    m->no_room = flip();
    m->last_term = number();
    m->last_index = number();
    m->keys = number();
    m->member_count = up_to(PEER_SEATS_MAX);
    for (unsigned i = 0; i < m->member_count; i++) {
        m->member[i].replica = number();
        m->member[i].voter = flip();
        m->member[i].lag = number();
    }
}

static void fill_grant(void *p)
{
    struct peer_grant *m = p;
    fill_id(m->cluster_id.b);
    m->epoch = number();
    m->sent_ms = number();
    m->index = number();
    m->settled = flip();
    m->time_ms = number();
    m->member_count = up_to(PEER_SEATS_MAX);
    for (unsigned i = 0; i < m->member_count; i++)
        m->member[i] = (struct peer_load){number(), number(), number(), number(), number(), flip()};
    m->partition_count = up_to(PEER_REPLICAS_MAX);
    for (unsigned i = 0; i < m->partition_count; i++)
        m->keys[i] = number();
}

static void fill_envelope(void *p)
{
    struct peer_envelope *m = p;
    fill_id(m->cluster_id.b);
    m->epoch = number();
    m->group = (uint16_t)number();
    m->generation = (uint32_t)number();
}

static void fill_round(void *p)
{
    struct peer_round *m = p;
    m->group = (uint16_t)number();
    m->generation = (uint32_t)number();
    m->source = number();
    m->destination = number();
    m->term = number();
    m->round = number();
    m->time_ms = number();
    m->stamp_ms = number();
    m->yes = flip();
}

static void fill_copy(void *p)
{
    struct peer_copy *m = p;
    fill_envelope(&m->envelope);
    m->source = number();
    m->destination = number();
    m->term = number();
    m->number = number();
    m->offset = number();
    m->index = number();
    m->bytes = some_slice();
}

static void fill_mark(struct peer_mark *m)
{
    m->epoch = number();
    m->generation = (uint32_t)number();
    m->index = number();
    m->term = number();
}

static void fill_request(void *p)
{
    struct peer_request *m = p;
    m->number = number();
    m->kind = up_to(PEER_REQUEST_KIND_MAX);
    m->partition = (uint16_t)number();
    m->wants_object = flip();
    m->time_ms = (uint32_t)number();
    m->cursor = number();
    m->end = number();
    fill_mark(&m->floor);
    m->body = some_slice();
}

static void fill_answer(void *p)
{
    struct peer_answer *m = p;
    m->number = number();
    m->status = up_to(PEER_ANSWER_STATUS_MAX);
    m->leader = number();
    fill_mark(&m->mark);
    m->body = some_slice();
}

/* --- there and back --- */

#define NO_SLICE SIZE_MAX

/* X(name, its slice or NO_SLICE) */
#define MESSAGES(X)                                                                                                    \
    X(hello, NO_SLICE)                                                                                                 \
    X(beacon, NO_SLICE)                                                                                                \
    X(not_reached, NO_SLICE)                                                                                           \
    X(offer, NO_SLICE)                                                                                                 \
    X(accept, NO_SLICE)                                                                                                \
    X(start, offsetof(struct peer_start, state))                                                                       \
    X(admit, NO_SLICE)                                                                                                 \
    X(renew, NO_SLICE)                                                                                                 \
    X(replica, NO_SLICE)                                                                                               \
    X(grant, NO_SLICE)                                                                                                 \
    X(envelope, NO_SLICE)                                                                                              \
    X(round, NO_SLICE)                                                                                                 \
    X(copy, offsetof(struct peer_copy, bytes))                                                                         \
    X(request, offsetof(struct peer_request, body))                                                                    \
    X(answer, offsetof(struct peer_answer, body))                                                                      \
    X(known, NO_SLICE)

struct message {
    const char *name;
    size_t size, slice; /* where in the struct it has one */
    void (*fill)(void *m);
    void (*code)(struct coder *c, void *m);
};

#define X(name, slice)                                                                                                 \
    static void code_any_##name(struct coder *c, void *m)                                                              \
    {                                                                                                                  \
        code_##name(c, m);                                                                                             \
    }
MESSAGES(X)
#undef X

#define X(name, slice) {#name, sizeof(struct peer_##name), slice, fill_##name, code_any_##name},
static const struct message messages[] = {MESSAGES(X)};
#undef X
#define MESSAGE_COUNT (sizeof messages / sizeof messages[0])

static void encode(const struct message *m, void *from, struct buf *b)
{
    buf_consume(b, buf_len(b));
    struct coder c = coder_writer(b);
    m->code(&c, from);
    assert_int_equal(coder_end(&c), 0);
}

static int decode(const struct message *m, struct slice in, void *to)
{
    memset(to, 0, m->size);
    struct coder c = coder_reader(in);
    m->code(&c, to);
    return coder_end(&c);
}

/* What was read is what was written; a slice lies in the frame. */
static void expect_same(const struct message *m, const void *sent, void *got, struct slice frame)
{
    if (m->slice != NO_SLICE) {
        const struct slice *a = (const void *)((const char *)sent + m->slice);
        struct slice *b = (void *)((char *)got + m->slice);
        assert_slice_equal(*a, *b);
        assert_true(b->data >= frame.data && b->data + b->len <= frame.data + frame.len);
        *b = *a;
    }
    assert_memory_equal(sent, got, m->size);
}

static void test_every_field_of_every_message(void **state)
{
    struct buf b;
    (void)state;
    rng_seed(&rng, 1);
    buf_init(&b, 1 << 20);
    for (unsigned round = 0; round < 200; round++)
        for (size_t i = 0; i < MESSAGE_COUNT; i++) {
            void *sent = calloc(1, messages[i].size), *got = malloc(messages[i].size);
            messages[i].fill(sent);
            encode(&messages[i], sent, &b);
            assert_int_equal(decode(&messages[i], buf_slice(&b), got), 0);
            expect_same(&messages[i], sent, got, buf_slice(&b));
            free(sent);
            free(got);
        }
    buf_fini(&b);
}

static void test_not_a_byte_less_nor_one_more(void **state)
{
    struct buf b;
    (void)state;
    rng_seed(&rng, 2);
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        void *sent = calloc(1, messages[i].size), *got = malloc(messages[i].size);
        messages[i].fill(sent);
        encode(&messages[i], sent, &b);
        for (size_t n = 0; n < buf_len(&b); n++) {
            uint8_t *cut = malloc(n + 1); /* a sanitizer sees one byte too far */
            memcpy(cut, buf_slice(&b).data, n);
            uint8_t *exact = realloc(cut, n ? n : 1);
            assert_int_equal(decode(&messages[i], slice_make(exact, n), got), E_MALFORMED);
            free(exact);
        }
        assert_int_equal(buf_append(&b, "", 1), 0);
        assert_int_equal(decode(&messages[i], buf_slice(&b), got), E_MALFORMED);
        free(sent);
        free(got);
    }
    buf_fini(&b);
}

static void test_a_full_buffer_is_said(void **state)
{
    struct buf whole;
    (void)state;
    rng_seed(&rng, 3);
    buf_init(&whole, 1 << 20);
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        void *sent = calloc(1, messages[i].size);
        messages[i].fill(sent);
        encode(&messages[i], sent, &whole);
        struct buf b;
        buf_init(&b, buf_len(&whole) - 1);
        struct coder c = coder_writer(&b);
        messages[i].code(&c, sent);
        assert_int_equal(coder_end(&c), E_TOO_LARGE);
        buf_fini(&b);
        free(sent);
    }
    buf_fini(&whole);
}

/* --- bounds --- */

static int read_with(const struct message *m, void *sent, size_t at, unsigned value, unsigned size)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    encode(m, sent, &b);
    uint8_t *bytes = b.data + b.start;
    for (unsigned i = 0; i < size; i++)
        bytes[at + i] = (uint8_t)(value >> 8 * (size - 1 - i));
    void *got = malloc(m->size);
    int err = decode(m, buf_slice(&b), got);
    free(got);
    buf_fini(&b);
    return err;
}

static const struct message *message(const char *name)
{
    for (size_t i = 0; i < MESSAGE_COUNT; i++)
        if (strcmp(messages[i].name, name) == 0)
            return &messages[i];
    fail_msg("no message %s", name);
    return NULL;
}

static void test_choices_and_counts_have_bounds(void **state)
{
    (void)state;
    struct peer_hello hello = {.version = PEER_VERSION};
    assert_int_equal(read_with(message("hello"), &hello, 2, PLANE_COUNT - 1, 1), 0);
    assert_int_equal(read_with(message("hello"), &hello, 2, PLANE_COUNT, 1), E_MALFORMED);
    struct peer_beacon beacon = {0};
    assert_int_equal(read_with(message("beacon"), &beacon, 0, PEER_STATE_MAX, 1), 0);
    assert_int_equal(read_with(message("beacon"), &beacon, 0, PEER_STATE_MAX + 1, 1), E_MALFORMED);
    assert_int_equal(read_with(message("beacon"), &beacon, 1, 2, 1), E_MALFORMED);
    struct peer_request request = {0};
    assert_int_equal(read_with(message("request"), &request, 8, PEER_REQUEST_KIND_MAX, 1), 0);
    assert_int_equal(read_with(message("request"), &request, 8, PEER_REQUEST_KIND_MAX + 1, 1), E_MALFORMED);
    struct peer_answer answer = {0};
    assert_int_equal(read_with(message("answer"), &answer, 8, PEER_ANSWER_STATUS_MAX, 1), 0);
    assert_int_equal(read_with(message("answer"), &answer, 8, PEER_ANSWER_STATUS_MAX + 1, 1), E_MALFORMED);
    struct peer_start start = {0};
    assert_int_equal(read_with(message("start"), &start, 48, 0, 2), 0);
    assert_int_equal(read_with(message("start"), &start, 48, PEER_SEATS_MAX + 1, 2), E_MALFORMED);
    struct peer_renew renew = {0};
    assert_int_equal(read_with(message("renew"), &renew, 73, PEER_REPLICAS_MAX, 2), 0);
    assert_int_equal(read_with(message("renew"), &renew, 73, PEER_REPLICAS_MAX + 1, 2), E_MALFORMED);
    struct peer_replica replica = {0};
    assert_int_equal(read_with(message("replica"), &replica, 42, PEER_SEATS_MAX + 1, 2), E_MALFORMED);
    struct peer_grant grant = {0};
    assert_int_equal(read_with(message("grant"), &grant, 49, PEER_SEATS_MAX + 1, 2), E_MALFORMED);
}

static void test_counts_at_their_bounds(void **state)
{
    struct peer_replica replica = {.member_count = PEER_SEATS_MAX}, out;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    replica.member[PEER_SEATS_MAX - 1].lag = UINT64_MAX;
    encode(message("replica"), &replica, &b);
    assert_int_equal(decode(message("replica"), buf_slice(&b), &out), 0);
    assert_int_equal(out.member_count, PEER_SEATS_MAX);
    assert_true(out.member[PEER_SEATS_MAX - 1].lag == UINT64_MAX);
    replica.member_count++;
    struct coder c = coder_writer(&b);
    code_replica(&c, &replica); /* reads no member that is not there */
    assert_int_equal(coder_end(&c), E_TOO_LARGE);
    buf_fini(&b);
}

static void test_r_id_voters_are_distinct_and_none_is_0(void **state)
{
    struct peer_start start = {.voter_count = 3, .voters = {7, 8, 9}}, out;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    encode(message("start"), &start, &b);
    assert_int_equal(decode(message("start"), buf_slice(&b), &out), 0);
    for (unsigned bad = 0; bad < 3; bad++) {
        start = (struct peer_start){.voter_count = 3, .voters = {7, 8, 9}};
        start.voters[bad] = bad == 2 ? 7 : 0;
        encode(message("start"), &start, &b);
        assert_int_equal(decode(message("start"), buf_slice(&b), &out), E_MALFORMED);
    }
    buf_fini(&b);
}

static void test_an_envelope_has_its_size(void **state)
{
    struct peer_envelope e = {.group = PEER_GROUP_META};
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    encode(message("envelope"), &e, &b);
    assert_int_equal(buf_len(&b), PEER_ENVELOPE_SIZE);
    buf_fini(&b);
}

/* --- frames --- */

static void put_frame(struct buf *b, enum peer_msg_kind kind, const char *body)
{
    size_t start;
    assert_int_equal(peer_frame_begin(b, kind, &start), 0);
    assert_int_equal(buf_append(b, body, strlen(body)), 0);
    peer_frame_end(b, start);
}

static void test_frames_one_after_another(void **state)
{
    struct buf b;
    struct slice body;
    unsigned kind;
    size_t need;
    (void)state;
    buf_init(&b, 1000);
    put_frame(&b, PEER_HELLO, "first");
    put_frame(&b, PEER_JOIN, "");
    put_frame(&b, PEER_ANSWER, "last");
    struct slice in = buf_slice(&b);
    assert_int_equal(peer_frame_next(&in, 100, &kind, &body, &need), 1);
    assert_int_equal(kind, PEER_HELLO);
    assert_slice_is(body, "first");
    assert_int_equal(peer_frame_next(&in, 100, &kind, &body, &need), 1);
    assert_int_equal(kind, PEER_JOIN);
    assert_int_equal(body.len, 0);
    assert_int_equal(peer_frame_next(&in, 100, &kind, &body, &need), 1);
    assert_int_equal(kind, PEER_ANSWER);
    assert_slice_is(body, "last");
    assert_int_equal(in.len, 0);
    assert_int_equal(peer_frame_next(&in, 100, &kind, &body, &need), 0);
    assert_int_equal(need, PEER_FRAME_HEAD);
    buf_fini(&b);
}

static void test_a_frame_that_is_not_all_there(void **state)
{
    struct buf b;
    struct slice body;
    unsigned kind;
    size_t need;
    (void)state;
    buf_init(&b, 1000);
    put_frame(&b, PEER_RAFT, "0123456789");
    for (size_t n = 0; n < buf_len(&b); n++) {
        struct slice in = slice_make(buf_slice(&b).data, n);
        assert_int_equal(peer_frame_next(&in, 100, &kind, &body, &need), 0);
        assert_int_equal(in.len, n);
        assert_int_equal(need, n < PEER_FRAME_HEAD ? PEER_FRAME_HEAD : 15);
    }
    buf_fini(&b);
}

static int next_of(const uint8_t *bytes, size_t n, size_t max)
{
    struct slice in = slice_make(bytes, n), body;
    unsigned kind;
    size_t need;
    return peer_frame_next(&in, max, &kind, &body, &need);
}

static void test_what_is_no_frame(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 256; kind++) {
        const uint8_t bytes[] = {0, 0, 0, 1, (uint8_t)kind};
        assert_int_equal(next_of(bytes, 5, 100), kind && kind < PEER_KIND_COUNT ? 1 : E_MALFORMED);
    }
    const uint8_t empty[] = {0, 0, 0, 0, PEER_HELLO};
    assert_int_equal(next_of(empty, 5, 100), E_MALFORMED);
    /* Refused by its head: nobody waits for the rest. */
    const uint8_t large[] = {0, 0, 0, 101, PEER_HELLO}, largest[] = {0xff, 0xff, 0xff, 0xff, PEER_HELLO};
    assert_int_equal(next_of(large, 5, 100), E_TOO_LARGE);
    assert_int_equal(next_of(large, 5, 101), 0);
    assert_int_equal(next_of(largest, 5, 100), E_TOO_LARGE);
    assert_int_equal(next_of(largest, 5, UINT32_MAX), 0);
}

static void test_a_frame_has_a_place_of_its_own(void **state)
{
    struct buf b;
    size_t start;
    (void)state;
    buf_init(&b, 12);
    assert_int_equal(buf_append(&b, "12345678", 8), 0);
    assert_int_equal(peer_frame_begin(&b, PEER_HELLO, &start), E_TOO_LARGE);
    assert_int_equal(buf_len(&b), 8);
    buf_consume(&b, 3);
    assert_int_equal(peer_frame_begin(&b, PEER_HELLO, &start), 0);
    assert_int_equal(start, 5);
    peer_frame_end(&b, start);
    assert_memory_equal(buf_slice(&b).data, "45678\0\0\0\1\1", 10);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_of_every_message),
        cmocka_unit_test(test_not_a_byte_less_nor_one_more),
        cmocka_unit_test(test_a_full_buffer_is_said),
        cmocka_unit_test(test_choices_and_counts_have_bounds),
        cmocka_unit_test(test_counts_at_their_bounds),
        cmocka_unit_test(test_r_id_voters_are_distinct_and_none_is_0),
        cmocka_unit_test(test_an_envelope_has_its_size),
        cmocka_unit_test(test_frames_one_after_another),
        cmocka_unit_test(test_a_frame_that_is_not_all_there),
        cmocka_unit_test(test_what_is_no_frame),
        cmocka_unit_test(test_a_frame_has_a_place_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
