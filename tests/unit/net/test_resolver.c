/* SPDX-License-Identifier: Apache-2.0 */
/* The resolver on the loop: a caller is answered once, later, and no more is under way than it should be. Numeric names
 * need no name server, so that this runs anywhere; what a name server that does not answer does to the C library, a
 * gate does here. */
#include "net/resolver.h"

#include "base/err.h"
#include "support.h"

#include <netdb.h>
#include <pthread.h>
#include <unistd.h>

int __real_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out);
int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out);

/* Threads that ask for a name with a letter at its front wait here. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool shut;
    unsigned inside;
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void set_gate(bool shut)
{
    pthread_mutex_lock(&gate.mutex);
    gate.shut = shut;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

static void await_inside(unsigned count)
{
    pthread_mutex_lock(&gate.mutex);
    while (gate.inside != count)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    pthread_mutex_unlock(&gate.mutex);
}

static void pass_gate(void)
{
    pthread_mutex_lock(&gate.mutex);
    gate.inside++;
    pthread_cond_broadcast(&gate.changed);
    while (gate.shut)
        pthread_cond_wait(&gate.changed, &gate.mutex);
    gate.inside--;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.mutex);
}

int __wrap_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    if (*node != 's')
        return __real_getaddrinfo(node, service, hints, out);
    pass_gate();
    return EAI_AGAIN;
}

struct asked {
    unsigned told;
    int err;
    size_t count;
    struct resolved first;
    char full_name[64]; /* of the first; empty: none */
};

struct fixture {
    struct net_loop loop;
    struct net_resolver resolver;
};

static void on_done(void *arg, int err, const struct resolved *found, size_t count)
{
    struct asked *a = arg;
    a->told++;
    a->err = err;
    a->count = count;
    if (count)
        a->first = found[0];
    if (count && found[0].full_name)
        snprintf(a->full_name, sizeof a->full_name, "%s", found[0].full_name);
}

static int ask(struct fixture *f, enum resolver_kind kind, const char *name, struct asked *a)
{
    struct resolver *r = &f->resolver.resolver;
    *a = (struct asked){0};
    return r->ops->resolve(r, kind, name, on_done, a);
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.loop.round = 0};
    assert_int_equal(net_loop_init(&f.loop), 0);
    assert_int_equal(net_resolver_init(&f.resolver, &f.loop, 0), 0);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    net_resolver_stop(&f->resolver);
    net_loop_fini(&f->loop);
    assert_int_equal(f->resolver.running, 0);
    return 0;
}

static void numeric_names(void **state)
{
    struct fixture *f = *state;
    struct asked four, six;
    assert_int_equal(ask(f, RESOLVE_ADDRESS, "127.0.0.9", &four), 0);
    assert_int_equal(ask(f, RESOLVE_ADDRESS, "::1", &six), 0);
    assert_int_equal(four.told + six.told, 0);
    net_loop_run(&f->loop);
    assert_int_equal(four.told, 1);
    assert_int_equal(four.err, 0);
    assert_int_equal(four.count, 1);
    assert_string_equal(four.first.address, "127.0.0.9");
    assert_int_equal(four.first.port, 0);
    assert_int_equal(six.count, 1);
    assert_string_equal(six.first.address, "::1");
}

static void no_names(void **state)
{
    struct fixture *f = *state;
    struct asked a;
    char name[255];
    memset(name, 'a', 254);
    name[254] = '\0';
    assert_int_equal(ask(f, RESOLVE_ADDRESS, "", &a), E_INVALID);
    assert_int_equal(ask(f, RESOLVE_SERVICE, name, &a), E_INVALID);
    net_loop_run(&f->loop);
    assert_int_equal(a.told, 0);
}

/* Two at work, the others wait, and all are told. */
static void many_at_once(void **state)
{
    struct fixture *f = *state;
    static struct asked asked[RESOLVER_QUERIES_MAX + RESOLVER_WAITING_MAX], more;
    size_t count = sizeof asked / sizeof asked[0];
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ask(f, RESOLVE_ADDRESS, "127.0.0.1", &asked[i]), 0);
    assert_int_equal(f->resolver.running, RESOLVER_QUERIES_MAX);
    assert_int_equal(ask(f, RESOLVE_ADDRESS, "127.0.0.1", &more), E_TOO_MANY);
    net_loop_run(&f->loop);
    for (size_t i = 0; i < count; i++)
        assert_true(asked[i].told == 1 && asked[i].count == 1);
    assert_int_equal(more.told, 0);
}

/* The caller does not wait for a thread that is stuck, nor for one to be free. */
static void in_time_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    static struct asked asked[RESOLVER_QUERIES_MAX + 1];
    f->resolver.timeout_ms = 1;
    set_gate(true);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        assert_int_equal(ask(f, RESOLVE_ADDRESS, "stuck", &asked[i]), 0);
    while (asked[0].told + asked[1].told + asked[2].told < 3)
        uv_run(&f->loop.uv, UV_RUN_ONCE);
    await_inside(RESOLVER_QUERIES_MAX);
    set_gate(false);
    net_loop_run(&f->loop);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        assert_int_equal(asked[i].told, 1);
        assert_int_equal(asked[i].err, E_TIMEOUT);
        assert_int_equal(asked[i].count, 0);
    }
}

/* Neither the end nor libuv's pool waits for threads that are stuck. */
static void stuck_at_the_end(void **state)
{
    struct fixture *f = *state;
    static struct asked asked[RESOLVER_QUERIES_MAX + 1];
    set_gate(true);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        assert_int_equal(ask(f, i ? RESOLVE_ADDRESS : RESOLVE_HOST, "stuck", &asked[i]), 0);
    await_inside(RESOLVER_QUERIES_MAX);
    net_resolver_stop(&f->resolver);
    net_loop_fini(&f->loop);
    set_gate(false);
    await_inside(0);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        assert_int_equal(asked[i].told, 0);
    setup(state);
}

static void stopped_meanwhile(void **state)
{
    struct fixture *f = *state;
    static struct asked asked[RESOLVER_QUERIES_MAX + 3], late;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        assert_int_equal(ask(f, RESOLVE_ADDRESS, "127.0.0.1", &asked[i]), 0);
    net_resolver_stop(&f->resolver);
    assert_int_equal(ask(f, RESOLVE_ADDRESS, "127.0.0.1", &late), E_CLOSED);
    net_loop_run(&f->loop);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        assert_int_equal(asked[i].told, 0);
    assert_int_equal(net_resolver_init(&f->resolver, &f->loop, 0), 0); /* for the teardown */
}

static void full_name(void **state)
{
    struct fixture *f = *state;
    struct asked host, plain;
    assert_int_equal(ask(f, RESOLVE_HOST, "localhost", &host), 0);
    assert_int_equal(ask(f, RESOLVE_ADDRESS, "localhost", &plain), 0);
    net_loop_run(&f->loop);
    assert_int_equal(host.err, 0);
    assert_true(host.count > 0);
    assert_string_equal(host.full_name, "localhost");
    assert_true(plain.count > 0);
    assert_string_equal(plain.full_name, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numeric_names),     TEST(no_names),         TEST(many_at_once), TEST(in_time_or_not_at_all),
        TEST(stopped_meanwhile), TEST(stuck_at_the_end), TEST(full_name),
    };
    alarm(60); /* a test that waits for what never comes ends the program */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
