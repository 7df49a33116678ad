/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

#include "base/err.h"
#include "net/http_impl.h"

#include <stdlib.h>
#include <string.h>

#define WHY_SIZE (CURL_ERROR_SIZE + 300)

/* A socket of libcurl's, on the loop. */
struct http_socket {
    uv_poll_t poll;
    struct net_http *http;
    curl_socket_t fd;
};

/* --- the end of a call --- */

/* What libcurl and the resolver know of it. */
static void release(struct http_call *c)
{
    const struct curl *curl = &c->http->curl;
    timer_stop(&c->http->loop->timers, &c->timer);
    if (c->question)
        c->question->call = NULL;
    if (c->added)
        curl->multi_remove_handle(c->http->multi, c->easy);
    if (c->easy)
        curl->easy_cleanup(c->easy);
    if (curl->loaded) {
        curl->slist_free_all(c->headers);
        curl->slist_free_all(c->addresses);
    }
    list_remove(&c->link);
    c->http->count--;
}

static void free_call(struct http_call *c)
{
    buf_fini(&c->body);
    free(c);
}

/* `done` may ask for more, and may end the whole. */
static void end(struct http_call *c, int err, const char *why)
{
    struct slice body = buf_slice(&c->body);
    struct http_answer answer = {.body = body.data ? (const char *)body.data : "", .size = body.len};
    long status = 0;
    if (!err)
        c->http->curl.easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    answer.status = (unsigned)status;
    release(c);
    c->done(c->arg, err, err ? NULL : &answer, why);
    free_call(c);
}

static void fail_later(struct http_call *c, int err, const char *text)
{
    c->failed = err;
    snprintf(c->text, sizeof c->text, "%s", text);
    timer_start(&c->http->loop->timers, &c->timer, 0);
}

static void on_call_timer(struct timer *t)
{
    struct http_call *c = LIST_ENTRY(t, struct http_call, timer);
    char why[WHY_SIZE];
    if (c->failed)
        snprintf(why, sizeof why, "%s", c->text);
    else if (c->question)
        snprintf(why, sizeof why, "the address of %s was not found within %u ms", c->host, c->timeout_ms);
    else
        snprintf(why, sizeof why, "%s port %s did not answer within %u ms", c->host, c->port, c->timeout_ms);
    end(c, c->failed ? c->failed : E_TIMEOUT, why);
}

/* --- what libcurl wants --- */

static void end_finished(struct net_http *h)
{
    struct CURLMsg *m;
    int left;
    while (!h->ended && (m = h->curl.multi_info_read(h->multi, &left))) {
        struct http_call *c = NULL;
        char why[WHY_SIZE] = "";
        h->curl.easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
        int err = http_judge(c, m->data.result, why, sizeof why);
        end(c, err, why);
    }
}

/* The loop's clock and libcurl's have other milliseconds: when its timer came too early, libcurl does not start it
 * again. */
static void keep_timer(struct net_http *h)
{
    long ms = -1;
    if (h->ended || timer_runs(&h->timer) || h->curl.multi_timeout(h->multi, &ms) || ms < 0)
        return;
    timer_start(&h->loop->timers, &h->timer, (uint64_t)ms + 1);
}

/* Out of memory for a socket: libcurl gives all of its transfers up. */
static void fail_all(struct net_http *h)
{
    struct list all;
    list_take(&h->calls, &all);
    while (!list_empty(&all) && !h->ended) {
        struct list *first = all.next;
        list_remove(first);
        list_append(&h->calls, first);
        end(LIST_ENTRY(first, struct http_call, link), E_NOMEM, err_text(E_NOMEM));
    }
}

static void act(struct net_http *h, curl_socket_t fd, int events)
{
    int running;
    bool broken = h->curl.multi_socket_action(h->multi, fd, events, &running) != CURLM_OK;
    end_finished(h);
    if (broken && !h->ended)
        fail_all(h);
    keep_timer(h);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct http_socket *s = poll->data;
    int what = (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    act(s->http, s->fd, status < 0 ? CURL_CSELECT_ERR : what);
}

static void on_timer(struct timer *t)
{
    act(LIST_ENTRY(t, struct net_http, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int on_timeout(CURLM *multi, long ms, void *arg)
{
    struct net_http *h = arg;
    (void)multi;
    if (ms < 0)
        timer_stop(&h->loop->timers, &h->timer);
    else
        timer_start(&h->loop->timers, &h->timer, (uint64_t)ms + (ms > 0));
    return 0;
}

static struct http_socket *add_socket(struct net_http *h, curl_socket_t fd)
{
    struct http_socket *s = calloc(1, sizeof *s);
    if (!s || uv_poll_init(&h->loop->uv, &s->poll, fd)) {
        free(s);
        return NULL;
    }
    s->poll.data = s;
    s->http = h;
    s->fd = fd;
    h->curl.multi_assign(h->multi, fd, s);
    return s;
}

static void on_socket_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void remove_socket(struct net_http *h, struct http_socket *s)
{
    h->curl.multi_assign(h->multi, s->fd, NULL);
    uv_close((uv_handle_t *)&s->poll, on_socket_closed);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
    struct net_http *h = arg;
    struct http_socket *s = socket;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s)
            remove_socket(h, s);
        return 0;
    }
    if (!s)
        s = add_socket(h, fd);
    return s && uv_poll_start(&s->poll, events, on_ready) == 0 ? 0 : -1;
}

/* --- the start of a call --- */

static bool set_up(struct net_http *h)
{
    const struct curl *c = &h->curl;
    return c->multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           c->multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) == CURLM_OK &&
           c->multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timeout) == CURLM_OK &&
           c->multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) == CURLM_OK &&
           c->multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_CONNECTIONS_MAX) == CURLM_OK;
}

/* At the first request. */
static int open_library(struct net_http *h, char *why, size_t why_size)
{
    int err = curl_load(&h->curl, why, why_size);
    if (err || h->multi)
        return err;
    h->multi = h->curl.multi_init();
    if (h->multi && set_up(h))
        return 0;
    if (h->multi)
        h->curl.multi_cleanup(h->multi);
    h->multi = NULL;
    snprintf(why, why_size, "%s", err_text(E_NOMEM));
    return E_NOMEM;
}

/* From here on libcurl reports through its timer. */
static void transfer(struct http_call *c)
{
    if (c->http->curl.multi_add_handle(c->http->multi, c->easy) != CURLM_OK)
        fail_later(c, E_NOMEM, err_text(E_NOMEM));
    else
        c->added = true;
}

static void on_resolved(void *arg, int err, const struct resolved *found, size_t count)
{
    struct http_question *q = arg;
    struct http_call *c = q->call;
    char why[WHY_SIZE];
    free(q);
    if (!c)
        return;
    c->question = NULL;
    if (!err && count)
        err = http_set_addresses(c, found, count);
    else if (!err)
        err = E_NOT_FOUND;
    if (!err) {
        transfer(c);
        return;
    }
    snprintf(why, sizeof why, "the address of %s was not found: %s", c->host,
             err == E_NOT_FOUND ? "there is no such name"
             : err == E_NOMEM   ? err_text(err)
                                : "no name server answered");
    end(c, err == E_NOT_FOUND ? E_IO : err, why);
}

static bool is_address(const char *host)
{
    struct in_addr v4;
    return *host == '[' || uv_inet_pton(AF_INET, host, &v4) == 0;
}

static int resolve(struct http_call *c)
{
    struct resolver *r = c->http->resolver;
    struct http_question *q = malloc(sizeof *q);
    if (!q)
        return E_NOMEM;
    q->call = c;
    int err = r->ops->resolve(r, RESOLVE_ADDRESS, c->host, on_resolved, q);
    if (err)
        free(q);
    else
        c->question = q;
    return err;
}

static int begin(struct http_call *c)
{
    if (c->failed) {
        timer_start(&c->http->loop->timers, &c->timer, 0);
        return 0;
    }
    if (!is_address(c->host))
        return resolve(c);
    transfer(c);
    return 0;
}

static struct http_call *make_call(struct net_http *h, const struct http_request *request, http_done done, void *arg)
{
    struct http_call *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->http = h;
    c->done = done;
    c->arg = arg;
    c->timeout_ms = request->timeout_ms;
    buf_init(&c->body, request->body_max);
    list_append(&h->calls, &c->link);
    h->count++;
    timer_init(&c->timer, on_call_timer);
    timer_start(&h->loop->timers, &c->timer, c->timeout_ms);
    return c;
}

static int start(struct http_call *c, const struct http_request *request)
{
    char why[CURL_ERROR_SIZE];
    int err = open_library(c->http, why, sizeof why);
    if (err) {
        fail_later(c, err, why);
        return 0;
    }
    err = http_prepare(c, request);
    return err ? err : begin(c);
}

static int get(struct http *http, const struct http_request *request, http_done done, void *arg, struct http_call **out)
{
    struct net_http *h = LIST_ENTRY(http, struct net_http, http);
    if (h->ended)
        return E_CLOSED;
    if (h->count == HTTP_CALLS_MAX)
        return E_TOO_MANY;
    struct http_call *c = make_call(h, request, done, arg);
    if (!c)
        return E_NOMEM;
    int err = start(c, request);
    if (err) {
        release(c);
        free_call(c);
        return err;
    }
    *out = c;
    return 0;
}

static void cancel(struct http *http, struct http_call *c)
{
    (void)http;
    release(c);
    free_call(c);
}

/* --- its life --- */

int net_http_check(char *why, size_t why_size)
{
    struct curl curl = {.loaded = false};
    int err = curl_load(&curl, why, why_size);
    curl_unload(&curl);
    return err;
}

void net_http_init(struct net_http *h, struct net_loop *loop, struct resolver *resolver)
{
    static const struct http_ops ops = {get, cancel};
    *h = (struct net_http){.http = {&ops}, .loop = loop, .resolver = resolver};
    list_init(&h->calls);
    timer_init(&h->timer, on_timer);
}

void net_http_stop(struct net_http *h)
{
    h->ended = true;
    while (!list_empty(&h->calls))
        cancel(&h->http, LIST_ENTRY(h->calls.next, struct http_call, link));
    if (h->multi)
        h->curl.multi_cleanup(h->multi);
    h->multi = NULL;
    timer_stop(&h->loop->timers, &h->timer);
    curl_unload(&h->curl);
}
