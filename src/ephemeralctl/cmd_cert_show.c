/* SPDX-License-Identifier: Apache-2.0 */
/* The certificates of a file or of a server, and what clients will say of them. */
#include "ephemeralctl/cert_files.h"
#include "ephemeralctl/cert_show.h"
#include "ephemeralctl/cmd_cert.h"
#include "ephemeralctl/connect.h"
#include "ephemeralctl/text.h"

#include "client/look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* Of what was looked at: a file, or a server in two ways, as a client of today and as one of Riak's time. */
struct shown {
    const char *source;
    const char *server_name;          /* NULL: of a file, or any name will do */
    struct buf chain, roots;          /* roots: empty where none is known */
    const struct client_look *server; /* NULL: a file */
    bool as_old_riak;                 /* of a server */
};

/* A file that is not there is no reason to show nothing. */
static void read_roots(const struct options *o, struct buf *out)
{
    char room[CONNECTION_PATH_MAX], path[CERT_PATH_MAX];
    const char *dir = connection_certs(o, room);
    buf_init(out, 0);
    if (o->ca)
        cert_files_read(o->ca, "the root's certificate", out);
    else if (dir && cert_files_path(dir, "rootCA", ".crt", path) == 0 && access(path, R_OK) == 0)
        cert_files_read(path, "the root's certificate", out);
}

static int view_chain(const struct shown *s, struct cert_view **out, size_t *count)
{
    char why[TLS_WHY_MAX];
    int err = cert_view_read(buf_slice(&s->chain), out, count, why, sizeof why);
    if (!err)
        return 0;
    text_error("%s: %s", s->source, why);
    return EX_DATAERR;
}

/* Who judges it, and what was said. */
struct opinions {
    const char *who[CERT_CLIENTS + 1];
    struct cert_verdict verdict[CERT_CLIENTS + 1];
    size_t count;
    const char *unjudged; /* why nobody was asked; NULL: they were */
};

/* Of a server each client is asked about what it was shown. */
static bool is_shown(const struct shown *s, int client)
{
    return !s->server || s->as_old_riak == (client == CERT_CLIENT_RIAK);
}

static void ask_clients(const struct shown *s, struct opinions *o, int err, const char *why,
                        const struct cert_verdict *verdicts)
{
    for (int i = 0; !err && i < CERT_CLIENTS; i++) {
        if (!is_shown(s, i))
            continue;
        o->who[o->count] = cert_client_name((enum cert_client)i);
        o->verdict[o->count++] = verdicts[i];
    }
    if (err)
        text_error("%s", why);
}

static void judge_root(const struct shown *s, struct opinions *o)
{
    char why[TLS_WHY_MAX];
    struct cert_verdict verdicts[CERT_CLIENTS];
    int err = cert_judge_root(buf_slice(&s->chain), cert_now(), verdicts, &o->verdict[0], why, sizeof why);
    o->who[0] = "nodes";
    o->count = err ? 0 : 1;
    ask_clients(s, o, err, why, verdicts);
}

static void judge_server(const struct shown *s, struct opinions *o)
{
    char why[TLS_WHY_MAX];
    struct cert_verdict verdicts[CERT_CLIENTS];
    int err = cert_judge_server(buf_slice(&s->chain), buf_slice(&s->roots), s->server_name, cert_now(), verdicts, why,
                                sizeof why);
    ask_clients(s, o, err, why, verdicts);
}

static void judge(const struct shown *s, enum cert_use use, struct opinions *o)
{
    *o = (struct opinions){0};
    if (use == CERT_USE_ROOT)
        judge_root(s, o);
    else if (use == CERT_USE_USER || use == CERT_USE_NODE || use == CERT_USE_SIGNER)
        o->unjudged = use == CERT_USE_USER ? "ephemeralctl cert check says whether a node accepts it" : "";
    else if (buf_len(&s->roots) == 0)
        o->unjudged = "give the root with --ca to hear what clients say of it";
    else
        judge_server(s, o);
}

static void print_opinions(const struct opinions *o)
{
    if (o->count)
        puts("accepted by");
    for (size_t i = 0; i < o->count; i++)
        cert_show_verdict(o->who[i], &o->verdict[i], stdout);
    if (o->unjudged && *o->unjudged)
        printf("(%s)\n", o->unjudged);
}

static void print_shown(const struct shown *s, const struct cert_view *v, size_t count, const struct opinions *o)
{
    if (s->server)
        printf("%s, %s%s%s\n", s->source,
               *s->server->version ? s->server->version
                                   : "ended by the server without a "
                                     "client certificate",
               *s->server->suite ? " " : "", s->server->suite);
    for (size_t i = 0; i < count; i++) {
        text_name(slice_str(s->source), true, stdout);
        printf(", certificate %zu of %zu\n", i + 1, count);
        cert_show_text(&v[i], cert_now(), stdout);
    }
    print_opinions(o);
}

static void print_shown_json(const struct shown *s, const struct cert_view *v, size_t count, const struct opinions *o,
                             struct json *j)
{
    json_open(j, NULL, '{');
    json_string(j, "source", slice_str(s->source));
    if (s->server) {
        json_string(j, "tls_version", slice_str(s->server->version));
        json_string(j, "tls_cipher", slice_str(s->server->suite));
    }
    json_open(j, "certificates", '[');
    for (size_t i = 0; i < count; i++)
        cert_show_json(&v[i], cert_now(), j);
    json_close(j, ']');
    json_open(j, "verdicts", '[');
    for (size_t i = 0; i < o->count; i++)
        cert_show_verdict_json("who", o->who[i], &o->verdict[i], j);
    json_close(j, ']');
    json_close(j, '}');
}

static int show(const struct options *options, const struct shown *s, struct json *j)
{
    struct cert_view *v;
    struct opinions o;
    size_t count;
    int status = view_chain(s, &v, &count);
    if (status)
        return status;
    judge(s, cert_view_use(v), &o);
    if (options->output == OUTPUT_JSON)
        print_shown_json(s, v, count, &o, j);
    else
        print_shown(s, v, count, &o);
    free(v);
    return 0;
}

static int show_file(const struct options *o, const char *path, struct json *j)
{
    struct shown s = {.source = pem_is_text(path) ? "the PEM" : path, .server_name = o->server_name};
    read_roots(o, &s.roots);
    int status = cert_files_read(path, "certificate", &s.chain);
    if (!status)
        status = show(o, &s, j);
    buf_fini(&s.roots);
    pem_wipe(&s.chain); /* keys may stand beside it */
    return status;
}

/* "name", "name:8087", "10.0.0.1:8087", "::1", "[::1]:8087". False: the port is none. */
static bool split_host(const char *text, char host[256], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    bool bracketed = *text == '[', many = colon && strchr(text, ':') != colon;
    const char *end = bracketed ? strchr(text, ']') : many || !colon ? text + strlen(text) : colon;
    if (!end || end - text - bracketed >= 256)
        return false;
    snprintf(host, 256, "%.*s", (int)(end - text - bracketed), text + bracketed);
    end += bracketed;
    if (*end == '\0')
        return true;
    char *rest;
    unsigned long n = strtoul(end + 1, &rest, 10);
    *port = (uint16_t)n;
    return *end == ':' && end[1] && *rest == '\0' && n > 0 && n <= UINT16_MAX;
}

static int unseen(int err, const char *source, const char *why)
{
    if (err == E_TLS)
        text_error("%s: %s", source, why);
    else if (err == E_NOT_FOUND)
        text_error("%s: neither a file nor a host", why);
    else
        text_error("%s", why); /* names the server */
    return err == E_NOT_FOUND ? EX_NOHOST : err == E_IO ? EX_UNAVAILABLE : exit_status(err);
}

static int show_look(const struct options *o, const struct client_look_options *how, const char *source,
                     struct client_look *server, struct json *j)
{
    struct shown s = {.source = source, .server = server, .as_old_riak = how->old_riak, .chain = server->chain_pem};
    s.server_name = o->any_server_name ? NULL : how->server_name;
    read_roots(o, &s.roots);
    int status = show(o, &s, j);
    buf_fini(&s.roots);
    return status;
}

static int look(const struct options *o, const struct client_look_options *how, const char *source, struct json *j)
{
    char why[TLS_WHY_MAX] = "";
    struct client_look server;
    int status, err = client_look(how, &server, why, sizeof why);
    if (!err)
        status = show_look(o, how, source, &server, j);
    else if (how->old_riak && err == E_TLS) { /* that is an answer: the node does not serve them */
        if (o->output == OUTPUT_TEXT)
            printf("%s: not served (%s)\n", source, why);
        status = 0;
    } else {
        status = unseen(err, source, why);
    }
    client_look_fini(&server);
    return status;
}

/* As a client of today sees it; then as one of Riak's time. At the nodes' ports there are no old clients. */
static int show_server(const struct options *o, const char *target, struct json *j)
{
    char host[256], today[320], old[320];
    uint16_t port = o->port;
    if (!split_host(target, host, &port)) {
        options_complain("'%s' is neither a file nor HOST[:PORT]", target);
        return EX_USAGE;
    }
    struct client_look_options how = {.host = host, .port = port, .timeout_ms = o->timeout_ms};
    how.direct_tls = o->direct_tls;
    how.server_name = o->server_name ? o->server_name : host;
    snprintf(today, sizeof today, "%s port %u", host, port);
    snprintf(old, sizeof old, "%s port %u, to old Riak clients (TLS 1.2)", host, port);
    int status = look(o, &how, today, j);
    how.old_riak = true;
    return status ? status : look(o, &how, old, j);
}

int cert_show(struct context *x)
{
    const char *target = x->args[1];
    struct json j = json_to(stdout);
    bool is_file = pem_is_text(target) || strchr(target, '/') || access(target, F_OK) == 0;
    bool as_json = x->options->output == OUTPUT_JSON;
    if (as_json)
        json_open(&j, NULL, '[');
    int status = is_file ? show_file(x->options, target, &j) : show_server(x->options, target, &j);
    if (as_json) {
        json_close(&j, ']');
        json_end(&j);
    }
    return status;
}
