/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include "base/err.h"
#include "base/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- time and chance --- */

static uint64_t now(void *arg)
{
    return ((struct rig *)arg)->now_ms;
}

static void give_chance(void *arg, void *out, size_t n)
{
    memset(out, ((struct rig *)arg)->chance, n);
}

static void keep_line(void *arg, enum log_level level, const char *line)
{
    struct rig *r = arg;
    (void)level;
    snprintf(r->lines + strlen(r->lines), sizeof r->lines - strlen(r->lines), "%s\n", line);
}

void rig_pass(struct rig *r, uint64_t ms)
{
    uint64_t end = r->now_ms + ms;
    while (timers_next_ms(&r->timers) <= end) {
        if (timers_next_ms(&r->timers) > r->now_ms)
            r->now_ms = timers_next_ms(&r->timers);
        timers_run(&r->timers);
    }
    r->now_ms = end;
}

/* --- names --- */

static int resolve(struct resolver *resolver, enum resolver_kind kind, const char *name, resolver_done done, void *arg)
{
    struct rig *r = (struct rig *)resolver;
    if (r->refuse)
        return r->refuse;
    assert_true(r->question_count < QUESTIONS_MAX);
    struct question_asked *q = &r->questions[r->question_count++];
    *q = (struct question_asked){.kind = kind, .at_ms = r->now_ms, .done = done, .arg = arg};
    snprintf(q->name, sizeof q->name, "%s", name);
    r->asked++;
    return 0;
}

static const struct resolver_ops resolver_ops = {.resolve = resolve};

static struct question_asked take_question(struct rig *r, const char *name)
{
    assert_true(r->question_count > 0);
    struct question_asked q = r->questions[0];
    if (name)
        assert_string_equal(q.name, name);
    r->question_count--;
    memmove(r->questions, r->questions + 1, r->question_count * sizeof q);
    return q;
}

void rig_answer(struct rig *r, const char *name, const char *list)
{
    struct resolved found[64] = {0};
    size_t count = 0;
    while (list && *list) {
        size_t len = strcspn(list, " ");
        snprintf(found[count++].address, sizeof found[0].address, "%.*s", (int)len, list);
        list += len + strspn(list + len, " ");
    }
    struct question_asked q = take_question(r, name);
    assert_int_equal(q.kind, RESOLVE_ADDRESS);
    q.done(q.arg, 0, found, count);
}

void rig_answer_many(struct rig *r, const struct resolved *list, size_t count)
{
    struct question_asked q = take_question(r, NULL);
    q.done(q.arg, 0, list, count);
}

void rig_answer_service(struct rig *r, const char *name, const char *address, uint16_t port)
{
    struct resolved found = {.port = port};
    snprintf(found.address, sizeof found.address, "%s", address);
    struct question_asked q = take_question(r, name);
    assert_int_equal(q.kind, RESOLVE_SERVICE);
    q.done(q.arg, 0, &found, 1);
}

void rig_fail(struct rig *r, const char *name, int err)
{
    struct question_asked q = take_question(r, name);
    q.done(q.arg, err, NULL, 0);
}

/* --- the API --- */

static struct rig *rig_of(struct http *h)
{
    return LIST_ENTRY(h, struct rig, http);
}

static int http_get(struct http *h, const struct http_request *request, http_done done, void *arg,
                    struct http_call **out)
{
    struct rig *r = rig_of(h);
    assert_false(r->call.under_way);
    if (r->refuse_call)
        return r->refuse_call;
    r->call = (struct http_call){.body_max = request->body_max, .done = done, .arg = arg, .under_way = true};
    snprintf(r->call.url, sizeof r->call.url, "%s", request->url);
    snprintf(r->call.files, sizeof r->call.files, "%s %s %s %s", request->token_file ? request->token_file : "-",
             request->user ? request->user : "-", request->password_file ? request->password_file : "-",
             request->root_file ? request->root_file : "-");
    assert_in_range(request->timeout_ms, 1000, 10000);
    r->calls++;
    *out = &r->call;
    return 0;
}

static void http_cancel(struct http *h, struct http_call *call)
{
    assert_ptr_equal(call, &rig_of(h)->call);
    assert_true(call->under_way);
    call->under_way = false;
}

static const struct http_ops http_ops = {http_get, http_cancel};

/* From a block of its own, so that a sanitizer sees who reads beyond it. */
void rig_http(struct rig *r, unsigned status, const char *body)
{
    size_t size = strlen(body);
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, body, size);
    assert_true(r->call.under_way);
    r->call.under_way = false;
    const struct http_answer answer = {.status = status, .body = copy, .size = size};
    r->call.done(r->call.arg, 0, &answer, NULL);
    free(copy);
}

void rig_http_fails(struct rig *r, int err, const char *why)
{
    assert_true(r->call.under_way);
    r->call.under_way = false;
    r->call.done(r->call.arg, err, NULL, why);
}

static void on_listed(void *arg, const struct discovery_roster *roster)
{
    struct rig *r = arg;
    r->listed++;
    r->roster = *roster;
    r->places[0] = '\0';
    char *p = r->places;
    for (size_t i = 0; i < roster->count; i++)
        p += sprintf(p, "%s%s:%u", i ? " " : "", roster->places[i].address, roster->places[i].epmd_port);
}

/* --- the discovery --- */

static void on_found(void *arg, const struct discovery_view *view)
{
    struct rig *r = arg;
    r->told++;
    r->view = *view;
    r->seen[0] = '\0';
    char *p = r->seen;
    for (size_t i = 0; i < view->count; i++) {
        const struct discovery_candidate *c = &view->candidates[i];
        p += sprintf(p, c->listed ? "%s%s:%u" : "%s(%s:%u)", i ? " " : "", c->address, c->epmd_port);
    }
    assert_ptr_equal(discovery_current(r->d), view);
}

static int create(struct rig *r, const struct discovery_marathon *marathon,
                  const struct discovery_kubernetes *kubernetes, const char *peers)
{
    struct discovery_config config = {.peers = peers,
                                      .epmd_port = PORT,
                                      .marathon = marathon,
                                      .kubernetes = kubernetes,
                                      .http = &r->http,
                                      .listed = on_listed,
                                      .timers = &r->timers,
                                      .clock = &r->clock,
                                      .resolver = &r->resolver,
                                      .log = &r->log,
                                      .found = on_found,
                                      .arg = r};
    return discovery_create(&config, &r->d, r->why, sizeof r->why);
}

int rig_create(struct rig *r, const char *peers)
{
    return create(r, NULL, NULL, peers);
}

static void init(struct rig *r, const struct discovery_marathon *marathon,
                 const struct discovery_kubernetes *kubernetes, const char *peers)
{
    *r = (struct rig){.resolver.ops = &resolver_ops, .http.ops = &http_ops, .now_ms = 1000000, .chance = 255};
    r->clock = (struct clock){.boot_ms = now, .random = give_chance, .arg = r};
    r->log = (struct log){.level = LOG_INFO, .sink = keep_line, .arg = r};
    timers_init(&r->timers, now, NULL, r);
    if (create(r, marathon, kubernetes, peers))
        fail_msg("%s", r->why);
}

void rig_init(struct rig *r, const char *peers)
{
    init(r, NULL, NULL, peers);
}

void rig_init_marathon(struct rig *r, const struct discovery_marathon *marathon, const char *peers)
{
    init(r, marathon, NULL, peers);
}

void rig_init_kubernetes(struct rig *r, const struct discovery_kubernetes *kubernetes, const char *peers)
{
    init(r, NULL, kubernetes, peers);
}

void rig_fini(struct rig *r)
{
    discovery_destroy(&r->d);
    assert_null(r->d);
    unsigned told = r->told;
    while (r->question_count) /* answers that nobody waits for any more */
        rig_fail(r, NULL, E_TIMEOUT);
    assert_int_equal(r->told, told);
    assert_false(r->call.under_way);
    timers_fini(&r->timers);
}

void assert_seen(const struct rig *r, const char *candidates, unsigned listed)
{
    assert_string_equal(r->seen, candidates);
    assert_int_equal(r->view.listed, listed);
}
