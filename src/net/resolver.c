/* SPDX-License-Identifier: Apache-2.0 */
#include "net/resolver.h"

#include "base/err.h"
#include "net/srv.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <pthread.h>
#include <resolv.h>
#include <signal.h>
#include <stdlib.h>

#define NAME_SIZE     254 /* of a DNS name, with its NUL */
#define ANSWER_SIZE   NS_MAXMSG
#define SERVER_WAIT_S 2 /* for one name server, once; and so often: */
#define SERVER_TRIES  2

struct resolver_shared {
    pthread_mutex_t mutex;
    struct net_resolver *resolver; /* NULL: it has ended */
    struct list finished;          /* queries, for the loop */
    unsigned users;                /* the resolver, and each thread */
};

/* WAITING -> RUNNING -> FINISHED -> freed. The caller is answered once, at the end or when its time is over, whichever
 * is first. */
struct query {
    struct net_resolver *resolver;
    struct list link; /* the loop's */
    enum resolver_kind kind;
    resolver_done done; /* NULL: answered already, or not to be answered */
    void *arg;
    struct timer timer;
    bool running;

    /* Of the thread while it runs. */
    struct resolver_shared *shared;
    struct list finished;
    uint64_t end_ns; /* begin no further question after this */
    char name[NAME_SIZE];
    char full_name[NAME_SIZE];
    int err;
    struct resolved found[RESOLVER_FOUND_MAX];
    size_t count;
};

/* --- on a thread --- */

static bool is_known(const struct query *q, const struct resolved *one)
{
    for (size_t i = 0; i < q->count; i++)
        if (q->found[i].port == one->port && strcmp(q->found[i].address, one->address) == 0)
            return true;
    return false;
}

static void add(struct query *q, const struct sockaddr *address, uint16_t port)
{
    struct resolved one = {.port = port, .full_name = *q->full_name ? q->full_name : NULL};
    if (q->count < RESOLVER_FOUND_MAX && uv_ip_name(address, one.address, sizeof one.address) == 0 &&
        !is_known(q, &one))
        q->found[q->count++] = one;
}

static int name_error(int code)
{
    switch (code) {
    case 0:
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return 0;
    case EAI_MEMORY:
        return E_NOMEM;
    default:
        return E_IO;
    }
}

static int find_addresses(struct query *q, const char *name, uint16_t port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = q->kind == RESOLVE_HOST ? AI_CANONNAME : 0};
    struct addrinfo *all = NULL;
    int code = getaddrinfo(name, NULL, &hints, &all);
    if (code == 0 && all->ai_canonname && strlen(all->ai_canonname) < NAME_SIZE)
        strcpy(q->full_name, all->ai_canonname);
    for (const struct addrinfo *a = code ? NULL : all; a; a = a->ai_next)
        add(q, a->ai_addr, port);
    if (code == 0)
        freeaddrinfo(all);
    return name_error(code);
}

/* Bytes of the answer; 0: there is none. */
static int ask_services(const char *name, uint8_t *answer)
{
    struct __res_state state = {0};
    if (res_ninit(&state))
        return E_IO;
    state.retrans = SERVER_WAIT_S;
    state.retry = SERVER_TRIES;
    int n = res_nsearch(&state, name, ns_c_in, ns_t_srv, answer, ANSWER_SIZE);
    if (n < 0 && (state.res_h_errno == HOST_NOT_FOUND || state.res_h_errno == NO_DATA))
        n = 0;
    else if (n < 0)
        n = E_IO;
    res_nclose(&state);
    return n < ANSWER_SIZE ? n : ANSWER_SIZE;
}

/* One target that does not answer must not hide the others: it fails when none is found at all. */
static void find_targets(struct query *q, const struct srv *srv, size_t count)
{
    int err = 0;
    for (size_t i = 0; i < count && q->count < RESOLVER_FOUND_MAX && uv_hrtime() < q->end_ns; i++) {
        int failed = find_addresses(q, srv[i].target, srv[i].port);
        err = failed ? failed : err;
    }
    q->err = q->count ? 0 : err;
}

static void find_services(struct query *q)
{
    uint8_t *answer = malloc(ANSWER_SIZE);
    struct srv *srv = malloc(RESOLVER_FOUND_MAX * sizeof *srv);
    int n = answer && srv ? ask_services(q->name, answer) : E_NOMEM;
    if (n > 0)
        n = srv_parse(slice_make(answer, (size_t)n), srv, RESOLVER_FOUND_MAX);
    if (n > 0)
        find_targets(q, srv, (size_t)n);
    else
        q->err = n == E_MALFORMED ? E_IO : n;
    free(answer);
    free(srv);
}

/* Frees it when nobody is left. */
static void leave(struct resolver_shared *s)
{
    pthread_mutex_lock(&s->mutex);
    bool last = --s->users == 0;
    pthread_mutex_unlock(&s->mutex);
    if (!last)
        return;
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

/* Gives the query back to the loop, or frees it if there is none any more. */
static void finish(struct query *q)
{
    struct resolver_shared *s = q->shared;
    pthread_mutex_lock(&s->mutex);
    bool wanted = s->resolver != NULL;
    if (wanted) {
        list_append(&s->finished, &q->finished);
        uv_async_send(&s->resolver->finished);
    }
    pthread_mutex_unlock(&s->mutex);
    if (!wanted)
        free(q);
    leave(s);
}

static void *run(void *arg)
{
    struct query *q = arg;
    if (q->kind == RESOLVE_SERVICE)
        find_services(q);
    else
        q->err = find_addresses(q, q->name, 0);
    finish(q);
    return NULL;
}

/* It takes no signals, and nobody joins it. */
static int start_thread(struct query *q)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&thread, NULL, run, q);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0)
        pthread_detach(thread);
    return code ? E_NOMEM : 0;
}

/* --- on the loop --- */

static void begin_waiting(struct net_resolver *r);

static void tell(struct query *q, int err)
{
    resolver_done done = q->done;
    q->done = NULL;
    timer_stop(&q->resolver->loop->timers, &q->timer);
    if (done)
        done(q->arg, err, q->found, err ? 0 : q->count);
}

static void end_running(struct query *q)
{
    struct net_resolver *r = q->resolver;
    list_remove(&q->link);
    if (--r->running == 0)
        uv_unref((uv_handle_t *)&r->finished);
    begin_waiting(r); /* before `done`, which may ask for more */
    tell(q, q->err);
    free(q);
}

static struct query *take_finished(struct resolver_shared *s)
{
    struct query *q = NULL;
    pthread_mutex_lock(&s->mutex);
    if (!list_empty(&s->finished)) {
        q = LIST_ENTRY(s->finished.next, struct query, finished);
        list_remove(&q->finished);
    }
    pthread_mutex_unlock(&s->mutex);
    return q;
}

static void on_finished(uv_async_t *async)
{
    struct net_resolver *r = async->data;
    struct query *q;
    while (!r->ended && (q = take_finished(r->shared)))
        end_running(q);
}

static void end_waiting(struct query *q, int err)
{
    list_remove(&q->link);
    q->resolver->waiting_count--;
    tell(q, err);
    free(q);
}

static void on_timeout(struct timer *t)
{
    struct query *q = LIST_ENTRY(t, struct query, timer);
    if (q->running)
        tell(q, E_TIMEOUT);
    else
        end_waiting(q, E_TIMEOUT);
}

static void begin(struct net_resolver *r, struct query *q)
{
    list_remove(&q->link);
    r->waiting_count--;
    list_append(&r->queries, &q->link);
    if (r->running++ == 0)
        uv_ref((uv_handle_t *)&r->finished);
    q->running = true;
    q->end_ns = uv_hrtime() + r->timeout_ms * 1000000;
    q->shared = r->shared;
    pthread_mutex_lock(&r->shared->mutex);
    r->shared->users++;
    pthread_mutex_unlock(&r->shared->mutex);
    int err = start_thread(q);
    if (!err)
        return; /* the query is the thread's */
    q->err = err;
    finish(q);
}

static void begin_waiting(struct net_resolver *r)
{
    while (!r->ended && r->running < RESOLVER_QUERIES_MAX && !list_empty(&r->waiting))
        begin(r, LIST_ENTRY(r->waiting.next, struct query, link));
}

static int resolve(struct resolver *resolver, enum resolver_kind kind, const char *name, resolver_done done, void *arg)
{
    struct net_resolver *r = LIST_ENTRY(resolver, struct net_resolver, resolver);
    size_t len = strlen(name);
    if (r->ended)
        return E_CLOSED;
    if (len == 0 || len >= NAME_SIZE)
        return E_INVALID;
    if (r->waiting_count == RESOLVER_WAITING_MAX)
        return E_TOO_MANY;
    struct query *q = calloc(1, sizeof *q);
    if (!q)
        return E_NOMEM;
    q->resolver = r;
    q->kind = kind;
    q->done = done;
    q->arg = arg;
    memcpy(q->name, name, len);
    timer_init(&q->timer, on_timeout);
    timer_start(&r->loop->timers, &q->timer, r->timeout_ms);
    list_append(&r->waiting, &q->link);
    r->waiting_count++;
    begin_waiting(r);
    return 0;
}

int net_resolver_init(struct net_resolver *r, struct net_loop *loop, uint64_t timeout_ms)
{
    static const struct resolver_ops ops = {resolve};
    *r = (struct net_resolver){
        .resolver = {&ops}, .loop = loop, .timeout_ms = timeout_ms ? timeout_ms : RESOLVER_TIMEOUT_MS};
    list_init(&r->queries);
    list_init(&r->waiting);
    r->shared = malloc(sizeof *r->shared);
    if (!r->shared || uv_async_init(&loop->uv, &r->finished, on_finished)) {
        free(r->shared);
        return E_NOMEM;
    }
    *r->shared = (struct resolver_shared){.resolver = r, .users = 1};
    pthread_mutex_init(&r->shared->mutex, NULL);
    list_init(&r->shared->finished);
    r->finished.data = r;
    uv_unref((uv_handle_t *)&r->finished);
    return 0;
}

static void stop_waiting(struct net_resolver *r)
{
    while (!list_empty(&r->waiting)) {
        struct query *q = LIST_ENTRY(r->waiting.next, struct query, link);
        q->done = NULL;
        end_waiting(q, E_CLOSED);
    }
}

/* From here on the threads free their queries: none of them may be touched. */
static void abandon_running(struct net_resolver *r)
{
    struct query *q;
    for (struct list *i = r->queries.next; i != &r->queries; i = i->next)
        timer_stop(&r->loop->timers, &LIST_ENTRY(i, struct query, link)->timer);
    list_init(&r->queries);
    r->running = 0;
    pthread_mutex_lock(&r->shared->mutex);
    r->shared->resolver = NULL;
    pthread_mutex_unlock(&r->shared->mutex);
    while ((q = take_finished(r->shared)))
        free(q);
}

void net_resolver_stop(struct net_resolver *r)
{
    r->ended = true;
    stop_waiting(r);
    abandon_running(r);
    leave(r->shared);
    r->shared = NULL;
    uv_close((uv_handle_t *)&r->finished, NULL);
}
