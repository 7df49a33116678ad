/* The resolver on the loop: who asks is told once, later, and no more is under way than it should be. Numeric names
 * need no name server, so that this runs anywhere. */
#include "net/resolver.h"

#include "base/err.h"
#include "support.h"

#include <unistd.h>

struct asked {
    unsigned told;
    int err;
    size_t count;
    struct resolved first;
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
    net_resolver_init(&f.resolver, &f.loop, 0);
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

/* A worker that is stuck until the test lets it go: nothing else gets a thread. */
static void on_stuck(uv_work_t *work)
{
    uv_sem_wait(work->data);
}

static void on_free(uv_work_t *work, int status)
{
    (void)work;
    assert_int_equal(status, 0);
}

static void in_time_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    static struct asked asked[RESOLVER_QUERIES_MAX + 1];
    uv_work_t stuck[4];
    uv_sem_t sem;
    uv_sem_init(&sem, 0);
    for (int i = 0; i < 4; i++) {
        stuck[i].data = &sem;
        uv_queue_work(&f->loop.uv, &stuck[i], on_stuck, on_free);
    }
    net_resolver_init(&f->resolver, &f->loop, 1);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        assert_int_equal(ask(f, RESOLVE_ADDRESS, "127.0.0.1", &asked[i]), 0);
    while (asked[0].told + asked[1].told + asked[2].told < 3)
        uv_run(&f->loop.uv, UV_RUN_ONCE);
    for (int i = 0; i < 4; i++)
        uv_sem_post(&sem);
    net_loop_run(&f->loop);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        assert_int_equal(asked[i].told, 1);
        assert_int_equal(asked[i].err, E_TIMEOUT);
        assert_int_equal(asked[i].count, 0);
    }
    uv_sem_destroy(&sem);
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
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numeric_names), TEST(no_names), TEST(many_at_once), TEST(in_time_or_not_at_all), TEST(stopped_meanwhile),
    };
    alarm(60); /* a test that waits for what never comes ends the program */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
