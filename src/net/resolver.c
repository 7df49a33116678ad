#include "net/resolver.h"

#include "base/err.h"
#include "net/srv.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdlib.h>

#define NAME_SIZE     254 /* of a DNS name, with its NUL */
#define ANSWER_SIZE   NS_MAXMSG
#define SERVER_WAIT_S 2 /* for one name server, once; and so often: */
#define SERVER_TRIES  2

/* WAITING -> RUNNING -> freed. Who asked is told once, at the end or when its time is over, whichever is first. */
struct query {
    struct net_resolver *resolver;
    struct list link;
    enum resolver_kind kind;
    resolver_done done; /* NULL: told already, or not to be told */
    void *arg;
    struct timer timer;
    uv_work_t work;
    uint64_t end_ns; /* for the worker: begin no further question after this */
    char name[NAME_SIZE];
    int err;
    struct resolved found[RESOLVER_FOUND_MAX];
    size_t count;
};

/* --- on a worker thread --- */

static bool is_known(const struct query *q, const struct resolved *one)
{
    for (size_t i = 0; i < q->count; i++)
        if (q->found[i].port == one->port && strcmp(q->found[i].address, one->address) == 0)
            return true;
    return false;
}

static void add(struct query *q, const struct sockaddr *address, uint16_t port)
{
    struct resolved one = {.port = port};
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
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
    int code = getaddrinfo(name, NULL, &hints, &all);
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

static void on_worker(uv_work_t *work)
{
    struct query *q = work->data;
    if (q->kind == RESOLVE_SERVICE)
        find_services(q);
    else
        q->err = find_addresses(q, q->name, 0);
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

static void on_worked(uv_work_t *work, int status)
{
    struct query *q = work->data;
    struct net_resolver *r = q->resolver;
    list_remove(&q->link);
    r->running--;
    begin_waiting(r); /* before `done`, which may ask for more */
    tell(q, status ? net_error(status) : q->err);
    free(q);
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
    if (q->work.data)
        tell(q, E_TIMEOUT);
    else
        end_waiting(q, E_TIMEOUT);
}

static void begin(struct net_resolver *r, struct query *q)
{
    list_remove(&q->link);
    r->waiting_count--;
    list_append(&r->queries, &q->link);
    r->running++;
    q->work.data = q;
    q->end_ns = uv_hrtime() + r->timeout_ms * 1000000;
    uv_queue_work(&r->loop->uv, &q->work, on_worker, on_worked); /* fails without a function alone */
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

void net_resolver_init(struct net_resolver *r, struct net_loop *loop, uint64_t timeout_ms)
{
    static const struct resolver_ops ops = {resolve};
    *r = (struct net_resolver){
        .resolver = {&ops}, .loop = loop, .timeout_ms = timeout_ms ? timeout_ms : RESOLVER_TIMEOUT_MS};
    list_init(&r->queries);
    list_init(&r->waiting);
}

void net_resolver_stop(struct net_resolver *r)
{
    r->ended = true;
    while (!list_empty(&r->waiting)) {
        struct query *q = LIST_ENTRY(r->waiting.next, struct query, link);
        q->done = NULL;
        end_waiting(q, E_CLOSED);
    }
    for (struct list *i = r->queries.next; i != &r->queries; i = i->next) {
        struct query *q = LIST_ENTRY(i, struct query, link);
        q->done = NULL;
        timer_stop(&r->loop->timers, &q->timer);
        uv_cancel((uv_req_t *)&q->work);
    }
}
