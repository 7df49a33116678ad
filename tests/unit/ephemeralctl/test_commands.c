/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of the cluster against a server thread on a real socket that knows its answers by heart. */
#include "support.h"

#include "ephemeralctl/command.h"
#include "ephemeralctl/connect.h"
#include "unit/client/peer.h"
#include "wire/admin_msg.h"
#include "wire/cluster_msg.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

struct fixture {
    struct peer_certs certs;
    struct tls_ctx *server;
    int listener;
    uint16_t port;
    pthread_t thread;
};

static atomic_uint questions; /* for readiness, so far */
static atomic_uint ready_at;  /* the question that is answered with yes; 0: none */
static atomic_bool hangs_up;  /* the connection ends after each answer */
static atomic_uint acts;      /* that were asked for, as bits */
static atomic_uint nodes;     /* that were said to run */
static _Atomic enum status_health health;
static atomic_uint pages;        /* of discovery, that were asked for */
static atomic_bool numbers_fall; /* partitions are told in no order */

static void answer_ready(const struct frame *f, struct buf *out)
{
    struct cluster_ready_resp ready = {.state = STATUS_JOINING, .why = "a copy is under way"};
    struct cluster_ready_req req;
    assert_int_equal(cluster_msg_decode_ready_req(f->body, &req), 0);
    ready.ready = ++questions == ready_at;
    assert_int_equal(cluster_msg_put_ready(out, &ready), 0);
}

static void answer_act(const struct frame *f, struct buf *out)
{
    struct cluster_act_req req;
    assert_int_equal(cluster_msg_decode_act_req(f->body, &req), 0);
    acts |= 1u << req.act;
    nodes = req.nodes;
    int err = req.act == CLUSTER_LEAVE ? frame_put_empty(out, MSG_CLUSTER_ACT_RESP)
                                       : admin_error_put(out, slice_str("reform --survivors is refused by this node"));
    assert_int_equal(err, 0);
}

/* Three partitions, one at a time. */
static void answer_partitions(const struct frame *f, struct buf *out)
{
    struct cluster_partitions_req req;
    assert_int_equal(cluster_msg_decode_partitions_req(f->body, &req), 0);
    struct cluster_partitions_resp page = {.total = 3, .count = req.from < 3};
    page.partition[0].number = numbers_fall ? 0 : req.from;
    assert_int_equal(cluster_msg_put_partitions(out, &page), 0);
}

/* 70 candidates, 64 at a time. */
static void answer_discovery(const struct frame *f, struct buf *out)
{
    static struct status_discovery page;
    struct cluster_discovery_req req;
    assert_int_equal(cluster_msg_decode_discovery_req(f->body, &req), 0);
    page = (struct status_discovery){.candidate_total = 70};
    for (uint32_t i = req.from; i < 70 && page.candidate_count < STATUS_CANDIDATES_MAX; i++)
        page.candidate[page.candidate_count++] = (struct status_candidate){.state = STATUS_CANDIDATE_NEW};
    pages++;
    assert_int_equal(cluster_msg_put_discovery(out, &page), 0);
}

static void answer(struct peer *p, const struct frame *f, struct buf *out)
{
    const struct status_node status = {
        .state = STATUS_MEMBER, .health = health, .member = {{.id = 1, .state = STATUS_LIVE}}, .member_count = 1};
    static const struct cluster_transfers_resp transfers = {.count = 1};
    if (f->code == MSG_CLUSTER_READY_REQ)
        answer_ready(f, out);
    else if (f->code == MSG_CLUSTER_ACT_REQ)
        answer_act(f, out);
    else if (f->code == MSG_CLUSTER_PARTITIONS_REQ)
        answer_partitions(f, out);
    else if (f->code == MSG_CLUSTER_DISCOVERY_REQ)
        answer_discovery(f, out);
    else if (f->code == MSG_CLUSTER_STATUS_REQ)
        assert_int_equal(cluster_msg_put_status(out, &status), 0);
    else if (f->code == MSG_CLUSTER_TRANSFERS_REQ)
        assert_int_equal(cluster_msg_put_transfers(out, &transfers), 0);
    else
        peer_answer_default(p, f, out);
}

static void serve(struct fixture *f, int fd)
{
    struct peer p;
    uint8_t bytes[4096];
    ssize_t n;
    peer_init(&p, f->server, true);
    p.answer = answer;
    unsigned before = questions;
    while (!p.failure && !(hangs_up && questions > before) && (n = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        peer_feed(&p, slice_make(bytes, (size_t)n));
        struct slice out = buf_slice(&p.out);
        if (out.len && send(fd, out.data, out.len, MSG_NOSIGNAL) != (ssize_t)out.len)
            break;
        buf_consume(&p.out, out.len);
    }
    peer_fini(&p);
    close(fd);
}

static void *serve_all(void *arg)
{
    struct fixture *f = arg;
    int fd;
    while ((fd = accept(f->listener, NULL, NULL)) >= 0)
        serve(f, fd);
    return NULL;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    peer_certs_make(&f->certs, "myuser");
    f->server = peer_server_ctx(&f->certs);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(f->listener, 8), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&address, &len), 0);
    f->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&f->thread, NULL, serve_all, f), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    shutdown(f->listener, SHUT_RDWR);
    pthread_join(f->thread, NULL);
    close(f->listener);
    tls_ctx_destroy(&f->server);
    free(f);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    questions = ready_at = acts = 0;
    hangs_up = numbers_fall = false;
    health = STATUS_HEALTHY;
    return 0;
}

static struct options options_for(const struct fixture *f)
{
    return (struct options){
        .host = "127.0.0.1", .port = f->port, .ca = f->certs.root, .cert = f->certs.user, .key = f->certs.user_key};
}

static int wait_with(struct options o)
{
    struct context x = {.options = &o};
    return cmd_wait_ready(&x);
}

/* As main() runs a command. */
static int run(struct options o, int (*command)(struct context *x))
{
    struct connection connection;
    struct context x = {.options = &o};
    assert_int_equal(connection_open(&o, &connection), EX_OK);
    x.client = connection.client;
    int status = command(&x);
    connection_close(&connection);
    return status;
}

static void ready_at_the_third_question(void **state)
{
    ready_at = 3;
    assert_int_equal(wait_with(options_for(*state)), EX_OK);
    assert_int_equal(questions, 3);
}

/* A node that ends and comes again is asked anew. */
static void connections_that_end(void **state)
{
    ready_at = 2;
    hangs_up = true;
    assert_int_equal(wait_with(options_for(*state)), EX_OK);
    assert_int_equal(questions, 2);
}

static void never_ready(void **state)
{
    struct options o = options_for(*state);
    o.wait_s = 1;
    assert_int_equal(wait_with(o), EX_TEMPFAIL);
    assert_true(questions > 0);
}

/* A port where nobody listens, kept by a socket that is only bound. */
static void nobody_listens(void **state)
{
    struct options o = options_for(*state);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    o.port = ntohs(address.sin_port);
    o.wait_s = 1;
    assert_int_equal(wait_with(o), EX_TEMPFAIL);
    o.probe = true; /* asks once, does not wait */
    assert_int_equal(wait_with(o), EX_UNAVAILABLE);
    close(fd);
}

/* What waiting does not mend: a server of another root. */
static void another_root(void **state)
{
    struct options o = options_for(*state);
    struct peer_certs other;
    peer_certs_make(&other, "myuser");
    o.ca = other.root;
    o.cert = other.user;
    o.key = other.user_key;
    assert_int_equal(wait_with(o), EX_PROTOCOL);
    assert_int_equal(questions, 0);
}

static void probes(void **state)
{
    struct options o = options_for(*state);
    o.probe = true;
    ready_at = 2;
    assert_int_equal(wait_with(o), STATUS_NO);
    assert_int_equal(questions, 1);
    o.output = OUTPUT_JSON;
    assert_int_equal(wait_with(o), EX_OK);
}

static void what_is_shown(void **state)
{
    struct options o = options_for(*state);
    for (unsigned i = 0; i < 2; i++) {
        o.output = i ? OUTPUT_JSON : OUTPUT_TEXT;
        assert_int_equal(run(o, cmd_status), EX_OK);
        assert_int_equal(run(o, cmd_members), EX_OK);
        assert_int_equal(run(o, cmd_transfers), EX_OK);
        assert_int_equal(run(o, cmd_partitions), EX_OK);
        pages = 0;
        assert_int_equal(run(o, cmd_discovery), EX_OK);
        assert_int_equal(pages, 2);
    }
    numbers_fall = true; /* such a server would be asked for ever */
    assert_int_equal(run(o, cmd_partitions), EX_PROTOCOL);
}

/* Scripts go by it: kill a node only at 0. */
static void health_is_the_exit_status(void **state)
{
    static const int statuses[] = {
        [STATUS_HEALTHY] = EX_OK, [STATUS_DEGRADED] = STATUS_NO, [STATUS_NO_QUORUM] = EX_TEMPFAIL};
    struct options o = options_for(*state);
    for (unsigned i = STATUS_HEALTHY; i <= STATUS_NO_QUORUM; i++) {
        health = i;
        o.output = i % 2 ? OUTPUT_JSON : OUTPUT_TEXT;
        assert_int_equal(run(o, cmd_status), statuses[i]);
        assert_int_equal(run(o, cmd_members), EX_OK);
    }
}

static void acts_with_a_minted_certificate(void **state)
{
    const struct fixture *f = *state;
    struct options o = {.host = "127.0.0.1",
                        .port = f->port,
                        .root_cert = f->certs.root,
                        .root_key = f->certs.root_key,
                        .user = "myuser"};
    assert_int_equal(run(o, cmd_leave), EX_OK);
    assert_int_equal(acts, 1u << CLUSTER_LEAVE);
    assert_int_equal(run(o, cmd_reform), EX_USAGE);
    o.survivors = true;
    o.nodes = 2;
    assert_int_equal(run(o, cmd_reform), EX_DATAERR);
    assert_int_equal(nodes, 2);
    assert_int_equal(acts, 1u << CLUSTER_LEAVE | 1u << CLUSTER_REFORM_SURVIVORS);
}

static void nothing_to_mint_with(void **state)
{
    struct options o = options_for(*state);
    struct connection c;
    o.root_cert = o.ca;
    assert_int_equal(connection_open(&o, &c), EX_CONFIG);
}

/* The key's variable is read once. */
static void the_key_is_forgotten(void **state)
{
    const struct fixture *f = *state;
    struct options o = {.host = "127.0.0.1", .port = f->port, .root_cert = f->certs.root, .user = "myuser"};
    struct connection c;
    assert_int_equal(setenv(OPTIONS_ROOT_KEY_VARIABLE, f->certs.root_key, 1), 0);
    o.root_key = getenv(OPTIONS_ROOT_KEY_VARIABLE);
    assert_int_equal(connection_open(&o, &c), EX_OK);
    connection_close(&c);
    assert_string_equal(getenv(OPTIONS_ROOT_KEY_VARIABLE), "");
    unsetenv(OPTIONS_ROOT_KEY_VARIABLE);
}

#define CASE(f) cmocka_unit_test_setup(f, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(ready_at_the_third_question),
        CASE(connections_that_end),
        CASE(never_ready),
        CASE(nobody_listens),
        CASE(another_root),
        CASE(probes),
        CASE(what_is_shown),
        CASE(health_is_the_exit_status),
        CASE(acts_with_a_minted_certificate),
        CASE(nothing_to_mint_with),
        CASE(the_key_is_forgotten),
    };
    return cmocka_run_group_tests_name("ephemeralctl/commands", tests, setup, teardown);
}
