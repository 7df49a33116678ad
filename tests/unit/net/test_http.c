/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client on the loop: against a server of ours that answers well and badly. Names go to a resolver that says
 * what the test wants, or nothing. */
#include "net/http.h"

#include "base/err.h"
#include "support.h"
#include "unit/net/http_server.h"
#include "unit/tls/pki.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LONG_MS 30000 /* longer than any machine is busy */

struct asked {
    unsigned told;
    int err;
    unsigned status;
    char body[64]; /* its beginning */
    size_t size;
    char why[512];
};

struct fixture {
    struct resolver resolver;
    struct resolved found[3];
    size_t found_count;
    int resolve_err;
    bool silent; /* the resolver does not answer */
    unsigned looked_up;
    char looked_up_name[64];
    struct timer answer; /* the resolver's */
    resolver_done resolved;
    void *resolved_arg;
    struct net_loop loop;
    struct net_http http;
    struct http_server server;
    struct http_request request;
    char url[256];
    char root_file[32], token_file[32], password_file[32]; /* empty: not made */
};

/* --- the resolver --- */

static void on_answer(struct timer *t)
{
    struct fixture *f = LIST_ENTRY(t, struct fixture, answer);
    f->resolved(f->resolved_arg, f->resolve_err, f->found, f->resolve_err ? 0 : f->found_count);
}

static int resolve(struct resolver *r, enum resolver_kind kind, const char *name, resolver_done done, void *arg)
{
    struct fixture *f = LIST_ENTRY(r, struct fixture, resolver);
    assert_int_equal(kind, RESOLVE_ADDRESS);
    snprintf(f->looked_up_name, sizeof f->looked_up_name, "%s", name);
    f->looked_up++;
    f->resolved = done;
    f->resolved_arg = arg;
    if (!f->silent)
        timer_start(&f->loop.timers, &f->answer, 0);
    return 0;
}

static void name_is_at(struct fixture *f, const char *address)
{
    snprintf(f->found[f->found_count++].address, sizeof f->found[0].address, "%s", address);
}

/* --- asking --- */

static void on_done(void *arg, int err, const struct http_answer *answer, const char *why)
{
    struct asked *a = arg;
    a->told++;
    a->err = err;
    if (err)
        snprintf(a->why, sizeof a->why, "%s", why);
    if (!answer)
        return;
    a->status = answer->status;
    a->size = answer->size;
    memcpy(a->body, answer->body, answer->size < sizeof a->body ? answer->size : sizeof a->body - 1);
}

static void set_url(struct fixture *f, const char *scheme, const char *host, const char *path)
{
    snprintf(f->url, sizeof f->url, "%s://%s:%u%s", scheme, host, f->server.port, path);
}

static int begin(struct fixture *f, struct asked *a, struct http_call **call)
{
    *a = (struct asked){0};
    return f->http.http.ops->get(&f->http.http, &f->request, on_done, a, call);
}

/* To its end. */
static void ask_url(struct fixture *f, struct asked *a)
{
    struct http_call *call;
    assert_int_equal(begin(f, a, &call), 0);
    assert_int_equal(a->told, 0); /* never from inside the call */
    while (!a->told)
        uv_run(&f->loop.uv, UV_RUN_ONCE);
    assert_int_equal(a->told, 1);
    assert_int_equal(f->http.count, 0);
}

static void ask(struct fixture *f, const char *path, struct asked *a)
{
    set_url(f, f->server.tls ? "https" : "http", "127.0.0.1", path);
    ask_url(f, a);
}

static void asks_for(struct fixture *f, const char *path, const char *body)
{
    struct asked a;
    ask(f, path, &a);
    if (a.err)
        print_error("%s: %s\n", path, a.why);
    assert_int_equal(a.err, 0);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, body);
    assert_int_equal(a.size, strlen(body));
}

/* `words`: something of what is said. */
static void fails_with(struct fixture *f, const char *path, int err, const char *words)
{
    struct asked a;
    ask(f, path, &a);
    if (a.err != err || !strstr(a.why, words))
        print_error("%s: %d, %s\n", path, a.err, a.why);
    assert_int_equal(a.err, err);
    assert_non_null(strstr(a.why, words));
}

/* --- files --- */

static void write_file(char *name, const char *text)
{
    if (!*name) {
        strcpy(name, "/tmp/test-http-XXXXXX");
        close(mkstemp(name));
    }
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void remove_file(const char *name)
{
    if (*name)
        unlink(name);
}

/* --- the life of a test --- */

static int setup_with(void **state, const struct pki *identity)
{
    static const struct resolver_ops ops = {resolve};
    struct fixture *f = *state = calloc(1, sizeof *f);
    f->resolver.ops = &ops;
    timer_init(&f->answer, on_answer);
    assert_int_equal(net_loop_init(&f->loop), 0);
    net_http_init(&f->http, &f->loop, &f->resolver);
    http_server_start(&f->server, identity);
    f->request =
        (struct http_request){.url = f->url, .accept = "application/json", .timeout_ms = LONG_MS, .body_max = 100000};
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, NULL);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    net_http_stop(&f->http);
    timer_stop(&f->loop.timers, &f->answer);
    net_loop_fini(&f->loop);
    http_server_stop(&f->server);
    remove_file(f->root_file);
    remove_file(f->token_file);
    remove_file(f->password_file);
    free(f);
    return 0;
}

/* --- the library --- */

static bool is_loaded(void)
{
    FILE *f = fopen("/proc/self/maps", "r");
    char line[512];
    bool found = false;
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        found = found || strstr(line, "/libcurl.so");
    fclose(f);
    return found;
}

/* Whoever asks nobody does not pay for it. The first test: it stays loaded. */
static void loaded_when_it_is_needed(void **state)
{
    struct fixture *f = *state;
    struct asked a;
    assert_false(is_loaded());
    ask(f, "/ok", &a);
    assert_int_equal(a.status, 200);
    assert_true(is_loaded());
}

/* --- HTTP --- */

static void answers(void **state)
{
    struct fixture *f = *state;
    struct asked a;
    asks_for(f, "/ok", "hello");
    asks_for(f, "/empty", "");
    asks_for(f, "/chunked", "hello, world");
    asks_for(f, "/close", "hello");
    ask(f, "/status/403", &a);
    assert_int_equal(a.err, 0);
    assert_int_equal(a.status, 403);
    assert_string_equal(a.body, "no");
    assert_int_equal(f->looked_up, 0); /* an address is no name */
}

static void what_is_sent(void **state)
{
    struct fixture *f = *state;
    char head[HTTP_SERVER_HEAD_SIZE];
    write_file(f->token_file, "a.b-c");
    f->request.token_file = f->token_file;
    asks_for(f, "/ok", "hello");
    http_server_head(&f->server, head);
    assert_non_null(strstr(head, "GET /ok HTTP/1.1\r\n"));
    assert_non_null(strstr(head, "\r\nAccept: application/json\r\n"));
    assert_non_null(strstr(head, "\r\nAuthorization: Bearer a.b-c\r\n"));
    f->request.token_file = NULL;
    f->request.user = "me";
    write_file(f->password_file, "secret\n");
    f->request.password_file = f->password_file;
    asks_for(f, "/ok", "hello");
    http_server_head(&f->server, head);
    assert_non_null(strstr(head, "\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"));
}

/* A second request costs no second connection. */
static void connections_are_kept(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 20; i++)
        asks_for(f, "/ok", "hello");
    assert_int_equal(http_server_count(&f->server), 1);
    asks_for(f, "/close", "hello");
    asks_for(f, "/ok", "hello");
    assert_int_equal(http_server_count(&f->server), 2);
}

static void redirects_are_not_followed(void **state)
{
    struct fixture *f = *state;
    struct asked a;
    ask(f, "/redirect", &a);
    assert_int_equal(a.err, 0);
    assert_int_equal(a.status, 302);
    assert_int_equal(http_server_requests(&f->server), 1);
}

static void proxies_of_the_environment_are_not_used(void **state)
{
    struct fixture *f = *state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "socks5://127.0.0.1:1", 1);
    asks_for(f, "/ok", "hello");
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void as_much_as_is_allowed(void **state)
{
    struct fixture *f = *state;
    struct asked a;
    ask(f, "/size/100000", &a);
    assert_int_equal(a.err, 0);
    assert_int_equal(a.size, 100000);
    ask(f, "/stream/100000", &a);
    assert_int_equal(a.size, 100000);
    fails_with(f, "/size/100001", E_TOO_LARGE, "larger than 100000 bytes");
    fails_with(f, "/stream/100001", E_TOO_LARGE, "larger than 100000 bytes");
    fails_with(f, "/drip", E_TOO_LARGE, "larger than 65536 bytes");
    fails_with(f, "/line", E_TOO_LARGE, "a header line that is too long");
}

static void broken_answers(void **state)
{
    struct fixture *f = *state;
    fails_with(f, "/early", E_IO, "broke");
    fails_with(f, "/half", E_IO, "broke");
    fails_with(f, "/drop", E_IO, "broke");
    fails_with(f, "/garbage", E_INVALID, "does not answer as an HTTP server does");
}

static void nobody_listens(void **state)
{
    struct fixture *f = *state;
    f->url[0] = '\0';
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:1/ok");
    struct asked a;
    ask_url(f, &a);
    assert_int_equal(a.err, E_IO);
    assert_non_null(strstr(a.why, "cannot connect to 127.0.0.1 port 1: Connection refused"));
}

static void in_time(void **state)
{
    struct fixture *f = *state;
    f->request.timeout_ms = 30;
    fails_with(f, "/silent", E_TIMEOUT, "did not answer within 30 ms");
    f->request.timeout_ms = LONG_MS;
    asks_for(f, "/ok", "hello");
}

static void bad_requests(void **state)
{
    struct fixture *f = *state;
    static const char *const urls[] = {
        "",     "ftp://127.0.0.1/", "file:///etc/passwd",      "127.0.0.1:80/ok",        "http://",
        "//a/", "http://a b/",      "http://127.0.0.1:99999/", "http://m\xc3\xa4rathon/"};
    struct asked a;
    struct http_call *call;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        snprintf(f->url, sizeof f->url, "%s", urls[i]);
        assert_int_equal(begin(f, &a, &call), E_INVALID);
    }
    assert_int_equal(f->http.count, 0);
    net_loop_run(&f->loop);
    assert_int_equal(a.told, 0);
}

static void a_few_at_once(void **state)
{
    struct fixture *f = *state;
    struct asked asked[HTTP_CALLS_MAX], more;
    struct http_call *calls[HTTP_CALLS_MAX], *call;
    set_url(f, "http", "127.0.0.1", "/ok");
    for (size_t i = 0; i < HTTP_CALLS_MAX; i++)
        assert_int_equal(begin(f, &asked[i], &calls[i]), 0);
    assert_int_equal(begin(f, &more, &call), E_TOO_MANY);
    while (f->http.count)
        uv_run(&f->loop.uv, UV_RUN_ONCE);
    for (size_t i = 0; i < HTTP_CALLS_MAX; i++)
        assert_true(asked[i].told == 1 && asked[i].status == 200);
    assert_true(http_server_count(&f->server) <= HTTP_CALLS_MAX);
    assert_int_equal(more.told, 0);
}

static void cancelled(void **state)
{
    struct fixture *f = *state;
    struct asked a, b, c;
    struct http_call *call;
    set_url(f, "http", "127.0.0.1", "/ok");
    assert_int_equal(begin(f, &a, &call), 0);
    f->http.http.ops->cancel(&f->http.http, call);
    set_url(f, "http", "127.0.0.1", "/silent");
    assert_int_equal(begin(f, &b, &call), 0);
    while (http_server_requests(&f->server) == 0)
        uv_run(&f->loop.uv, UV_RUN_NOWAIT);
    f->http.http.ops->cancel(&f->http.http, call);
    f->silent = true;
    set_url(f, "http", "api.test", "/ok");
    assert_int_equal(begin(f, &c, &call), 0);
    f->http.http.ops->cancel(&f->http.http, call);
    on_answer(&f->answer); /* comes when nobody waits for it */
    asks_for(f, "/ok", "hello");
    assert_int_equal(a.told + b.told + c.told, 0);
}

static void ended_meanwhile(void **state)
{
    struct fixture *f = *state;
    struct asked a, b, c;
    struct http_call *call;
    set_url(f, "http", "127.0.0.1", "/silent");
    assert_int_equal(begin(f, &a, &call), 0);
    while (http_server_requests(&f->server) == 0)
        uv_run(&f->loop.uv, UV_RUN_NOWAIT);
    set_url(f, "http", "api.test", "/ok");
    assert_int_equal(begin(f, &b, &call), 0);
    net_http_stop(&f->http);
    assert_int_equal(begin(f, &c, &call), E_CLOSED);
    net_loop_run(&f->loop);
    assert_int_equal(a.told + b.told + c.told, 0);
}

static void stop_in_done(void *arg, int err, const struct http_answer *answer, const char *why)
{
    struct fixture *f = arg;
    (void)err;
    (void)answer;
    (void)why;
    net_http_stop(&f->http);
}

/* The answer's hearer ends it all, with others under way. */
static void ended_by_an_answer(void **state)
{
    struct fixture *f = *state;
    struct asked a;
    struct http_call *call;
    set_url(f, "http", "127.0.0.1", "/silent");
    assert_int_equal(begin(f, &a, &call), 0);
    set_url(f, "http", "127.0.0.1", "/ok");
    assert_int_equal(f->http.http.ops->get(&f->http.http, &f->request, stop_in_done, f, &call), 0);
    while (!f->http.ended)
        uv_run(&f->loop.uv, UV_RUN_ONCE);
    assert_int_equal(f->http.count + a.told, 0);
}

/* --- names --- */

static void names(void **state)
{
    struct fixture *f = *state;
    struct asked a;
    name_is_at(f, "::1"); /* nobody is there */
    name_is_at(f, "127.0.0.1");
    set_url(f, "http", "Api.Test", "/ok");
    ask_url(f, &a);
    assert_int_equal(a.status, 200);
    set_url(f, "http", "api.test.", "/ok");
    ask_url(f, &a);
    assert_int_equal(a.status, 200);
    assert_string_equal(f->looked_up_name, "api.test.");
    assert_int_equal(f->looked_up, 2);
}

static void no_such_name(void **state)
{
    struct fixture *f = *state;
    struct asked a;
    set_url(f, "http", "api.test", "/ok");
    ask_url(f, &a);
    assert_int_equal(a.err, E_IO);
    assert_string_equal(a.why, "the address of api.test was not found: there is no such name");
    f->resolve_err = E_TIMEOUT;
    ask_url(f, &a);
    assert_int_equal(a.err, E_TIMEOUT);
    assert_string_equal(a.why, "the address of api.test was not found: no name server answered");
}

static void a_silent_name_server(void **state)
{
    struct fixture *f = *state;
    struct asked a;
    f->silent = true;
    f->request.timeout_ms = 20;
    set_url(f, "http", "api.test", "/ok");
    ask_url(f, &a);
    assert_int_equal(a.err, E_TIMEOUT);
    assert_string_equal(a.why, "the address of api.test was not found within 20 ms");
    on_answer(&f->answer); /* the question is let go */
}

/* --- TLS --- */

static void make_identity(struct pki *root, struct pki *server, const char *alt_names)
{
    int64_t now = (int64_t)time(NULL), from = now - PKI_DAY, to = now + PKI_DAY;
    pki_make(root, &(struct pki_plan){.cn = "root", .ca = true, .from = from, .to = to});
    pki_make(server, &(struct pki_plan){.cn = "api", .issuer = root, .alt_names = alt_names, .from = from, .to = to});
}

struct tls_pki {
    struct pki root, server, other_root, other_server;
};

static void make_tls(struct tls_pki *p, const char *alt_names)
{
    make_identity(&p->root, &p->server, alt_names);
    make_identity(&p->other_root, &p->other_server, alt_names);
}

static void free_tls(struct tls_pki *p)
{
    pki_free(&p->root);
    pki_free(&p->server);
    pki_free(&p->other_root);
    pki_free(&p->other_server);
}

static void tls(void **state)
{
    struct tls_pki p;
    make_tls(&p, "IP:127.0.0.1,DNS:api.test");
    setup_with(state, &p.server);
    struct fixture *f = *state;
    struct asked a;
    write_file(f->root_file, p.root.cert_pem);
    f->request.root_file = f->root_file;
    asks_for(f, "/ok", "hello");
    asks_for(f, "/ok", "hello");
    assert_int_equal(http_server_count(&f->server), 1);
    name_is_at(f, "127.0.0.1");
    set_url(f, "https", "api.test", "/ok");
    ask_url(f, &a);
    assert_int_equal(a.status, 200);
    set_url(f, "https", "other.test", "/ok");
    ask_url(f, &a);
    assert_int_equal(a.err, E_TLS);
    assert_non_null(strstr(a.why, "other.test"));
    /* Not a server's that the root has not signed. */
    f->request.root_file = NULL;
    fails_with(f, "/ok", E_TLS, "the certificate of 127.0.0.1 port");
    free_tls(&p);
}

/* The file is read for each request: a connection that another root vouched for is not used any more. */
static void roots_change(void **state)
{
    struct tls_pki p;
    make_tls(&p, "IP:127.0.0.1");
    setup_with(state, &p.server);
    struct fixture *f = *state;
    write_file(f->root_file, p.other_root.cert_pem);
    f->request.root_file = f->root_file;
    fails_with(f, "/ok", E_TLS, "127.0.0.1");
    write_file(f->root_file, p.root.cert_pem);
    asks_for(f, "/ok", "hello");
    write_file(f->root_file, p.other_root.cert_pem);
    fails_with(f, "/ok", E_TLS, "127.0.0.1");
    write_file(f->root_file, "no PEM\n");
    fails_with(f, "/ok", E_TLS, "no TLS connection");
    f->request.root_file = "/nonexistent/ca.crt";
    fails_with(f, "/ok", E_NOT_FOUND, "cannot read /nonexistent/ca.crt: No such file");
    f->request.root_file = "/dev/zero";
    fails_with(f, "/ok", E_NOT_FOUND, "cannot read /dev/zero: it is larger");
    free_tls(&p);
}

static void no_tls_there(void **state)
{
    struct fixture *f = *state;
    struct asked a;
    set_url(f, "https", "127.0.0.1", "/ok");
    ask_url(f, &a);
    assert_int_equal(a.err, E_TLS);
}

static void tokens_change(void **state)
{
    struct fixture *f = *state;
    char head[HTTP_SERVER_HEAD_SIZE];
    write_file(f->token_file, "first\n");
    f->request.token_file = f->token_file;
    asks_for(f, "/ok", "hello");
    http_server_head(&f->server, head);
    assert_non_null(strstr(head, "\r\nAuthorization: Bearer first\r\n"));
    write_file(f->token_file, "second");
    asks_for(f, "/ok", "hello");
    http_server_head(&f->server, head);
    assert_non_null(strstr(head, "\r\nAuthorization: Bearer second\r\n"));
    write_file(f->token_file, "\n");
    fails_with(f, "/ok", E_NOT_FOUND, "it holds no token");
    write_file(f->token_file, "a b");
    fails_with(f, "/ok", E_NOT_FOUND, "it holds no token");
    write_file(f->token_file, "");
    fails_with(f, "/ok", E_NOT_FOUND, "it is empty");
    f->request.user = "me";
    f->request.password_file = "/nonexistent/password";
    f->request.token_file = NULL;
    fails_with(f, "/ok", E_NOT_FOUND, "cannot read /nonexistent/password: No such file");
    f->request.user = NULL;
    f->request.token_file = "/nonexistent/token";
    fails_with(f, "/ok", E_NOT_FOUND, "cannot read /nonexistent/token: No such file");
    assert_int_equal(http_server_requests(&f->server), 2);
}

#define TEST(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
#define HTTPS(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(loaded_when_it_is_needed),
        TEST(answers),
        TEST(what_is_sent),
        TEST(connections_are_kept),
        TEST(redirects_are_not_followed),
        TEST(proxies_of_the_environment_are_not_used),
        TEST(as_much_as_is_allowed),
        TEST(broken_answers),
        TEST(nobody_listens),
        TEST(in_time),
        TEST(bad_requests),
        TEST(a_few_at_once),
        TEST(cancelled),
        TEST(ended_meanwhile),
        TEST(ended_by_an_answer),
        TEST(names),
        TEST(no_such_name),
        TEST(a_silent_name_server),
        TEST(no_tls_there),
        TEST(tokens_change),
        HTTPS(tls),
        HTTPS(roots_change),
    };
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    alarm(120);               /* a test that waits for what never comes ends the program */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
