/* SPDX-License-Identifier: Apache-2.0 */
#include "api_rig.h"

#include "api/ask.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t now_ms(void *arg)
{
    return ((struct api_rig *)arg)->now_ms;
}

static uint64_t now_us(void *arg)
{
    return ((struct api_rig *)arg)->now_ms * 1000;
}

static void some_bytes(void *arg, void *out, size_t n)
{
    struct api_rig *r = arg;
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = (uint8_t)rng_next(&r->rng);
}

static void on_answer(struct router_request *q, int err, const struct store_result *result)
{
    struct api_rig *r = LIST_ENTRY(q, struct api_rig, request);
    struct object_cursor cursor = {0};
    struct object_sibling sibling;
    r->answered = true;
    r->err = err;
    r->number = result ? result->number : 0;
    r->has_object = result && result->exists && result->object.live;
    r->value[0] = '\0';
    if (r->has_object && object_next(&result->object, &cursor, &sibling))
        snprintf(r->value, sizeof r->value, "%.*s", (int)sibling.value.len, (const char *)sibling.value.data);
}

int api_rig_setup(void **state)
{
    static const char *const users[] = {"MyUser", "other"};
    struct api_rig *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->now_ms = 1000000;
    rng_seed(&r->rng, 7);
    r->clock = (struct clock){now_ms, now_us, now_ms, some_bytes, r};
    timers_init(&r->timers, now_ms, NULL, r);
    assert_int_equal(alone_create(&r->alone, &r->clock, &r->timers, NULL, &r->metrics, (size_t)16 << 20), 0);
    password_queue_init(&r->passwords, &r->timers);
    put_scratch_init(&r->scratch);
    r->api = (struct api){.router = cluster_router(r->alone.cluster),
                          .ops = &router_calls,
                          .clock = &r->clock,
                          .metrics = &r->metrics,
                          .passwords = &r->passwords,
                          .users = users,
                          .user_count = 2,
                          .object_size_max = 1000,
                          .siblings_max = 3,
                          .reap_ms = 3000};
    r->who = api_rig_principal("myuser", true, false);
    r->out.code = OUTCOME_OK;
    router_request_init(&r->request, on_answer);
    *state = r;
    return 0;
}

int api_rig_teardown(void **state)
{
    struct api_rig *r = *state;
    password_queue_fini(&r->passwords);
    put_scratch_fini(&r->scratch);
    alone_destroy(&r->alone);
    timers_fini(&r->timers);
    free(r);
    return 0;
}

void api_rig_wait(struct api_rig *r, uint64_t ms)
{
    uint64_t end = r->now_ms + ms;
    cluster_turn(r->alone.cluster);
    for (;;) {
        uint64_t next = timers_next_ms(&r->timers);
        if (next > end)
            break;
        if (next > r->now_ms)
            r->now_ms = next;
        timers_run(&r->timers);
        cluster_turn(r->alone.cluster);
    }
    r->now_ms = end;
}

/* The answer to the request that was given to the router. */
static void expect_answer(struct api_rig *r)
{
    for (unsigned turns = 0; turns < 5 && !r->answered; turns++)
        cluster_turn(r->alone.cluster);
    assert_true(r->answered);
    r->answered = false;
}

void api_rig_change(struct api_rig *r, struct security_change c)
{
    router_deliver(&r->request, router_change_security(r->api.router, &r->request, &c));
    expect_answer(r);
    assert_int_equal(r->err, 0);
}

void api_rig_add_user(struct api_rig *r, const char *name, const char *password)
{
    struct security_change c = {.act = SECURITY_ADD, .role = ROLE_USER, .password.iterations = 2000};
    snprintf(c.name, sizeof c.name, "%s", name);
    c.has_password = password != NULL;
    if (password)
        assert_int_equal(password_make(&c.password, slice_str(password)), 0);
    api_rig_change(r, c);
}

void api_rig_add_source(struct api_rig *r, const char *name, const char *range, enum security_method method)
{
    struct security_change c = {.act = SECURITY_ADD_SOURCE, .role = *name ? ROLE_USER : ROLE_ALL, .method = method};
    snprintf(c.name, sizeof c.name, "%s", name);
    snprintf(c.range, sizeof c.range, "%s", range);
    api_rig_change(r, c);
}

void api_rig_grant(struct api_rig *r, const char *name, uint32_t permissions, const char *type, const char *bucket)
{
    struct security_change c = {.act = SECURITY_GRANT, .role = ROLE_USER, .permissions = permissions};
    snprintf(c.name, sizeof c.name, "%s", name);
    snprintf(c.type, sizeof c.type, "%s", type);
    snprintf(c.bucket, sizeof c.bucket, "%s", bucket);
    api_rig_change(r, c);
}

void api_rig_create_type(struct api_rig *r, const char *type, const struct bucket_props *props)
{
    router_deliver(&r->request, router_create_type(r->api.router, &r->request, slice_str(type), props));
    expect_answer(r);
    assert_int_equal(r->err, 0);
}

void api_rig_set_bucket(struct api_rig *r, const char *type, const char *bucket, const struct bucket_props *props)
{
    router_deliver(&r->request,
                   router_set_bucket(r->api.router, &r->request, slice_str(type), slice_str(bucket), props));
    expect_answer(r);
    assert_int_equal(r->err, 0);
}

bool api_rig_write(struct api_rig *r, struct prepared_write *w)
{
    router_deliver(&r->request, router_write(r->api.router, &r->request, &w->command));
    expect_answer(r);
    struct store_result result = {.number = r->number};
    return answer_of_key(&r->api, r->err, &result, w->target.rules->consistent, 60000, &r->out);
}

bool api_rig_read(struct api_rig *r, const struct prepared_read *p)
{
    router_deliver(&r->request, router_read(r->api.router, &r->request, &p->target.key, p->any_replica));
    expect_answer(r);
    struct store_result result = {.number = r->number};
    return answer_of_key(&r->api, r->err, &result, false, 60000, &r->out);
}

struct principal api_rig_principal(const char *user, bool configured, bool is_node)
{
    struct principal p = {.address = "127.0.0.1:1", .name_count = 1, .is_node = is_node, .configured = configured};
    snprintf(p.user, sizeof p.user, "%s", user);
    snprintf(p.certificate_name, sizeof p.certificate_name, "%s", user);
    return p;
}

struct key_names api_rig_names(const char *type, const char *bucket, const char *key)
{
    return (struct key_names){slice_str(type), slice_str(bucket), slice_str(key), *type != '\0'};
}
