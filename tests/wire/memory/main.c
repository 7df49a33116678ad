/* SPDX-License-Identifier: Apache-2.0 */
/* Plays the transcripts of tests/wire/transcripts against a server over a cluster of one, in this process and in
 * virtual time: no sockets, no TLS, no Node.js, and the sanitizers see everything. What needs a real connection or an
 * operator's tool is played by tests/wire/run alone, and named here.
 *
 *   test_transcripts FOLDER [TEXT]     with TEXT only the transcripts whose names hold it
 *   test_transcripts --differ FOLDER   each of them must fail: the player's own test */
#include "ephemerald/types.h"
#include "fake_node.h"
#include "operator.h"
#include "rig.h"
#include "script.h"
#include "wire/security_msg.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONNECTIONS_MAX   16
#define ANSWER_WITHIN_MS  120000 /* of virtual time */
#define TRANSCRIPT_MEMORY ((size_t)512 << 20)

/* What a C program cannot play, or not without a socket. */
static const char *const not_here[] = {
    "before_tls: it is about the record layer of TLS",
    "closing: it is about TCP",
};

struct connection {
    const char *name;
    struct fake_conn conn;
    struct buf sent; /* not yet taken by the session */
    struct buf got;
    enum { PLAIN, SECURED, READY } state;
    bool over, refused; /* refused: the handshake fails, as it wants a certificate */
    uint64_t sent_ms, got_ms;
};

struct player {
    struct fake_node node;
    struct types types;
    struct arena arena;
    struct variables known;
    struct connection *connection[CONNECTIONS_MAX];
    size_t count, sent, answered;
    char why[4096];
};

static bool differ(struct player *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool differ(struct player *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->why, sizeof p->why, format, args);
    va_end(args);
    return false;
}

/* --- one connection --- */

static void collect(struct player *p, struct connection *c)
{
    while (outq_len(&c->conn.stream.out)) {
        struct slice s = outq_front(&c->conn.stream.out);
        if (buf_append_slice(&c->got, s))
            abort();
        outq_consume(&c->conn.stream.out, s.len);
        c->got_ms = p->node.now_ms;
        if (!outq_len(&c->conn.stream.out) && !c->conn.closed)
            fake_conn_drained(&c->conn);
    }
}

/* What is sent is given to the session while it takes any: a transport that is paused holds it back. */
static void give(struct player *p, struct connection *c, size_t piece)
{
    while (buf_len(&c->sent) && !c->conn.paused && !c->conn.closed) {
        struct slice all = buf_slice(&c->sent);
        struct slice part = slice_make(all.data, piece && piece < all.len ? piece : all.len);
        size_t taken = fake_conn_give(&c->conn, part);
        /* The rest is for TLS, which is not here. */
        buf_consume(&c->sent, taken < part.len ? all.len : taken);
        collect(p, c);
    }
}

static bool has_frame(const struct connection *c)
{
    struct slice in = buf_slice(&c->got);
    struct frame f = {0};
    return frame_take(&in, UINT32_MAX, &f) == 1;
}

static bool has_ended(const struct connection *c)
{
    return c->conn.closed;
}

/* Turns the loop, and lets time pass where nothing else happens, until `f` is true. */
static bool until(struct player *p, struct connection *c, bool (*f)(const struct connection *))
{
    uint64_t end = p->node.now_ms + ANSWER_WITHIN_MS;
    for (;;) {
        give(p, c, 0);
        collect(p, c);
        if (f(c) || has_ended(c))
            return f(c);
        uint64_t next = timers_next_ms(&p->node.timers);
        if (next > end)
            return false;
        fake_node_wait(&p->node, next > p->node.now_ms ? next - p->node.now_ms : 0);
        types_turn(&p->types);
    }
}

static struct connection *connection_of(struct player *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->connection[i]->name, name) == 0)
            return p->connection[i];
    return NULL;
}

static void connection_free(struct connection *c)
{
    fake_conn_close(&c->conn);
    buf_fini(&c->sent);
    buf_fini(&c->got);
    free(c);
}

static void drop(struct player *p, struct connection *c)
{
    size_t i = 0;
    while (p->connection[i] != c)
        i++;
    p->connection[i] = p->connection[--p->count];
    connection_free(c);
}

static struct connection *connection_new(struct player *p, const char *name)
{
    struct connection *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->name = name;
    buf_init(&c->sent, SIZE_MAX / 2);
    buf_init(&c->got, SIZE_MAX / 2);
    fake_conn_open(&c->conn, &p->node);
    return c;
}

static bool put_message(struct player *p, struct connection *c, const struct message *m)
{
    const char *why = "no memory";
    return message_compose(m, &p->known, &c->sent, &why) || differ(p, "%s", why);
}

static void hex_of(struct slice s, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len && n + 3 < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%02x", s.data[i]);
}

static bool differs(struct player *p, struct connection *c, const char *wanted)
{
    char hex[1024] = "nothing", text[512] = "";
    struct slice got = buf_slice(&c->got);
    hex_of(got, hex, sizeof hex);
    for (size_t i = 0; i < got.len && i + 1 < sizeof text; i++)
        text[i] = got.data[i] >= 0x20 && got.data[i] < 0x7f ? (char)got.data[i] : '.';
    return differ(p, "expected: %.800s\n        got:      %s %s%s", wanted, hex, text,
                  c->conn.closed ? " and the connection is closed" : "");
}

static bool expect_frame(struct player *p, struct connection *c, const struct message *m, const char *text)
{
    struct frame f = {0};
    if (!until(p, c, has_frame))
        return differs(p, c, text);
    struct slice in = buf_slice(&c->got);
    size_t before = in.len;
    frame_take(&in, UINT32_MAX, &f);
    if (!message_match(m, f.code, f.body, &p->known, clock_wall_ms(&p->node.clock) / 1000, &p->arena))
        return differs(p, c, text);
    if (f.code == MSG_AUTH_RESP)
        c->state = READY;
    buf_consume(&c->got, before - in.len);
    p->answered++;
    return true;
}

static bool play_text(struct player *p, struct connection *c, const char *sent, const char *wanted)
{
    const char *why;
    const struct message *m = message_parse(&p->arena, sent, &why), *answer = message_parse(&p->arena, wanted, &why);
    if (!m || !answer)
        return differ(p, "%s", why);
    if (!put_message(p, c, m))
        return false;
    give(p, c, 0);
    return expect_frame(p, c, answer, wanted);
}

/* The last words on a connection: an answer too many before them is found. */
static bool last(struct player *p, struct connection *c)
{
    static const char *const refusal[] = {"error \"Security is enabled, please STARTTLS first\"",
                                          "error \"Security is enabled, please authenticate first\"", "RpbPingResp"};
    if (c->over)
        return true;
    c->over = true;
    return play_text(p, c, "RpbPingReq", refusal[c->state]) && (!buf_len(&c->got) || differs(p, c, "nothing more"));
}

/* --- statements --- */

static bool secure(struct player *p, struct connection *c, const char *user, bool is_node)
{
    struct stream_peer peer = {.cn_count = 1, .is_node = is_node};
    if (!c->conn.tls)
        return differ(p, "the server did not ask for TLS");
    if (strcmp(user, "nobody") == 0) {
        peer.cn_count = 0;
        c->refused = !c->conn.bare;
    } else {
        snprintf(peer.cn, sizeof peer.cn, "%s", user);
    }
    if (!c->refused)
        fake_conn_secure(&c->conn, &peer);
    c->state = SECURED;
    return true;
}

static bool do_connect(struct player *p, const struct statement *st)
{
    char depth[16] = "", user[64] = "myuser", text[128];
    const char *as = strncmp(st->rest, "as ", 3) == 0 ? st->rest : strstr(st->rest, " as ");
    if (as != st->rest)
        sscanf(st->rest, "%15s", depth);
    if (as)
        sscanf(as, " as %63s", user);
    struct connection *c = connection_of(p, st->connection);
    if (c && !last(p, c))
        return false;
    if (c)
        drop(p, c);
    if (p->count == CONNECTIONS_MAX)
        return differ(p, "too many connections");
    c = p->connection[p->count++] = connection_new(p, st->connection);
    if (strcmp(depth, "plain") == 0)
        return true;
    if (!play_text(p, c, "RpbStartTls", "RpbStartTls") || !secure(p, c, user, false))
        return false;
    snprintf(text, sizeof text, "RpbAuthReq { user: \"%s\" password: \"\" }", user);
    return strcmp(depth, "tls") == 0 || play_text(p, c, text, "RpbAuthResp");
}

/* --- an operator's words --- */

static bool send_change(struct player *p, struct connection *c, const struct security_change *change)
{
    const char *why;
    if (security_msg_put_change_req(&c->sent, change))
        return differ(p, "no memory");
    return expect_frame(p, c, message_parse(&p->arena, "frame 233", &why), "that it is done");
}

static bool do_operator(struct player *p, const struct statement *st)
{
    struct operator_words words;
    struct security_change change;
    const char *why = operator_read(arena_strdup(&p->arena, slice_str(st->rest)), &words);
    if (why)
        return differ(p, "%s", why);
    struct connection *c = connection_new(p, "operator");
    bool good = play_text(p, c, "RpbStartTls", "RpbStartTls") && secure(p, c, "operator", true) &&
                play_text(p, c, "RpbAuthReq { user: \"operator\" password: \"\" }", "RpbAuthResp");
    while (good && operator_next(&words, &change, &why))
        good = send_change(p, c, &change);
    connection_free(c);
    return good && (!why || differ(p, "%s", why));
}

static bool do_send(struct player *p, struct connection *c, const struct statement *st)
{
    for (const struct message *m = st->first; m; m = m->next, p->sent++)
        if (!put_message(p, c, m))
            return false;
    c->sent_ms = p->node.now_ms;
    give(p, c, st->piece);
    return true;
}

static bool expect_bytes(struct player *p, struct connection *c, const struct message *m, const char *text)
{
    while (buf_len(&c->got) < m->hex_count && until(p, c, has_ended) && buf_len(&c->got) < m->hex_count)
        break;
    struct slice got = buf_slice(&c->got);
    if (got.len < m->hex_count || !message_match(m, -1, slice_make(got.data, m->hex_count), &p->known, 0, &p->arena))
        return differs(p, c, text);
    buf_consume(&c->got, m->hex_count);
    p->answered++;
    return true;
}

static bool do_expect(struct player *p, struct connection *c, const struct statement *st)
{
    for (const struct message *m = st->first; m; m = m->next)
        if (!(m->code < 0 ? expect_bytes(p, c, m, st->rest) : expect_frame(p, c, m, st->rest)))
            return false;
    return true;
}

/* Names of all frames until the one that says done alone. */
static bool do_stream(struct player *p, struct connection *c, const struct statement *st)
{
    struct buf names;
    size_t frames = 0;
    bool done = false, good = true;
    buf_init(&names, SIZE_MAX / 2);
    while (good && !done) {
        struct frame f = {0};
        good = until(p, c, has_frame);
        if (!good)
            break;
        struct slice in = buf_slice(&c->got);
        size_t before = in.len;
        frame_take(&in, UINT32_MAX, &f);
        good = f.code == st->first->code && message_is_part(st->first, f.body, &done);
        if (good && !done && buf_append_slice(&names, f.body))
            abort();
        if (good)
            buf_consume(&c->got, before - in.len);
        frames++;
    }
    p->answered += frames;
    good = good && frames > st->piece &&
           message_match(st->first, st->first->code, buf_slice(&names), &p->known, 0, &p->arena);
    buf_fini(&names);
    return good || differs(p, c, st->rest);
}

static bool do_end(struct player *p, struct connection *c, const struct statement *st)
{
    c->over = true;
    if (strcmp(st->rest, "refused") == 0)
        return c->refused || differs(p, c, st->rest);
    if (strcmp(st->rest, "closed") != 0)
        return differ(p, "only a socket knows '%s'", st->rest);
    return (until(p, c, has_ended) && !buf_len(&c->got)) || differs(p, c, st->rest);
}

static bool do_took(struct player *p, struct connection *c, const struct statement *st)
{
    uint64_t wanted = strtoull(st->rest, NULL, 10), took = c->got_ms - c->sent_ms;
    return took >= wanted || differ(p, "expected %s ms or more, it took %llu", st->rest, (unsigned long long)took);
}

static bool step(struct player *p, const struct statement *st)
{
    struct connection *c = connection_of(p, st->connection);
    if (st->verb == VERB_CONNECT)
        return do_connect(p, st);
    if (st->verb == VERB_OPERATOR)
        return do_operator(p, st);
    if (st->verb == VERB_WAIT) {
        fake_node_wait(&p->node, strtoull(st->rest, NULL, 10));
        return true;
    }
    if (!c)
        return differ(p, "not connected");
    switch (st->verb) {
    case VERB_TLS:
        return secure(p, c, *st->rest ? st->rest : "myuser", false);
    case VERB_SEND:
        return do_send(p, c, st);
    case VERB_EXPECT:
        return do_expect(p, c, st);
    case VERB_STREAM:
        return do_stream(p, c, st);
    case VERB_END:
        return do_end(p, c, st);
    case VERB_TOOK:
        return do_took(p, c, st);
    case VERB_CLOSE:
    case VERB_RESET:
        drop(p, c);
        return true;
    default:
        return differ(p, "only a real node does this");
    }
}

/* --- the node --- */

/* As tests/wire/run has them. */
#define TYPES                                                                                                          \
    "{\"plain\":{},\"single\":{\"allow_mult\":false,\"n_val\":5,\"r\":\"one\"},\"once\":{\"write_once\":true},"        \
    "\"consistent\":{\"consistent\":true},"                                                                            \
    "\"counters\":{\"datatype\":\"counter\"},\"maps\":{\"datatype\":\"map\"},\"sets\":{\"datatype\":\"set\"},"         \
    "\"gsets\":{\"datatype\":\"gset\"},\"hlls\":{\"datatype\":\"hll\",\"hll_precision\":13},\"listed\":{},"            \
    "\"emptied\":{},"                                                                                                  \
    "\"props\":{},\"with blank\":{}}"

static bool has_option(const struct script *s, const char *flag)
{
    for (size_t i = 0; i < s->option_count; i++)
        if (strncmp(s->option[i], flag, strlen(flag)) == 0)
            return true;
    return false;
}

/* "--FLAG VALUE" as two words each, ended by NULL. */
static size_t add_option(struct player *p, const char **flags, size_t n, const char *option)
{
    char *copy = arena_strdup(&p->arena, slice_str(option));
    char *value = copy ? strchr(copy, ' ') : NULL;
    assert_non_null(value);
    *value++ = '\0';
    flags[n++] = copy;
    flags[n++] = value;
    flags[n] = NULL;
    return n;
}

static void read_options(struct player *p, struct rig *r, const struct script *s)
{
    const char *flags[2 * SCRIPT_OPTIONS_MAX + 9] = {NULL};
    size_t n = add_option(p, flags, 0, "--cluster-size 1");
    if (!has_option(s, "--bucket-types"))
        n = add_option(p, flags, n, "--bucket-types " TYPES);
    if (!has_option(s, "--delete-mode"))
        n = add_option(p, flags, n, "--delete-mode 600000");
    if (!has_option(s, "--node-name"))
        n = add_option(p, flags, n, "--node-name riak@127.0.0.1");
    for (size_t i = 0; i < s->option_count; i++)
        n = add_option(p, flags, n, s->option[i]);
    rig_init_bare(r);
    set("EPHEMERAL_STORE_USER", USER);
    set("EPHEMERAL_STORE_ROOT_CA_CERT", CERT);
    set("EPHEMERAL_STORE_ROOT_CA_KEY", KEY);
    set("ORCHESTRATION", "none");
    assert_good(r, rig_read(r, flags));
}

static void start(struct player *p, const struct config *c)
{
    static struct log silent; /* no level: nothing is logged */
    fake_node_init(&p->node);
    p->node.config.node_name = c->node_name;
    p->node.config.version = c->server_version;
    p->node.config.object_size_max = c->object_size_max_bytes;
    p->node.config.small_budget = (size_t)64 << 20; /* as of a node of 1 GiB, */
    p->node.config.large_budget = (size_t)96 << 20; /* which tests/wire/run has */
    p->node.config.siblings_max = c->siblings_max;
    p->node.config.reap_ms = c->delete_reap_ms;
    p->node.config.handshake_timeout_ms = 600000;
    p->node.config.auth_failure_delay_ms = c->auth_failure_delay_ms;
    fake_node_restart(&p->node);
    types_init(&p->types, c, &silent, &p->node.timers, p->node.router);
    while (p->types.next < c->bucket_type_count) {
        types_turn(&p->types);
        fake_node_turn(&p->node);
        timers_run(&p->node.timers);
    }
}

static void stop(struct player *p)
{
    for (size_t i = 0; i < p->count; i++)
        connection_free(p->connection[i]);
    types_fini(&p->types);
    fake_node_fini(&p->node);
}

static bool play(struct player *p, const struct script *s, unsigned *line)
{
    for (const struct statement *st = s->first; st; st = st->next) {
        *line = st->line;
        if (!step(p, st))
            return false;
    }
    for (size_t i = 0; i < p->count; i++)
        if (!last(p, p->connection[i]))
            return false;
    return true;
}

/* --- the files --- */

static char *read_text(const char *path)
{
    size_t size = 4 << 20;
    char *text = malloc(size);
    int fd = open(path, O_RDONLY);
    ssize_t n = text && fd >= 0 ? read(fd, text, size - 1) : -1;
    if (n < 0 || (size_t)n == size - 1) {
        printf("FAILED  %s cannot be read\n", path);
        exit(1);
    }
    close(fd);
    text[n] = '\0';
    return text;
}

static bool play_file(const char *folder, const char *name)
{
    static struct player p;
    struct rig rig;
    struct script s;
    char path[4096];
    unsigned line = 0;
    const char *why;
    memset(&p, 0, sizeof p);
    arena_init(&p.arena, TRANSCRIPT_MEMORY);
    snprintf(path, sizeof path, "%s/%s.txt", folder, name);
    char *text = read_text(path);
    bool good = script_parse(&s, &p.arena, text, &line, &why) || differ(&p, "%s", why);
    if (good) {
        read_options(&p, &rig, &s);
        start(&p, rig.c);
        good = play(&p, &s, &line);
        stop(&p);
        rig_fini(&rig);
    }
    if (good)
        printf("ok      %s: %zu sent, %zu answered\n", name, p.sent, p.answered);
    else
        printf("FAILED  %s.txt, line %u\n        %s\n", name, line, p.why);
    arena_fini(&p.arena);
    free(text);
    return good;
}

static const char *reason_not_here(const char *name)
{
    for (size_t i = 0; i < sizeof not_here / sizeof not_here[0]; i++) {
        const char *colon = strchr(not_here[i], ':');
        size_t n = (size_t)(colon - not_here[i]);
        if (strlen(name) == n && strncmp(name, not_here[i], n) == 0)
            return colon + 2;
    }
    return NULL;
}

static int is_transcript(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 4 && strcmp(e->d_name + n - 4, ".txt") == 0;
}

static bool play_folder(const char *folder, const char *text, unsigned *played, unsigned *failed)
{
    struct dirent **files;
    int n = scandir(folder, &files, is_transcript, alphasort);
    for (int i = 0; i < n; i++) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)(strlen(files[i]->d_name) - 4), files[i]->d_name);
        const char *reason = reason_not_here(name);
        bool chosen = strstr(name, text);
        if (chosen && reason)
            printf("not here %s: %s\n", name, reason);
        if (chosen && !reason) {
            ++*played;
            *failed += !play_file(folder, name);
        }
        free(files[i]);
    }
    if (n >= 0)
        free(files);
    return *played > 0;
}

int main(int argc, char **argv)
{
    unsigned played = 0, failed = 0;
    bool differ = argc == 3 && strcmp(argv[1], "--differ") == 0;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "Usage: test_transcripts [--differ] FOLDER, or FOLDER TEXT\n");
        return 64;
    }
    if (!play_folder(argv[differ ? 2 : 1], differ || argc < 3 ? "" : argv[2], &played, &failed)) {
        fprintf(stderr, "test_transcripts: no transcript\n");
        return 1;
    }
    printf("%u of %u transcripts are as they should be\n", played - failed, played);
    return differ ? failed != played : failed != 0;
}
