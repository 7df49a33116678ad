/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/err.h"
#include "failing_alloc.h"
#include "unit/tls/link.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static struct link_world world;
static size_t record_buffers; /* taken by OpenSSL, of 16 KiB or more */

struct fixture {
    struct tls_ctx *client, *server;
    struct link link;
};

static void start_with(struct fixture *f, const struct tls_client_config *c, const struct tls_server_config *s)
{
    f->client = link_client(c);
    f->server = link_server(s);
    link_open(&f->link, f->client, f->server);
}

static void start(struct fixture *f, enum tls_version version)
{
    struct tls_client_config c = link_client_config(&world);
    struct tls_server_config s = link_server_config(&world);
    c.min = c.max = version;
    start_with(f, &c, &s);
}

static void stop(struct fixture *f)
{
    link_close(&f->link);
    tls_ctx_destroy(&f->client);
    tls_ctx_destroy(&f->server);
}

/* --- a handshake and what follows --- */

static void check_open(struct fixture *f, const char *version)
{
    const struct tls_peer *peer = tls_engine_peer(f->link.server.engine);
    assert_true(tls_engine_open(f->link.client.engine) && tls_engine_open(f->link.server.engine));
    assert_string_equal(tls_engine_version(f->link.client.engine), version);
    assert_string_equal(tls_engine_version(f->link.server.engine), version);
    assert_string_equal(tls_engine_cipher(f->link.client.engine), tls_engine_cipher(f->link.server.engine));
    assert_string_equal(tls_engine_error(f->link.server.engine), "");
    assert_false(tls_engine_resumed(f->link.server.engine));
    assert_true(peer->has_cert && peer->v1);
    assert_int_equal(peer->cn_count, 1);
    assert_string_equal(peer->cn, "myuser");
    assert_int_equal(peer->not_after, PKI_NOW + 300 * PKI_DAY);
    peer = tls_engine_peer(f->link.client.engine);
    assert_true(peer->has_cert && !peer->v1);
    assert_string_equal(peer->cn, "store.example");
}

static void both_versions_both_ways(void **state)
{
    (void)state;
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
        struct fixture f;
        start(&f, (enum tls_version)v);
        assert_false(tls_engine_open(f.link.client.engine));
        assert_true(link_shake(&f.link));
        check_open(&f, v == TLS_VERSION_1_2 ? "TLSv1.2" : "TLSv1.3");
        link_check(&f.link, &f.link.client, &f.link.server, slice_str("question"), 0);
        link_check(&f.link, &f.link.server, &f.link.client, slice_str("answer"), 0);
        stop(&f);
    }
}

static void one_byte_at_a_time(void **state)
{
    (void)state;
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
        struct fixture f;
        start(&f, (enum tls_version)v);
        link_pump(&f.link, 1);
        check_open(&f, v == TLS_VERSION_1_2 ? "TLSv1.2" : "TLSv1.3");
        link_check(&f.link, &f.link.client, &f.link.server, slice_str("question"), 1);
        link_check(&f.link, &f.link.server, &f.link.client, slice_str("answer"), 1);
        stop(&f);
    }
}

/* Nothing, one, around a record's 16 KiB, many. */
static void large_records(void **state)
{
    static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 65536, 3 * 1024 * 1024 + 7};
    uint8_t *plain = malloc(sizes[6]);
    (void)state;
    for (size_t i = 0; i < sizes[6]; i++)
        plain[i] = (uint8_t)(i * 31 + i / 251);
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
        struct fixture f;
        start(&f, (enum tls_version)v);
        assert_true(link_shake(&f.link));
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            link_check(&f.link, &f.link.client, &f.link.server, slice_make(plain, sizes[i]), 0);
            link_check(&f.link, &f.link.server, &f.link.client, slice_make(plain, sizes[i]), 7777);
        }
        stop(&f);
    }
    free(plain);
}

/* What is left in the input is said to be taken only when it is. */
static void a_small_room_takes_many_calls(void **state)
{
    struct fixture f;
    uint8_t room[3];
    size_t n, total = 0;
    (void)state;
    start(&f, TLS_VERSION_1_3);
    assert_true(link_shake(&f.link));
    assert_int_equal(tls_engine_write(f.link.client.engine, slice_str("0123456789"), &f.link.server.in), 0);
    struct slice in = buf_slice(&f.link.server.in);
    do {
        assert_int_equal(tls_engine_read(f.link.server.engine, &in, room, sizeof room, &n, &f.link.client.in), 0);
        total += n;
        assert_int_equal(tls_engine_pending(f.link.server.engine), total < 10);
    } while (n > 0);
    assert_int_equal(total, 10);
    assert_int_equal(in.len, 0);
    stop(&f);
}

/* As many buffers as OpenSSL takes for records, while one travels each way. */
static size_t buffers_taken(struct fixture *f)
{
    record_buffers = 0;
    link_check(&f->link, &f->link.client, &f->link.server, slice_str("question"), 0);
    link_check(&f->link, &f->link.server, &f->link.client, slice_str("answer"), 0);
    return record_buffers;
}

static void record_buffers_are_kept_if_asked(void **state)
{
    (void)state;
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
        struct fixture f;
        start(&f, (enum tls_version)v);
        assert_true(link_shake(&f.link));
        buffers_taken(&f); /* which gives back those of the handshake */
        size_t without = buffers_taken(&f);
        tls_engine_keep_buffers(f.link.server.engine, true);
        buffers_taken(&f);
        assert_int_equal(buffers_taken(&f), without / 2); /* the client's alone */
        tls_engine_keep_buffers(f.link.server.engine, false);
        assert_int_equal(buffers_taken(&f), without);
        stop(&f);
    }
}

/* Part of a record is in them: it is not lost. */
static void buffers_in_use_are_not_given_back(void **state)
{
    struct fixture f;
    uint8_t room[16];
    size_t n;
    (void)state;
    start(&f, TLS_VERSION_1_3);
    assert_true(link_shake(&f.link));
    tls_engine_keep_buffers(f.link.server.engine, true);
    assert_int_equal(tls_engine_write(f.link.client.engine, slice_str("0123456789"), &f.link.server.in), 0);
    struct slice all = buf_slice(&f.link.server.in), in = slice_make(all.data, all.len / 2);
    assert_int_equal(tls_engine_read(f.link.server.engine, &in, room, sizeof room, &n, &f.link.client.in), 0);
    assert_int_equal(n, 0);
    assert_true(tls_engine_pending(f.link.server.engine));
    tls_engine_keep_buffers(f.link.server.engine, false);
    in = slice_skip(all, all.len / 2);
    assert_int_equal(tls_engine_read(f.link.server.engine, &in, room, sizeof room, &n, &f.link.client.in), 0);
    assert_int_equal(n, 10);
    assert_memory_equal(room, "0123456789", 10);
    assert_false(tls_engine_pending(f.link.server.engine));
    stop(&f);
}

/* --- the end --- */

/* Who has said goodbye hears what there is to tell him still, and then the other's goodbye. */
static void check_farewell(struct fixture *f)
{
    struct tls_engine *e = f->link.server.engine;
    struct buf out;
    struct slice none = {0};
    uint8_t room[8];
    size_t n = 1;
    buf_init(&out, 1000);
    assert_int_equal(tls_engine_read(e, &none, room, sizeof room, &n, &out), E_CLOSED);
    assert_int_equal(n, 0);
    assert_int_equal(buf_len(&out), 0);
    assert_true(tls_engine_open(e));
    assert_int_equal(tls_engine_write(e, slice_str("answer"), &out), 0);
    size_t answer = buf_len(&out);
    assert_true(answer > 6);
    tls_engine_close(e, &out);
    assert_true(buf_len(&out) > answer);
    assert_false(tls_engine_open(e));
    assert_int_equal(tls_engine_write(e, slice_str("more"), &out), E_TLS);
    assert_int_equal(tls_engine_read(e, &none, room, sizeof room, &n, &out), E_CLOSED);
    buf_fini(&out);
}

static void goodbye(void **state)
{
    (void)state;
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
        struct fixture f;
        start(&f, (enum tls_version)v);
        assert_true(link_shake(&f.link));
        assert_int_equal(tls_engine_write(f.link.client.engine, slice_str("last words"), &f.link.server.in), 0);
        tls_engine_close(f.link.client.engine, &f.link.server.in);
        size_t said = buf_len(&f.link.server.in);
        tls_engine_close(f.link.client.engine, &f.link.server.in); /* twice is once */
        assert_int_equal(buf_len(&f.link.server.in), said);
        link_pump(&f.link, 0);
        assert_slice_is(buf_slice(&f.link.server.got), "last words");
        assert_int_equal(f.link.server.err, E_CLOSED);
        assert_string_equal(tls_engine_error(f.link.server.engine), "");
        assert_int_equal(tls_engine_write(f.link.client.engine, slice_str("more"), &f.link.server.in), E_TLS);
        check_farewell(&f);
        stop(&f);
    }
}

static void closing_before_it_is_open_says_nothing(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, TLS_VERSION_ANY);
    assert_int_equal(tls_engine_write(f.link.client.engine, slice_str("early"), &f.link.server.in), E_TLS);
    tls_engine_close(f.link.client.engine, &f.link.server.in);
    assert_int_equal(buf_len(&f.link.server.in), 0);
    stop(&f);
}

/* --- what a peer may send --- */

static void feed_server(struct fixture *f, const void *data, size_t len)
{
    assert_int_equal(buf_append(&f->link.server.in, data, len), 0);
    f->link.client.err = E_CLOSED; /* takes no part */
    link_pump(&f->link, 0);
}

static void garbage_for_a_handshake(void **state)
{
    static const struct {
        const char *bytes, *why;
    } cases[] = {
        {"\x16\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "what came is not TLS"},
        {"ZZZZZZZZZZZZZZZZZZZZZZ", "what came is not TLS"},
        {"GET / HTTP/1.1\r\n\r\n", "what came is HTTP, not TLS"},
        {"CONNECT a:1 HTTP/1.1\r\n\r\n", "what came is HTTP, not TLS"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;
        start(&f, TLS_VERSION_ANY);
        feed_server(&f, cases[i].bytes, strlen(cases[i].bytes));
        assert_int_equal(f.link.server.err, E_TLS);
        assert_string_equal(tls_engine_error(f.link.server.engine), cases[i].why);
        stop(&f);
    }
}

/* A flight that stops somewhere is no error: there may be more. */
static void a_truncated_hello_waits(void **state)
{
    struct fixture f;
    (void)state;
    start(&f, TLS_VERSION_1_3);
    link_pump(&f.link, 1); /* only to learn how long it is */
    stop(&f);
    for (size_t keep = 0; keep < 200; keep += 13) {
        uint8_t room[16];
        size_t n;
        struct slice none = {0};
        start(&f, TLS_VERSION_1_3);
        assert_int_equal(tls_engine_read(f.link.client.engine, &none, room, 16, &n, &f.link.server.in), 0);
        assert_true(buf_len(&f.link.server.in) > keep);
        struct slice in = slice_make(buf_slice(&f.link.server.in).data, keep);
        assert_int_equal(tls_engine_read(f.link.server.engine, &in, room, 16, &n, &f.link.client.in), 0);
        assert_int_equal(in.len + n, 0);
        assert_int_equal(buf_len(&f.link.client.in), 0);
        stop(&f);
    }
}

/* Any byte of an established connection's record that differs ends it, with an alert. */
static void a_damaged_record_is_fatal(void **state)
{
    (void)state;
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
        for (size_t at = 5; at < 21; at += 5) {
            struct fixture f;
            start(&f, (enum tls_version)v);
            assert_true(link_shake(&f.link));
            assert_int_equal(tls_engine_write(f.link.client.engine, slice_str("0123456789abcdef"), &f.link.server.in),
                             0);
            f.link.server.in.data[f.link.server.in.start + at] ^= 0x10;
            link_pump(&f.link, 0);
            assert_int_equal(f.link.server.err, E_TLS);
            assert_string_equal(tls_engine_error(f.link.server.engine), "a record is damaged");
            assert_int_equal(buf_len(&f.link.server.got), 0);
            assert_int_equal(f.link.client.err, E_TLS); /* the alert came */
            stop(&f);
        }
    }
}

static bool damage(struct buf *b, size_t at)
{
    if (at >= buf_len(b))
        return false;
    b->data[b->start + at] ^= 0x04;
    return true;
}

/* A byte of both first flights: one side finds out, because the handshake is signed. Nothing hangs or crashes. */
static void damage_anywhere_in_the_handshake(void **state)
{
    (void)state;
    for (size_t at = 0; at < 1500; at += 37) {
        struct fixture f;
        uint8_t room[64];
        size_t n;
        struct slice none = {0};
        start(&f, at % 2 ? TLS_VERSION_1_2 : TLS_VERSION_1_3);
        assert_int_equal(tls_engine_read(f.link.client.engine, &none, room, sizeof room, &n, &f.link.server.in), 0);
        bool damaged = damage(&f.link.server.in, at);
        struct slice in = buf_slice(&f.link.server.in);
        f.link.server.err = tls_engine_read(f.link.server.engine, &in, room, sizeof room, &n, &f.link.client.in);
        buf_consume(&f.link.server.in, buf_len(&f.link.server.in));
        if (!f.link.server.err)
            damaged = damage(&f.link.client.in, at) || damaged;
        link_pump(&f.link, 0);
        assert_int_equal(!damaged, tls_engine_open(f.link.client.engine) && tls_engine_open(f.link.server.engine));
        stop(&f);
    }
}

static void seeded_noise(void **state)
{
    uint32_t seed = 12345;
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct fixture f;
        uint8_t noise[512];
        for (size_t i = 0; i < sizeof noise; i++) {
            seed = seed * 1664525 + 1013904223;
            noise[i] = (uint8_t)(seed >> 24);
        }
        if (round % 2)
            memcpy(noise, "\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03", 11);
        start(&f, TLS_VERSION_ANY);
        feed_server(&f, noise, sizeof noise);
        assert_false(tls_engine_open(f.link.server.engine));
        stop(&f);
    }
}

/* --- memory --- */

static void no_room_for_the_answer(void **state)
{
    struct fixture f;
    struct buf tiny;
    uint8_t room[64];
    size_t n;
    (void)state;
    start(&f, TLS_VERSION_1_3);
    buf_init(&tiny, 16);
    struct slice none = {0};
    assert_int_equal(tls_engine_read(f.link.client.engine, &none, room, sizeof room, &n, &tiny), E_TOO_LARGE);
    assert_string_equal(tls_engine_error(f.link.client.engine), err_text(E_TOO_LARGE));
    assert_int_equal(tls_engine_read(f.link.client.engine, &none, room, sizeof room, &n, &tiny), E_TLS);
    buf_fini(&tiny);
    stop(&f);
    start(&f, TLS_VERSION_1_3);
    assert_true(link_shake(&f.link));
    buf_init(&tiny, 16);
    assert_int_equal(tls_engine_write(f.link.server.engine, slice_str("more than fits"), &tiny), E_TOO_LARGE);
    assert_false(tls_engine_open(f.link.server.engine));
    buf_fini(&tiny);
    stop(&f);
}

/* OpenSSL 3.5 gives an SSL without a record layer when memory ended in SSL_new(), leaves no error behind, and walks
 * into it in SSL_set_bio(): nothing that a caller could see. */
static void each_allocation_fails(void **state)
{
    bool failed = true;
    (void)state;
    if (OpenSSL_version_num() >= 0x30200000L)
        skip();
    struct tls_client_config c = link_client_config(&world);
    struct tls_ctx *ctx = link_client(&c);
    for (size_t n = 1; failed; n++) {
        struct tls_engine *e = NULL;
        failing_alloc_start(n);
        int err = tls_engine_create(ctx, &e);
        failed = failing_alloc_stop();
        assert_int_equal(err, failed ? E_NOMEM : 0);
        if (!err)
            tls_engine_destroy(&e);
    }
    tls_ctx_destroy(&ctx);
}

/* Also OpenSSL's allocations are counted here: some thousands in a handshake, of which every 61st is tried. */
static void memory_ends_in_the_handshake(void **state)
{
    (void)state;
    for (int v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
        bool failed = true;
        for (size_t n = 1; failed; n += 61) {
            struct fixture f;
            start(&f, (enum tls_version)v);
            failing_alloc_start(n);
            bool open = link_shake(&f.link);
            failed = failing_alloc_stop();
            assert_true(open || failed);
            stop(&f);
        }
    }
}

static void *count_malloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    record_buffers += size >= 16384;
    return malloc(size);
}

static void *count_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return realloc(old, size);
}

static void count_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

static int set_up(void **state)
{
    (void)state;
    link_world_init(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    link_world_fini(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_versions_both_ways),
        cmocka_unit_test(one_byte_at_a_time),
        cmocka_unit_test(large_records),
        cmocka_unit_test(a_small_room_takes_many_calls),
        cmocka_unit_test(record_buffers_are_kept_if_asked),
        cmocka_unit_test(buffers_in_use_are_not_given_back),
        cmocka_unit_test(goodbye),
        cmocka_unit_test(closing_before_it_is_open_says_nothing),
        cmocka_unit_test(garbage_for_a_handshake),
        cmocka_unit_test(a_truncated_hello_waits),
        cmocka_unit_test(a_damaged_record_is_fatal),
        cmocka_unit_test(damage_anywhere_in_the_handshake),
        cmocka_unit_test(seeded_noise),
        cmocka_unit_test(no_room_for_the_answer),
        cmocka_unit_test(each_allocation_fails),
        cmocka_unit_test(memory_ends_in_the_handshake),
    };
    CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free); /* before OpenSSL's first */
    return cmocka_run_group_tests_name("tls/tls_engine", tests, set_up, tear_down);
}
