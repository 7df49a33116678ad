/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking client against a server thread on a real socket: a small store that knows one key. */
#include "support.h"

#include "client/client.h"
#include "unit/client/peer.h"
#include "wire/admin_msg.h"
#include "wire/bucket_msg.h"

#include <stdatomic.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct peer_certs certs;
    struct tls_ctx *server;
    struct client_identity *identity;
    int listener;
    uint16_t port;
    pthread_t thread;
};

static void answer_error(struct buf *out, const char *text)
{
    assert_int_equal(admin_error_put(out, slice_str(text)), 0);
}

static atomic_uint get_timeout_ms, announced, announced_ms;
static atomic_bool old_node; /* that does not know EphTimeoutReq */

static void answer_timeout(const struct frame *f, struct buf *out)
{
    uint32_t ms;
    assert_int_equal(admin_timeout_decode_req(f->body, &ms), 0);
    announced_ms = ms;
    announced++;
    if (old_node)
        answer_error(out, "Unknown message code: 230");
    else
        assert_int_equal(frame_put_empty(out, MSG_TIMEOUT_RESP), 0);
}

static void answer_get(const struct frame *f, struct buf *out)
{
    struct kv_get_req req;
    struct kv_sibling s = {.value = slice_str("the value"), .last_mod_ms = 1000};
    memset(s.vtag, 'v', sizeof s.vtag);
    assert_int_equal(kv_get_req_decode(f->body, &req), 0);
    get_timeout_ms = req.timeout_ms;
    if (slice_is(req.type, "nosuch")) {
        answer_error(out, "no_type");
        return;
    }
    bool found = slice_is(req.bucket, "b") && slice_is(req.key, "k");
    size_t siblings = found ? kv_sibling_size(&s) : 0;
    struct slice vclock = slice_str(found ? "clock" : "");
    assert_int_equal(kv_resp_begin(out, MSG_GET_RESP, kv_resp_size(siblings, vclock, slice_str(""))), 0);
    if (found) {
        assert_int_equal(kv_sibling_put_head(out, &s), 0);
        assert_int_equal(buf_append_slice(out, s.value), 0);
    }
    assert_int_equal(kv_resp_end(out, vclock, slice_str("")), 0);
}

static void answer_put(const struct frame *f, struct buf *out)
{
    struct kv_put_req req;
    assert_int_equal(kv_put_req_decode(f->body, &req), 0);
    if (req.if_none_match)
        answer_error(out, "match_found");
    else if (slice_is(req.content.value, "drop")) /* an answer that never comes */
        return;
    else
        assert_int_equal(frame_put_empty(out, MSG_PUT_RESP), 0);
}

static void answer_list(uint8_t code, struct buf *out)
{
    struct slice names[] = {slice_str("one"), slice_str("two"), slice_str("three")};
    size_t mark;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(frame_begin(out, code, &mark), 0);
        assert_int_equal(bucket_list_resp_encode(out, &names[i], i < 3 ? 1 : 0, i == 3), 0);
        frame_end(out, mark);
    }
}

static void answer_props(struct buf *out)
{
    struct bucket_props props = {.set = PROP_BIT(PROP_TTL) | PROP_BIT(PROP_R), .ttl_s = 60, .r = QUORUM_ONE};
    size_t mark;
    assert_int_equal(frame_begin(out, MSG_GET_BUCKET_RESP, &mark), 0);
    assert_int_equal(bucket_get_resp_encode(out, &props), 0);
    frame_end(out, mark);
}

/* A cluster of three partitions, told two at a time, that one may leave but not re-form. */
static void answer_cluster(const struct frame *f, struct buf *out)
{
    static const struct status_node status = {
        .state = STATUS_MEMBER, .name = "prod", .member = {{.id = 7, .state = STATUS_LIVE}}, .member_count = 1};
    static const struct cluster_transfers_resp transfers = {.transfer = {{.partition = 9}}, .count = 1};
    struct cluster_partitions_resp partitions = {.total = 3};
    struct cluster_partitions_req page;
    struct cluster_ready_resp ready = {.state = STATUS_SEEKING, .why = "alone"};
    struct cluster_ready_req question;
    struct cluster_act_req act;
    int err = 0;
    if (f->code == MSG_CLUSTER_STATUS_REQ) {
        err = cluster_msg_put_status(out, &status);
    } else if (f->code == MSG_CLUSTER_TRANSFERS_REQ) {
        err = cluster_msg_put_transfers(out, &transfers);
    } else if (f->code == MSG_CLUSTER_PARTITIONS_REQ) {
        assert_int_equal(cluster_msg_decode_partitions_req(f->body, &page), 0);
        for (; partitions.count < 2 && page.from + partitions.count < 3; partitions.count++)
            partitions.partition[partitions.count].number = page.from + (unsigned)partitions.count;
        err = cluster_msg_put_partitions(out, &partitions);
    } else if (f->code == MSG_CLUSTER_READY_REQ) {
        assert_int_equal(cluster_msg_decode_ready_req(f->body, &question), 0);
        ready.ready = question.probe;
        err = cluster_msg_put_ready(out, &ready);
    } else {
        assert_int_equal(cluster_msg_decode_act_req(f->body, &act), 0);
        err = act.act == CLUSTER_LEAVE ? frame_put_empty(out, MSG_CLUSTER_ACT_RESP)
                                       : admin_error_put(out, slice_str("Permission denied: no"));
    }
    assert_int_equal(err, 0);
}

static void answer(struct peer *p, const struct frame *f, struct buf *out)
{
    switch (f->code) {
    case MSG_GET_REQ:
        answer_get(f, out);
        break;
    case MSG_TIMEOUT_REQ:
        answer_timeout(f, out);
        break;
    case MSG_PUT_REQ:
        answer_put(f, out);
        break;
    case MSG_DEL_REQ:
        assert_int_equal(frame_put_empty(out, MSG_DEL_RESP), 0);
        break;
    case MSG_LIST_KEYS_REQ:
        answer_list(MSG_LIST_KEYS_RESP, out);
        break;
    case MSG_LIST_BUCKETS_REQ:
        answer_list(MSG_LIST_BUCKETS_RESP, out);
        break;
    case MSG_GET_BUCKET_REQ:
        answer_props(out);
        break;
    case MSG_SET_BUCKET_REQ:
        assert_int_equal(frame_put_empty(out, MSG_SET_BUCKET_RESP), 0);
        break;
    case MSG_GET_SERVER_INFO_REQ:
        assert_int_equal(admin_server_info_put(out, slice_str("node@here"), slice_str("2.2.3")), 0);
        break;
    case MSG_CLUSTER_STATUS_REQ:
    case MSG_CLUSTER_PARTITIONS_REQ:
    case MSG_CLUSTER_TRANSFERS_REQ:
    case MSG_CLUSTER_READY_REQ:
    case MSG_CLUSTER_ACT_REQ:
        answer_cluster(f, out);
        break;
    default:
        peer_answer_default(p, f, out);
    }
}

static void serve(struct fixture *f, int fd)
{
    struct peer p;
    uint8_t bytes[4096];
    ssize_t n;
    peer_init(&p, f->server, true);
    p.answer = answer;
    while (!p.failure && (n = recv(fd, bytes, sizeof bytes, 0)) > 0) {
        peer_feed(&p, slice_make(bytes, (size_t)n));
        struct slice out = buf_slice(&p.out);
        if (out.len && send(fd, out.data, out.len, MSG_NOSIGNAL) != (ssize_t)out.len)
            break;
        buf_consume(&p.out, out.len);
    }
    peer_fini(&p);
    close(fd);
}

/* One connection after the other, until the listener is shut down. */
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
    f->identity = peer_identity(&f->certs, NULL);
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
    client_identity_destroy(&f->identity);
    tls_ctx_destroy(&f->server);
    free(f);
    return 0;
}

static struct client *connect_to(struct fixture *f, unsigned timeout_ms)
{
    char why[TLS_WHY_MAX] = "";
    struct client *c;
    struct client_options o = {.identity = f->identity, .host = "127.0.0.1", .port = f->port, .timeout_ms = timeout_ms};
    int err = client_connect(&o, &c, why, sizeof why);
    assert_string_equal(why, "");
    assert_int_equal(err, 0);
    return c;
}

#define TYPE   slice_str("")
#define BUCKET slice_str("b")
#define KEY    slice_str("k")

static void ping_and_info(void **state)
{
    struct client *c = connect_to(*state, 0);
    struct client_server_info info;
    assert_int_equal(client_ping(c), 0);
    assert_int_equal(client_server_info(c, &info), 0);
    assert_slice_is(info.node, "node@here");
    assert_slice_is(info.version, "2.2.3");
    assert_string_equal(client_error(c), "");
    client_close(&c);
    assert_null(c);
}

static void get_a_value(void **state)
{
    struct client *c = connect_to(*state, 0);
    struct kv_resp r;
    struct kv_get_req req = client_get_request(TYPE, BUCKET, KEY);
    assert_int_equal(client_get(c, &req, &r), 0);
    assert_int_equal(r.count, 1);
    assert_slice_is(r.content[0].content.value, "the value");
    assert_slice_is(r.vclock, "clock");
    client_close(&c);
}

static void get_nothing(void **state)
{
    struct client *c = connect_to(*state, 0);
    struct kv_resp r;
    struct kv_get_req req = client_get_request(TYPE, BUCKET, slice_str("other"));
    assert_int_equal(client_get(c, &req, &r), E_NOT_FOUND);
    assert_string_equal(client_error(c), "");
    assert_true(client_alive(c));
    client_close(&c);
}

/* An error of the server is an answer: the connection lives. */
static void server_refuses(void **state)
{
    struct client *c = connect_to(*state, 0);
    struct kv_resp r;
    struct kv_get_req get = client_get_request(slice_str("nosuch"), BUCKET, KEY);
    struct kv_put_req put = client_put_request(TYPE, BUCKET, KEY, slice_str("v"));
    put.if_none_match = true;
    assert_int_equal(client_get(c, &get, &r), E_NOT_FOUND);
    assert_string_equal(client_error(c), "no_type");
    assert_int_equal(client_put(c, &put, slice_make(NULL, 0), &r), E_EXISTS);
    assert_string_equal(client_error(c), "match_found");
    assert_true(client_alive(c));
    assert_int_equal(client_ping(c), 0);
    assert_string_equal(client_error(c), "");
    client_close(&c);
}

static void put_and_delete(void **state)
{
    struct client *c = connect_to(*state, 0);
    struct kv_resp r;
    struct kv_put_req put = client_put_request(TYPE, BUCKET, KEY, slice_str("v"));
    struct kv_del_req del = client_del_request(TYPE, BUCKET, KEY);
    assert_int_equal(client_put(c, &put, slice_make(NULL, 0), &r), 0);
    assert_int_equal(client_del(c, &del), 0);
    client_close(&c);
}

struct names {
    unsigned count, stop_at;
    char all[64];
};

static bool take_name(void *arg, struct slice name)
{
    struct names *n = arg;
    strncat(n->all, (const char *)name.data, name.len);
    strcat(n->all, ",");
    return ++n->count != n->stop_at;
}

static void lists(void **state)
{
    struct client *c = connect_to(*state, 0);
    struct names keys = {0}, buckets = {0};
    assert_int_equal(client_list_keys(c, TYPE, BUCKET, take_name, &keys), 0);
    assert_string_equal(keys.all, "one,two,three,");
    assert_int_equal(client_list_buckets(c, TYPE, take_name, &buckets), 0);
    assert_int_equal(buckets.count, 3);
    assert_int_equal(client_ping(c), 0);
    client_close(&c);
}

static void stopped_list_ends_the_connection(void **state)
{
    struct client *c = connect_to(*state, 0);
    struct names keys = {.stop_at = 1};
    assert_int_equal(client_list_keys(c, TYPE, BUCKET, take_name, &keys), E_CLOSED);
    assert_false(client_alive(c));
    assert_int_equal(client_ping(c), E_CLOSED);
    client_close(&c);
}

static void cluster(void **state)
{
    struct client *c = connect_to(*state, 0);
    static struct status_node status;
    static struct cluster_partitions_resp partitions;
    static struct cluster_transfers_resp transfers;
    struct cluster_ready_resp ready;
    assert_int_equal(client_cluster_status(c, &status), 0);
    assert_string_equal(status.name, "prod");
    assert_int_equal(status.member[0].id, 7);
    assert_int_equal(client_cluster_partitions(c, 0, &partitions), 0);
    assert_int_equal(partitions.count, 2);
    assert_int_equal(client_cluster_partitions(c, 2, &partitions), 0);
    assert_int_equal(partitions.count, 1);
    assert_int_equal(partitions.partition[0].number, 2);
    assert_int_equal(client_cluster_partitions(c, 3, &partitions), 0);
    assert_int_equal(partitions.count, 0);
    assert_int_equal(client_cluster_transfers(c, &transfers), 0);
    assert_int_equal(transfers.transfer[0].partition, 9);
    assert_int_equal(client_cluster_ready(c, false, &ready), 0);
    assert_false(ready.ready);
    assert_string_equal(ready.why, "alone");
    assert_int_equal(client_cluster_ready(c, true, &ready), 0);
    assert_true(ready.ready);
    assert_int_equal(client_cluster_act(c, &(struct cluster_act_req){.act = CLUSTER_LEAVE}), 0);
    assert_int_equal(client_cluster_act(c, &(struct cluster_act_req){.act = CLUSTER_REFORM_SURVIVORS}), E_DENIED);
    assert_true(client_alive(c));
    client_close(&c);
}

static void properties(void **state)
{
    struct client *c = connect_to(*state, 0);
    struct bucket_props props;
    assert_int_equal(client_get_props(c, TYPE, BUCKET, &props), 0);
    assert_true(props_has(&props, PROP_TTL));
    assert_int_equal(props.ttl_s, 60);
    assert_int_equal(props.r, QUORUM_ONE);
    assert_int_equal(client_set_props(c, TYPE, BUCKET, &props), 0);
    client_close(&c);
}

static void silence_is_a_timeout(void **state)
{
    struct client *c = connect_to(*state, 100);
    struct kv_resp r;
    struct kv_put_req put = client_put_request(TYPE, BUCKET, KEY, slice_str("drop"));
    assert_int_equal(client_put(c, &put, slice_make(NULL, 0), &r), E_TIMEOUT);
    assert_false(client_alive(c));
    assert_string_equal(client_error(c),
                        "no answer within 100 ms: it is not known whether the request has had its effect");
    client_close(&c);
}

/* The node is to answer before this client gives up: in the field of a message where there is one, else once for the
 * connection. One that does not know that message answers all the same. */
static void nodes_hear_of_the_timeout(void **state)
{
    struct client *c = connect_to(*state, 5000);
    struct kv_resp r;
    struct kv_get_req get = client_get_request(TYPE, BUCKET, KEY);
    struct bucket_props props = {.set = PROP_BIT(PROP_TTL), .ttl_s = 60};
    assert_int_equal(client_get(c, &get, &r), 0);
    assert_int_equal(get_timeout_ms, 4500);
    get.timeout_ms = 77;
    assert_int_equal(client_get(c, &get, &r), 0);
    assert_int_equal(get_timeout_ms, 77);
    announced = 0;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(client_set_props(c, TYPE, BUCKET, &props), 0);
    assert_int_equal(announced, 1);
    assert_int_equal(announced_ms, 4500);
    client_close(&c);
    old_node = true;
    c = connect_to(*state, 5000);
    assert_int_equal(client_set_props(c, TYPE, BUCKET, &props), 0);
    assert_int_equal(announced, 2);
    old_node = false;
    client_close(&c);
}

static void nobody_listens(void **state)
{
    struct fixture *f = *state;
    char why[TLS_WHY_MAX] = "";
    struct client *c;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, so that nobody else listens there, but not listening */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    struct client_options o = {.identity = f->identity, .host = "127.0.0.1", .port = ntohs(address.sin_port)};
    assert_int_equal(client_connect(&o, &c, why, sizeof why), E_CLOSED);
    assert_null(c);
    assert_non_null(strstr(why, "127.0.0.1"));
    assert_non_null(strstr(why, "refused"));
    close(fd);
}

static void unknown_host(void **state)
{
    struct fixture *f = *state;
    char why[TLS_WHY_MAX] = "";
    struct client *c;
    struct client_options o = {.identity = f->identity, .host = "not a host name", .port = f->port};
    assert_int_equal(client_connect(&o, &c, why, sizeof why), E_NOT_FOUND);
    assert_non_null(strstr(why, "not a host name"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ping_and_info),
        cmocka_unit_test(get_a_value),
        cmocka_unit_test(get_nothing),
        cmocka_unit_test(server_refuses),
        cmocka_unit_test(put_and_delete),
        cmocka_unit_test(lists),
        cmocka_unit_test(stopped_list_ends_the_connection),
        cmocka_unit_test(cluster),
        cmocka_unit_test(properties),
        cmocka_unit_test(silence_is_a_timeout),
        cmocka_unit_test(nodes_hear_of_the_timeout),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(unknown_host),
    };
    return cmocka_run_group_tests_name("client/client", tests, setup, teardown);
}
