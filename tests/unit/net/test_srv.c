/* SPDX-License-Identifier: Apache-2.0 */
/* The SRV records of DNS answers: as name servers write them, and as those who wish us ill do. */
#include "net/srv.h"

#include "base/err.h"
#include "support.h"

#include <stdlib.h>

/* A message as it grows. Its question is for "_epmd._tcp.store.example", whose name begins at offset 12. */
struct message {
    uint8_t data[70000];
    size_t len;
};

static void put16(struct message *m, unsigned n)
{
    m->data[m->len++] = (uint8_t)(n >> 8);
    m->data[m->len++] = (uint8_t)n;
}

static void put_name(struct message *m, const char *name)
{
    while (*name) {
        size_t n = strcspn(name, ".");
        m->data[m->len++] = (uint8_t)n;
        memcpy(m->data + m->len, name, n);
        m->len += n;
        name += n + (name[n] == '.');
    }
    m->data[m->len++] = 0;
}

static void begin(struct message *m, unsigned answers)
{
    m->len = 0;
    put16(m, 0x1234);
    put16(m, 0x8180); /* a response, no error */
    put16(m, 1);
    put16(m, answers);
    put16(m, 0);
    put16(m, 0);
    put_name(m, "_epmd._tcp.store.example");
    put16(m, 33);
    put16(m, 1);
}

/* Up to its data, whose length is given. */
static void begin_record(struct message *m, unsigned type, size_t data_len)
{
    put16(m, 0xc00c); /* the question's name */
    put16(m, type);
    put16(m, 1);
    put16(m, 0);
    put16(m, 30); /* time to live */
    put16(m, (unsigned)data_len);
}

static size_t name_len(const char *name)
{
    return strlen(name) + (*name ? 2 : 1);
}

static void add_srv(struct message *m, unsigned port, const char *target)
{
    begin_record(m, 33, 6 + name_len(target));
    put16(m, 0);
    put16(m, 1);
    put16(m, port);
    put_name(m, target);
}

/* In memory of exactly its size, so that a sanitizer sees one byte too far. */
static int parse(const struct message *m, size_t len, struct srv *out, size_t max)
{
    uint8_t *exact = malloc(len ? len : 1);
    memcpy(exact, m->data, len);
    int n = srv_parse(slice_make(exact, len), out, max);
    free(exact);
    return n;
}

static void none_one_and_many(void **state)
{
    (void)state;
    static struct message m;
    struct srv out[64];
    begin(&m, 0);
    assert_int_equal(parse(&m, m.len, out, 64), 0);
    begin(&m, 1);
    add_srv(&m, 4369, "store-0.store.example");
    assert_int_equal(parse(&m, m.len, out, 64), 1);
    assert_string_equal(out[0].target, "store-0.store.example");
    assert_int_equal(out[0].port, 4369);
    begin(&m, 3);
    add_srv(&m, 31001, "a");
    add_srv(&m, 31002, "b.example");
    add_srv(&m, 65535, "c_1-x.example");
    assert_int_equal(parse(&m, m.len, out, 64), 3);
    assert_string_equal(out[2].target, "c_1-x.example");
    assert_int_equal(out[2].port, 65535);
}

/* The target's end as a pointer to the question's name, which servers may not send and do. */
static void a_compressed_target(void **state)
{
    (void)state;
    static struct message m;
    struct srv out[1];
    begin(&m, 1);
    begin_record(&m, 33, 6 + 4);
    put16(&m, 0);
    put16(&m, 0);
    put16(&m, 4369);
    m.data[m.len++] = 1;
    m.data[m.len++] = 'x';
    put16(&m, 0xc000 | (12 + 11)); /* "store.example" */
    assert_int_equal(parse(&m, m.len, out, 1), 1);
    assert_string_equal(out[0].target, "x.store.example");
}

static void a_pointer_to_itself(void **state)
{
    (void)state;
    static struct message m;
    struct srv out[1];
    begin(&m, 1);
    begin_record(&m, 33, 6 + 2);
    put16(&m, 0);
    put16(&m, 0);
    put16(&m, 4369);
    put16(&m, 0xc000 | (unsigned)m.len);
    assert_int_equal(parse(&m, m.len, out, 1), 0);
}

static void what_is_left_out(void **state)
{
    (void)state;
    static struct message m;
    struct srv out[64];
    begin(&m, 7);
    begin_record(&m, 5, name_len("alias.example")); /* CNAME */
    put_name(&m, "alias.example");
    add_srv(&m, 4369, "");          /* "." : no such service */
    add_srv(&m, 0, "a.example");    /* no port */
    add_srv(&m, 4369, "a b");       /* no host's name */
    add_srv(&m, 4369, "a\n.error"); /* nor this one, for any log */
    begin_record(&m, 33, 6);        /* without a target */
    put16(&m, 0);
    put16(&m, 0);
    put16(&m, 4369);
    add_srv(&m, 4369, "good.example");
    assert_int_equal(parse(&m, m.len, out, 64), 1);
    assert_string_equal(out[0].target, "good.example");
}

/* No more than asked for, however many are sent. */
static void more_than_wanted(void **state)
{
    (void)state;
    static struct message m;
    struct srv out[4];
    begin(&m, 1500);
    for (int i = 0; i < 1500; i++)
        add_srv(&m, (unsigned)(i + 1), "a.example");
    out[3].port = 7;
    assert_int_equal(parse(&m, m.len, out, 3), 3);
    assert_int_equal(out[2].port, 3);
    assert_int_equal(out[3].port, 7);
}

/* A name of 255 bytes on the wire fits, one that is longer is no name. */
static void long_names(void **state)
{
    (void)state;
    static struct message m;
    struct srv out[1];
    char name[300] = "";
    for (int i = 0; i < 126; i++)
        strcat(name, "a.");
    strcat(name, "b");
    begin(&m, 1);
    add_srv(&m, 1, name);
    assert_int_equal(parse(&m, m.len, out, 1), 1);
    assert_string_equal(out[0].target, name);
    strcat(name, ".c");
    begin(&m, 1);
    add_srv(&m, 1, name);
    assert_int_equal(parse(&m, m.len, out, 1), 0);
}

static void cut_anywhere(void **state)
{
    (void)state;
    static struct message m;
    struct srv out[2];
    begin(&m, 2);
    add_srv(&m, 1, "a.example");
    add_srv(&m, 2, "b.example");
    for (size_t len = 0; len < m.len; len++)
        assert_int_equal(parse(&m, len, out, 2), E_MALFORMED);
    assert_int_equal(parse(&m, m.len, out, 2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_one_and_many),   cmocka_unit_test(a_compressed_target),
        cmocka_unit_test(a_pointer_to_itself), cmocka_unit_test(what_is_left_out),
        cmocka_unit_test(more_than_wanted),    cmocka_unit_test(long_names),
        cmocka_unit_test(cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
