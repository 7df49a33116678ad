/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/certificates.h"

#include "base/err.h"
#include "base/validity.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* Also when the wall clock has jumped, or a renewal has failed. */
#define CHECK_MS       ((uint64_t)60 * 1000)
#define REVIEW_AGAIN_S 3600 /* of a root that could not be used: another may count later, or the clock may be wrong */
#define OVERDUE_S      3600 /* a renewal that fails is tried each minute */
/* What comes together makes one certificate. */
#define NAMES_MS ((uint64_t)100)

static int64_t now_s(const struct certificates *c)
{
    return (int64_t)(clock_wall_ms(&c->loop->clock) / 1000);
}

static int64_t life_s(const struct certificates *c)
{
    return (int64_t)c->config->certificate_days * 86400;
}

/* --- for clients --- */

struct names {
    const char *list[CONFIG_NAMES_MAX + CERTIFICATES_MORE_NAMES_MAX];
    size_t count;
};

static void collect_names(const struct certificates *c, struct names *out)
{
    out->count = 0;
    for (size_t i = 0; i < c->config->name_count; i++)
        out->list[out->count++] = c->config->names[i];
    for (size_t i = 0; i < c->more_name_count; i++)
        out->list[out->count++] = c->more_names[i];
}

static int mint(const struct certificates *c, const struct names *names, enum cert_key key, const struct cert *key_of,
                struct cert **out, char *why, size_t why_size)
{
    struct cert_request req = {
        .names = names->list, .name_count = names->count, .now = now_s(c), .life_s = life_s(c), .key_of = key_of};
    return cert_mint_server(c->ca, &req, key, out, why, why_size);
}

/* `keys_of`: their keys serve again; of NULL: new ones. */
static int mint_both(const struct certificates *c, const struct names *names, const struct certificate_pair *keys_of,
                     struct certificate_pair *out, char *why, size_t why_size)
{
    int err = mint(c, names, CERT_RSA_2048, keys_of->rsa, &out->rsa, why, why_size);
    return err ? err : mint(c, names, CERT_ECDSA_P256, keys_of->ecdsa, &out->ecdsa, why, why_size);
}

static void destroy_both(struct certificate_pair *p)
{
    cert_destroy(&p->rsa);
    cert_destroy(&p->ecdsa);
}

static int make_server(struct certificates *c)
{
    char why[512] = "";
    static const struct certificate_pair none;
    struct names names;
    collect_names(c, &names);
    int err = mint_both(c, &names, &none, &c->shown, why, sizeof why);
    struct tls_server_config tls = {.ca = c->ca,
                                    .rsa = c->shown.rsa,
                                    .ecdsa = c->shown.ecdsa,
                                    .legacy_suites = c->config->legacy_suites,
                                    .sessions_max = c->config->connections_max};
    if (!err)
        err = tls_ctx_create_server(&tls, &c->server, why, sizeof why);
    if (err)
        log_error(c->log, "tls", "the server certificate could not be made: %s", why);
    return err;
}

void certificates_share_tickets(struct certificates *c, const struct tls_ticket_secrets *secrets)
{
    int err = tls_ctx_share_tickets(c->server, secrets);
    if (err)
        log_warn(c->log, "tls",
                 "the cluster's secrets of session tickets cannot be used: %s; until the next ones come, clients that "
                 "come back to this node make full handshakes",
                 err_text(err));
}

/* --- for other nodes --- */

static int make_peers(struct certificates *c, const struct cert *cert, char *why, size_t why_size)
{
    struct tls_peer_config peer = {.is_server = true, .ca = c->ca, .cert = cert};
    int err = tls_ctx_create_peer(&peer, &c->peer_server, why, why_size);
    peer.is_server = false;
    return err ? err : tls_ctx_create_peer(&peer, &c->peer_client, why, why_size);
}

static int renew_peers(struct certificates *c, const struct cert *cert, char *why, size_t why_size)
{
    int err = tls_ctx_renew(c->peer_server, c->ca, NULL, cert, why, why_size);
    return err ? err : tls_ctx_renew(c->peer_client, c->ca, NULL, cert, why, why_size);
}

int certificates_identify(struct certificates *c, struct incarnation incarnation)
{
    char why[512] = "";
    struct cert *cert = NULL;
    struct cert_node_request req = {.now = now_s(c), .life_s = life_s(c)};
    req.incarnation = incarnation;
    int err = cert_mint_node(c->ca, &req, &cert, why, sizeof why);
    if (!err)
        err = c->peer_server ? renew_peers(c, cert, why, sizeof why) : make_peers(c, cert, why, sizeof why);
    if (err)
        log_error(c->log, "tls", "the node certificate could not be made: %s", why);
    else
        c->incarnation = incarnation; /* a renewal gives its own */
    cert_destroy(&cert);
    return err;
}

/* --- renewal, on a worker thread: an RSA key takes too long for the loop --- */

struct renewal {
    struct certificates *certificates;
    struct names names; /* as the loop knows them */
    struct certificate_pair keys_of, made;
    int err;
    char why[256];
};

static void renew_on_worker(uv_work_t *work)
{
    struct renewal *r = work->data;
    r->err = mint_both(r->certificates, &r->names, &r->keys_of, &r->made, r->why, sizeof r->why);
}

static void renewed(uv_work_t *work, int status)
{
    struct renewal *r = work->data;
    struct certificates *c = r->certificates;
    c->renewing = false;
    if (!status && !r->err)
        r->err = tls_ctx_renew(c->server, c->ca, r->made.rsa, r->made.ecdsa, r->why, sizeof r->why);
    if (r->err)
        log_error(c->log, "tls", "the server certificate could not be renewed: %s; trying again in a minute", r->why);
    else if (!status) {
        struct certificate_pair before = c->shown;
        log_info(c->log, "tls", "server certificate renewed");
        c->shown = r->made;
        r->made = before;
    }
    destroy_both(&r->made);
    if (r->err)
        c->names_changed = true; /* perhaps it was for a name */
    if ((c->next_cert.text || (!r->err && c->names_changed)) && !c->ended)
        timer_start(&c->loop->timers, &c->check, NAMES_MS);
    free(r);
}

static void renew_server(struct certificates *c)
{
    struct renewal *r = c->renewing ? NULL : calloc(1, sizeof *r);
    if (!r)
        return;
    r->certificates = c;
    collect_names(c, &r->names);
    /* For a name that came later, no key is made: at a start, that would take as long again as all the rest. */
    if (now_s(c) < tls_ctx_renew_at(c->server))
        r->keys_of = c->shown;
    c->names_changed = false;
    c->renewal.data = r;
    c->renewing = uv_queue_work(&c->loop->uv, &c->renewal, renew_on_worker, renewed) == 0;
    if (!c->renewing)
        free(r);
}

/* --- ends --- */

int64_t certificates_root_end(const struct certificates *c)
{
    return ca_not_after(c->ca);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t certificates_own_end(const struct certificates *c)
{
    int64_t server = tls_ctx_not_after(c->server);
    return c->peer_server ? earlier(server, tls_ctx_not_after(c->peer_server)) : server;
}

static void warn_of_root_end(struct certificates *c)
{
    int64_t end = certificates_root_end(c), days = validity_days_left(end, now_s(c));
    int stage = validity_stage(days);
    char text[VALIDITY_TEXT_SIZE];
    if (stage == VALIDITY_OVER && stage != c->warned_stage)
        log_error(c->log, "tls",
                  "the root certificate (%s) expired at %s: no client and no node can connect. Renew it (ephemeralctl "
                  "cert ca --renew) and give it to nodes and clients; certificates that it has signed stay valid",
                  ca_subject(c->ca), validity_text(end, text));
    else if (stage && stage != c->warned_stage)
        log_warn(
            c->log, "tls",
            "the root certificate (%s) ends in %lld days (%s), after which no client can connect: renew it "
            "(ephemeralctl cert ca --renew) and give it to nodes and clients; certificates that it has signed stay "
            "valid",
            ca_subject(c->ca), (long long)days, validity_text(end, text));
    c->warned_stage = stage;
}

static int64_t own_renew_at(const struct certificates *c)
{
    int64_t server = tls_ctx_renew_at(c->server);
    return c->peer_server ? earlier(server, tls_ctx_renew_at(c->peer_server)) : server;
}

/* Those that end with the root are its case, and no other is that old unless its renewal fails. */
static void warn_of_own_end(struct certificates *c)
{
    int64_t end = certificates_own_end(c), days = validity_days_left(end, now_s(c)), renew_at = own_renew_at(c);
    bool is_overdue = renew_at != INT64_MAX && now_s(c) > renew_at + OVERDUE_S;
    int stage = is_overdue ? validity_stage(days) : 0;
    char text[VALIDITY_TEXT_SIZE];
    if (stage && stage != c->warned_own_stage)
        log_warn(c->log, "tls",
                 "this node's own certificates should have been renewed by now, and end at %s (in %lld days), after "
                 "which nobody can connect: the lines before say why it fails; restart the node if it stays so",
                 validity_text(end, text), (long long)days);
    c->warned_own_stage = stage;
}

static void warn_of_end(struct certificates *c)
{
    warn_of_root_end(c);
    warn_of_own_end(c);
}

/* --- the root: of several with the same key, the valid one that ends last --- */

static int judge_root(const struct certificates *c, const struct config_pem *cert, const struct config_pem *key,
                      struct ca **out, char *why, size_t why_size)
{
    return ca_create(slice_str(cert->text), slice_str(key->text), now_s(c), out, why, why_size);
}

static void warn_of_version(const struct certificates *c)
{
    if (ca_is_v1(c->ca))
        log_warn(
            c->log, "tls",
            "the root (%s) is an X.509 v1 certificate. It works here, but clients with Python 3.13 and later refuse "
            "it. Make it v3, other certificates stay valid: " CA_MENDING_COMMAND,
            ca_subject(c->ca));
}

/* Whether it is another one than before, which signs from now on. `ca` is taken. */
static bool use_root(struct certificates *c, struct ca *ca)
{
    bool is_other = !ca_equal(c->ca, ca);
    ca_destroy(&c->ca);
    c->ca = ca;
    c->review_at = ca_review_at(ca);
    return is_other;
}

static void mint_again(struct certificates *c)
{
    warn_of_version(c);
    renew_server(c);
    if (c->peer_server)
        certificates_identify(c, c->incarnation);
}

/* The worker of a renewal uses the root that is there. */
static void review_root(struct certificates *c)
{
    char why[TLS_WHY_MAX] = "";
    struct ca *now;
    if (c->renewing || now_s(c) < c->review_at)
        return;
    c->review_at = now_s(c) + REVIEW_AGAIN_S;
    if (judge_root(c, &c->root_cert, &c->root_key, &now, why, sizeof why)) {
        log_error(c->log, "tls", "the root CA cannot be used any more: %s", why);
        return;
    }
    if (!use_root(c, now))
        return;
    log_info(c->log, "tls", "changing over to another root certificate with the same key (%s), which ends in %lld days",
             ca_subject(c->ca), (long long)validity_days_left(ca_not_after(c->ca), now_s(c)));
    mint_again(c);
}

/* --- another root, from its files --- */

static void forget_next(struct certificates *c)
{
    config_pem_fini(&c->next_cert);
    config_pem_fini(&c->next_key);
    c->next_asked = false;
}

static int trust(struct certificates *c, const struct ca *ca, char *why, size_t why_size)
{
    struct tls_ctx *contexts[] = {c->server, c->peer_server, c->peer_client};
    int err = 0;
    for (size_t i = 0; !err && i < sizeof contexts / sizeof contexts[0]; i++)
        if (contexts[i])
            err = tls_ctx_trust(contexts[i], ca, why, why_size);
    return err;
}

static void say_unusable(const struct certificates *c, const char *why)
{
    log_error(c->log, "tls", "the root CA was read again and cannot be used: %s; the previous one stays in use", why);
}

static void change_root(struct certificates *c)
{
    char why[TLS_WHY_MAX] = "";
    struct ca *now;
    int err = judge_root(c, &c->next_cert, &c->next_key, &now, why, sizeof why);
    if (!err) {
        err = trust(c, now, why, sizeof why);
        if (err)
            ca_destroy(&now);
    }
    if (err) {
        say_unusable(c, why);
        return;
    }
    config_pem_fini(&c->root_cert);
    config_pem_fini(&c->root_key);
    c->root_cert = c->next_cert;
    c->root_key = c->next_key;
    c->next_cert = c->next_key = (struct config_pem){0};
    bool is_other = use_root(c, now);
    log_info(c->log, "tls",
             "the root CA was read again: roots that are trusted: %zu; certificates are signed by %s%s, "
             "which ends in %lld days",
             ca_root_count(c->ca), is_other ? "another root certificate, " : "", ca_subject(c->ca),
             (long long)validity_days_left(ca_not_after(c->ca), now_s(c)));
    if (is_other)
        mint_again(c);
    warn_of_end(c);
}

/* The worker of a renewal uses the root that is there: later then. */
static void take_next(struct certificates *c)
{
    if (c->renewing || !c->next_cert.text)
        return;
    bool is_same = strcmp(c->next_cert.text, c->root_cert.text) == 0 && strcmp(c->next_key.text, c->root_key.text) == 0;
    if (!is_same)
        change_root(c);
    else if (c->next_asked)
        log_info(c->log, "tls", "the root CA was read again and has not changed");
    forget_next(c);
}

static void on_root_read(void *arg, struct config_pem *cert, struct config_pem *key, bool asked)
{
    struct certificates *c = arg;
    asked |= c->next_asked;
    forget_next(c);
    c->next_cert = *cert;
    c->next_key = *key;
    c->next_asked = asked;
    *cert = *key = (struct config_pem){0};
    take_next(c);
}

static void on_root_unread(void *arg, const char *why)
{
    say_unusable(arg, why);
}

void certificates_reread(struct certificates *c)
{
    if (root_files_exist(&c->files))
        root_files_read(&c->files);
    else
        log_info(c->log, "tls",
                 "the root CA was given as text, not as files (certificate: %s; key: %s): it stays as it is while this "
                 "node runs",
                 c->root_cert.source, c->root_key.source);
}

/* At the next minute, or when the root is to be reviewed, if that is sooner. */
static uint64_t next_check_ms(const struct certificates *c)
{
    int64_t left_s = c->review_at - now_s(c);
    return left_s >= (int64_t)(CHECK_MS / 1000) ? CHECK_MS : left_s > 0 ? (uint64_t)left_s * 1000 : 1000;
}

static void on_check(struct timer *t)
{
    struct certificates *c = LIST_ENTRY(t, struct certificates, check);
    take_next(c);
    review_root(c);
    warn_of_end(c);
    if (c->names_changed || now_s(c) >= tls_ctx_renew_at(c->server))
        renew_server(c);
    if (c->peer_server && now_s(c) >= tls_ctx_renew_at(c->peer_server))
        certificates_identify(c, c->incarnation);
    timer_start(&c->loop->timers, &c->check, next_check_ms(c));
}

static bool has_name(const struct certificates *c, const char *name)
{
    struct names all;
    collect_names(c, &all);
    for (size_t i = 0; i < all.count; i++)
        if (strcasecmp(all.list[i], name) == 0)
            return true;
    return false;
}

void certificates_add_name(struct certificates *c, const char *name)
{
    if (c->ended || !cert_can_carry(name) || has_name(c, name) || c->more_name_count == CERTIFICATES_MORE_NAMES_MAX)
        return;
    char *copy = c->more_names[c->more_name_count] = strdup(name);
    if (!copy)
        return;
    c->more_name_count++;
    log_info(c->log, "tls", "the server certificate is made again with the name %s", name);
    c->names_changed = true;
    timer_start(&c->loop->timers, &c->check, NAMES_MS);
}

/* --- life --- */

static int copy_pem(const struct config_pem *from, struct config_pem *to)
{
    memcpy(to->source, from->source, sizeof to->source);
    to->text = strdup(from->text);
    return to->text ? 0 : E_NOMEM;
}

static int copy_root(struct certificates *c)
{
    int err = copy_pem(&c->config->root_ca_cert, &c->root_cert);
    return err ? err : copy_pem(&c->config->root_ca_key, &c->root_key);
}

int certificates_init(struct certificates *c, const struct config *config, const struct log *log, struct net_loop *loop)
{
    char why[TLS_WHY_MAX] = "";
    *c = (struct certificates){.config = config, .log = log, .loop = loop};
    timer_init(&c->check, on_check);
    root_files_init(&c->files,
                    &(struct root_files_config){
                        .config = config, .loop = loop, .read = on_root_read, .failed = on_root_unread, .arg = c});
    if (copy_root(c)) {
        log_error(log, "tls", "the root CA could not be read: %s", err_text(E_NOMEM));
        return EX_OSERR;
    }
    int err = judge_root(c, &c->root_cert, &c->root_key, &c->ca, why, sizeof why);
    if (err) {
        log_error(log, "tls", "the root CA cannot be used (certificate: %s; key: %s): %s", config->root_ca_cert.source,
                  config->root_ca_key.source, why);
        return EX_CONFIG;
    }
    c->review_at = ca_review_at(c->ca);
    if (make_server(c))
        return EX_SOFTWARE;
    warn_of_version(c);
    warn_of_end(c);
    return 0;
}

void certificates_watch(struct certificates *c)
{
    timer_start(&c->loop->timers, &c->check, next_check_ms(c));
    root_files_start(&c->files);
}

void certificates_end(struct certificates *c)
{
    c->ended = true;
    timer_stop(&c->loop->timers, &c->check);
    root_files_end(&c->files);
}

void certificates_fini(struct certificates *c)
{
    tls_ctx_destroy(&c->server);
    tls_ctx_destroy(&c->peer_server);
    tls_ctx_destroy(&c->peer_client);
    destroy_both(&c->shown);
    ca_destroy(&c->ca);
    config_pem_fini(&c->root_cert);
    config_pem_fini(&c->root_key);
    forget_next(c);
    while (c->more_name_count)
        free(c->more_names[--c->more_name_count]);
}
