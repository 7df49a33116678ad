/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/certificates.h"
#include "pki.h"
#include "support.h"

#include <openssl/x509v3.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define LINES_MAX 16

struct rig {
    struct net_loop loop;
    int64_t now_s;
    struct log log;
    struct pki root;
    struct config *config;
    struct certificates c;
    unsigned count; /* of lines */
    char line[LINES_MAX][512];
};

static uint64_t wall_ms(void *arg)
{
    return (uint64_t)LIST_ENTRY(arg, struct rig, loop)->now_s * 1000;
}

static void keep_line(void *arg, enum log_level level, const char *line)
{
    struct rig *r = arg;
    (void)level;
    assert_true(r->count < LINES_MAX);
    snprintf(r->line[r->count++], sizeof r->line[0], "%s", line);
}

/* Certificates of nine days, under a root that has so many left. */
static void rig_init(struct rig *r, int64_t root_days)
{
    struct pki_plan plan = {.cn = "Root", .ca = true, .to = PKI_NOW + root_days * PKI_DAY + 1};
    static char name[] = "localhost";
    memset(r, 0, sizeof *r);
    r->now_s = PKI_NOW;
    r->log = (struct log){.level = LOG_INFO, .sink = keep_line, .arg = r};
    assert_int_equal(net_loop_init(&r->loop), 0);
    r->loop.clock.wall_ms = wall_ms;
    pki_make(&r->root, &plan);
    r->config = calloc(1, sizeof *r->config);
    r->config->root_ca_cert.text = r->root.cert_pem;
    r->config->root_ca_key.text = r->root.key_pem;
    r->config->names[0] = name;
    r->config->name_count = 1;
    r->config->certificate_days = 9;
    r->config->connections_max = 10;
}

static void rig_fini(struct rig *r)
{
    certificates_end(&r->c);
    net_loop_fini(&r->loop);
    certificates_fini(&r->c);
    pki_free(&r->root);
    free(r->config);
}

static void begin(struct rig *r)
{
    assert_int_equal(certificates_init(&r->c, r->config, &r->log, &r->loop), 0);
    certificates_watch(&r->c);
}

/* The hour is over; what a worker does of it is awaited. */
static void check(struct rig *r)
{
    timer_stop(&r->loop.timers, &r->c.check);
    r->c.check.fire(&r->c.check);
    assert_true(timer_runs(&r->c.check)); /* for the next hour */
    while (r->c.renewing)
        uv_run(&r->loop.uv, UV_RUN_ONCE);
}

static void expect_line(struct rig *r, unsigned line, const char *part)
{
    assert_true(line < r->count);
    if (!strstr(r->line[line], part))
        fail_msg("'%s' does not say '%s'", r->line[line], part);
}

static void test_identity(void **state)
{
    static const struct incarnation one = {"incarnation one"}, two = {"incarnation two"};
    struct rig r;
    (void)state;
    rig_init(&r, 300);
    begin(&r);
    assert_non_null(r.c.server);
    assert_null(r.c.peer_server);
    assert_null(r.c.peer_client);
    assert_int_equal(certificates_identify(&r.c, one), 0);
    assert_memory_equal(r.c.incarnation.b, one.b, sizeof one);
    const struct tls_ctx *server = r.c.peer_server, *client = r.c.peer_client;
    assert_true(server && client);
    r.now_s += PKI_DAY;
    assert_int_equal(certificates_identify(&r.c, two), 0);
    assert_memory_equal(r.c.incarnation.b, two.b, sizeof two);
    /* The connections that are open go on with the contexts that they have. */
    assert_ptr_equal(r.c.peer_server, server);
    assert_ptr_equal(r.c.peer_client, client);
    assert_int_equal(tls_ctx_renew_at(r.c.peer_server), tls_ctx_renew_at(r.c.server) + PKI_DAY);
    assert_int_equal(tls_ctx_renew_at(r.c.peer_client), tls_ctx_renew_at(r.c.peer_server));
    assert_int_equal(r.count, 0);
    rig_fini(&r);
}

/* Lives on with whoever holds it. */
static EVP_PKEY *rsa_key(const struct rig *r)
{
    EVP_PKEY *key = cert_key_of(r->c.shown.rsa);
    EVP_PKEY_up_ref(key);
    return key;
}

static void test_renewal(void **state)
{
    static const struct incarnation id = {"incarnation"};
    struct rig r;
    (void)state;
    rig_init(&r, 300);
    begin(&r);
    assert_int_equal(certificates_identify(&r.c, id), 0);
    int64_t first = tls_ctx_renew_at(r.c.server);
    assert_in_range(first - PKI_NOW, 5 * PKI_DAY, 7 * PKI_DAY); /* two thirds of nine days */
    r.now_s = first - 1;
    check(&r);
    assert_int_equal(tls_ctx_renew_at(r.c.server), first);
    assert_int_equal(r.count, 0);
    EVP_PKEY *before = rsa_key(&r);
    r.now_s = first;
    check(&r);
    EVP_PKEY *after = rsa_key(&r);
    assert_int_equal(EVP_PKEY_eq(after, before), 0); /* a certificate's life is its key's, too */
    EVP_PKEY_free(after);
    EVP_PKEY_free(before);
    assert_in_range(tls_ctx_renew_at(r.c.server) - first, 5 * PKI_DAY, 7 * PKI_DAY);
    assert_in_range(tls_ctx_renew_at(r.c.peer_server) - first, 5 * PKI_DAY, 7 * PKI_DAY);
    assert_in_range(tls_ctx_renew_at(r.c.peer_client) - first, 5 * PKI_DAY, 7 * PKI_DAY);
    assert_memory_equal(r.c.incarnation.b, id.b, sizeof id);
    assert_int_equal(r.count, 1);
    assert_string_equal(r.line[0] + strlen(r.line[0]) - strlen("server certificate renewed"),
                        "server certificate renewed");
    rig_fini(&r);
}

static void run_until_lines(struct rig *r, unsigned count)
{
    while (r->count < count)
        uv_run(&r->loop.uv, UV_RUN_ONCE);
}

/* What comes together makes one certificate; what comes while it is made, another. */
static void test_names_that_come_later(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 300);
    begin(&r);
    certificates_add_name(&r.c, "node-7.example");
    certificates_add_name(&r.c, "10.7.7.7");
    certificates_add_name(&r.c, "Node-7.Example"); /* known */
    certificates_add_name(&r.c, "localhost");      /* likewise */
    certificates_add_name(&r.c, "(none)");         /* no certificate can carry it */
    assert_int_equal(r.count, 2);
    assert_non_null(strstr(r.line[0], "the server certificate is made again with the name node-7.example"));
    assert_non_null(strstr(r.line[1], "10.7.7.7"));
    EVP_PKEY *before = rsa_key(&r), *after;
    while (!r.c.renewing)
        uv_run(&r.loop.uv, UV_RUN_ONCE);
    certificates_add_name(&r.c, "vip.example");
    run_until_lines(&r, 5);
    after = rsa_key(&r);
    assert_int_equal(EVP_PKEY_eq(after, before), 1); /* a name needs no other key, which takes long to make */
    assert_int_equal(X509_check_host(cert_x509(r.c.shown.rsa), "vip.example", 0, 0, NULL), 1);
    EVP_PKEY_free(before);
    EVP_PKEY_free(after);
    assert_non_null(strstr(r.line[3], "server certificate renewed"));
    assert_non_null(strstr(r.line[4], "server certificate renewed"));
    assert_false(r.c.renewing || r.c.names_changed);
    certificates_add_name(&r.c, "one.example");
    certificates_add_name(&r.c, "too-many.example");
    assert_int_equal(r.c.more_name_count, CERTIFICATES_MORE_NAMES_MAX);
    assert_int_equal(r.count, 6);
    rig_fini(&r);
}

/* A node that ends does not wait for the worker, who gives back what he has made. */
static void test_end_while_renewing(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 300);
    begin(&r);
    r.now_s = tls_ctx_renew_at(r.c.server);
    timer_stop(&r.loop.timers, &r.c.check);
    r.c.check.fire(&r.c.check);
    assert_true(r.c.renewing);
    rig_fini(&r);
}

static void expect_lines(struct rig *r, int64_t days_left, unsigned lines)
{
    r->now_s = PKI_NOW + (20 - days_left) * PKI_DAY;
    check(r);
    assert_int_equal(r->count, lines);
}

/* Of the root's end: once for each of the stages, whatever is renewed meanwhile. */
static void test_warnings(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 20);
    begin(&r);
    assert_int_equal(r.count, 1);
    assert_non_null(strstr(r.line[0], "ends in 20 days"));
    expect_lines(&r, 19, 1);
    expect_lines(&r, 15, 1);
    expect_lines(&r, 14, 3); /* and the server's certificate was renewed */
    assert_non_null(strstr(r.line[1], "ends in 14 days"));
    expect_lines(&r, 13, 3);
    rig_fini(&r);
}

/* The root was signed again with its key, from the third day on: what ends with the old one is replaced in time. */
static void test_root_that_is_replaced(void **state)
{
    static const struct incarnation id = {"incarnation"};
    struct rig r;
    struct pki next;
    char both[2 * PKI_PEM_SIZE];
    (void)state;
    rig_init(&r, 6);
    pki_make(&next, &(struct pki_plan){.cn = "Root", .ca = true, .key = r.root.key, .from = PKI_NOW + 3 * PKI_DAY});
    snprintf(both, sizeof both, "%s%s", r.root.cert_pem, next.cert_pem);
    r.config->root_ca_cert.text = both;
    begin(&r);
    assert_int_equal(certificates_identify(&r.c, id), 0);
    assert_int_equal(tls_ctx_not_after(r.c.server), PKI_NOW + 6 * PKI_DAY + 1);
    r.count = 0; /* the old one's end was warned of */
    r.now_s = PKI_NOW + 3 * PKI_DAY - 2;
    check(&r);
    assert_int_equal(r.count, 0);
    assert_true(timers_next_ms(&r.loop.timers) <= clock_boot_ms(&r.loop.clock) + 2000); /* not a minute later */
    r.now_s += 2;
    check(&r);
    assert_int_equal(r.count, 2);
    assert_non_null(strstr(r.line[0], "changing over to another root certificate with the same key (CN = Root)"));
    assert_non_null(strstr(r.line[1], "server certificate renewed"));
    assert_int_equal(tls_ctx_not_after(r.c.server), PKI_NOW + 12 * PKI_DAY);
    assert_int_equal(tls_ctx_not_after(r.c.peer_server), PKI_NOW + 12 * PKI_DAY);
    assert_int_equal(tls_ctx_not_after(r.c.peer_client), PKI_NOW + 12 * PKI_DAY);
    pki_free(&next);
    rig_fini(&r);
}

/* A certificate whose renewal fails for long: of the node's own, a line for each stage that it comes to. */
static void test_own_end(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 300);
    begin(&r);
    int64_t renew_at = tls_ctx_renew_at(r.c.server);
    r.c.renewing = true; /* one that never comes to an end */
    static const struct {
        int64_t at_s;
        unsigned lines;
    } steps[] = {{0, 0}, {3600, 0}, {3601, 1}, {2 * PKI_DAY, 2}, {2 * PKI_DAY + 7200, 2}, {3 * PKI_DAY + 1, 3}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        r.now_s = renew_at + steps[i].at_s;
        timer_stop(&r.loop.timers, &r.c.check);
        r.c.check.fire(&r.c.check);
        assert_int_equal(r.count, steps[i].lines);
    }
    expect_line(&r, 0, "own certificates should have been renewed by now, and end at 2027-01-24T08:00:00Z (in 2 days)");
    expect_line(&r, 1, "(in 1 days)");
    expect_line(&r, 2, "(in -1 days)");
    assert_int_equal(certificates_own_end(&r.c), tls_ctx_not_after(r.c.server));
    assert_int_equal(certificates_root_end(&r.c), PKI_NOW + 300 * PKI_DAY + 1);
    r.c.renewing = false;
    rig_fini(&r);
}

static void test_root_that_ends(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 5);
    begin(&r);
    r.count = 0;
    r.now_s = PKI_NOW + 5 * PKI_DAY + 2;
    check(&r);
    expect_line(&r, 0, "the root CA cannot be used any more: the root CA certificate (CN = Root) expired");
    expect_line(&r, 1, "the root certificate (CN = Root) expired at 2027-01-20T08:00:01Z: no client and no node can");
    r.count = 0;
    r.now_s += 60;
    check(&r);
    assert_int_equal(r.count, 0); /* once */
    rig_fini(&r);
}

/* Between two roots there may be a gap, or a clock that is wrong for a while. */
static void test_root_that_counts_later(void **state)
{
    struct rig r;
    struct pki next;
    char both[2 * PKI_PEM_SIZE];
    (void)state;
    rig_init(&r, 5);
    pki_make(&next, &(struct pki_plan){.cn = "Root", .ca = true, .key = r.root.key, .from = PKI_NOW + 7 * PKI_DAY});
    snprintf(both, sizeof both, "%s%s", r.root.cert_pem, next.cert_pem);
    r.config->root_ca_cert.text = both;
    begin(&r);
    r.now_s = PKI_NOW + 6 * PKI_DAY;
    check(&r);
    r.count = 0;
    r.now_s = PKI_NOW + 7 * PKI_DAY + 3601;
    check(&r);
    assert_non_null(strstr(r.line[0], "changing over to another root certificate"));
    pki_free(&next);
    rig_fini(&r);
}

static void test_root_of_version_1(void **state)
{
    struct rig r;
    struct pki v1;
    (void)state;
    rig_init(&r, 300);
    pki_make(&v1, &(struct pki_plan){.cn = "rootCA"});
    r.config->root_ca_cert.text = v1.cert_pem;
    r.config->root_ca_key.text = v1.key_pem;
    begin(&r);
    assert_int_equal(r.count, 1);
    assert_non_null(strstr(r.line[0],
                           "(CN = rootCA) is an X.509 v1 certificate. It works here, but clients with Python "
                           "3.13 and later refuse it. Make it v3"));
    check(&r);
    assert_int_equal(r.count, 1);
    pki_free(&v1);
    rig_fini(&r);
}

/* --- the root as files, as Kubernetes mounts a secret: tls.crt -> ..data/tls.crt, ..data -> a folder --- */

struct mount {
    char dir[64], cert_path[128], key_path[128];
};

static void write_file(const char *dir, const char *version, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s/%s", dir, version, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* The link is swapped, as the kubelet does. */
static void publish(const struct mount *m, const char *version, const char *cert, const char *key)
{
    char path[256], fresh[256];
    snprintf(path, sizeof path, "%s/%s", m->dir, version);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(m->dir, version, "tls.crt", cert);
    write_file(m->dir, version, "tls.key", key);
    snprintf(path, sizeof path, "%s/..data", m->dir);
    snprintf(fresh, sizeof fresh, "%s/..data_tmp", m->dir);
    assert_int_equal(symlink(version, fresh), 0);
    assert_int_equal(rename(fresh, path), 0);
}

static void mount_init(struct mount *m, struct rig *r)
{
    strcpy(m->dir, "/tmp/certificates-XXXXXX");
    assert_non_null(mkdtemp(m->dir));
    snprintf(m->cert_path, sizeof m->cert_path, "%s/tls.crt", m->dir);
    snprintf(m->key_path, sizeof m->key_path, "%s/tls.key", m->dir);
    assert_int_equal(symlink("..data/tls.crt", m->cert_path), 0);
    assert_int_equal(symlink("..data/tls.key", m->key_path), 0);
    publish(m, "1", r->root.cert_pem, r->root.key_pem);
    r->config->root_ca_cert.path = m->cert_path;
    r->config->root_ca_key.path = m->key_path;
}

static void mount_fini(const struct mount *m)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", m->dir);
    assert_int_equal(system(command), 0);
}

/* As the timer does, and waits for the worker. */
static void look(struct rig *r)
{
    timer_stop(&r->loop.timers, &r->c.files.look);
    r->c.files.look.fire(&r->c.files.look);
    while (r->c.files.looking || r->c.renewing)
        uv_run(&r->loop.uv, UV_RUN_ONCE);
    assert_true(timer_runs(&r->c.files.look));
}

static void test_root_files_that_change(void **state)
{
    static const struct incarnation id = {"incarnation"};
    struct rig r;
    struct mount m;
    struct pki next;
    char both[2 * PKI_PEM_SIZE];
    (void)state;
    rig_init(&r, 300);
    mount_init(&m, &r);
    pki_make(&next, &(struct pki_plan){.cn = "Next", .ca = true, .to = PKI_NOW + 6 * PKI_DAY + 1});
    snprintf(both, sizeof both, "%s%s", r.root.cert_pem, next.cert_pem);
    begin(&r);
    assert_int_equal(certificates_identify(&r.c, id), 0);
    look(&r);
    look(&r); /* has settled; it is what was read at the start */
    assert_int_equal(r.count, 0);
    publish(&m, "2", both, r.root.key_pem);
    look(&r);
    assert_int_equal(r.count, 0); /* it may be changing still */
    look(&r);
    assert_int_equal(r.count, 1); /* the same key: nothing is made again */
    expect_line(&r, 0, "roots that are trusted: 2; certificates are signed by CN = Root, which ends in 300 days");
    look(&r);
    assert_int_equal(r.count, 1);
    /* The other key: the second root signs. */
    publish(&m, "3", both, next.key_pem);
    look(&r);
    look(&r);
    assert_int_equal(r.count, 4);
    expect_line(&r, 1, "signed by another root certificate, CN = Next, which ends in 6 days");
    expect_line(&r, 2, "(CN = Next) ends in 6 days");
    expect_line(&r, 3, "server certificate renewed");
    assert_int_equal(tls_ctx_not_after(r.c.server), PKI_NOW + 6 * PKI_DAY + 1);
    assert_int_equal(tls_ctx_not_after(r.c.peer_server), PKI_NOW + 6 * PKI_DAY + 1);
    assert_int_equal(tls_ctx_not_after(r.c.peer_client), PKI_NOW + 6 * PKI_DAY + 1);
    pki_free(&next);
    mount_fini(&m);
    rig_fini(&r);
}

/* Each mistake is said once, and the old root stays, also for what is made later. */
static void test_root_files_that_are_bad(void **state)
{
    struct rig r;
    struct mount m;
    struct pki other;
    (void)state;
    rig_init(&r, 300);
    mount_init(&m, &r);
    pki_make(&other, &(struct pki_plan){.cn = "Other", .ca = true});
    begin(&r);
    const struct ca *ca = r.c.ca;
    publish(&m, "2", other.cert_pem, r.root.key_pem);
    look(&r);
    look(&r);
    look(&r);
    assert_int_equal(r.count, 1);
    expect_line(&r, 0, "was read again and cannot be used: the root CA's private key does not belong");
    expect_line(&r, 0, "the previous one stays in use");
    assert_int_equal(unlink(m.cert_path), 0);
    look(&r);
    look(&r);
    look(&r);
    assert_int_equal(r.count, 2);
    expect_line(&r, 1, "tls.crt' cannot be read (No such file or directory)");
    assert_ptr_equal(r.c.ca, ca);
    assert_false(pki_tells_key(&r.root, r.line[0]) || pki_tells_key(&r.root, r.line[1]));
    assert_int_equal(symlink("..data/tls.crt", m.cert_path), 0);
    publish(&m, "3", other.cert_pem, other.key_pem);
    look(&r);
    look(&r);
    assert_int_equal(r.count, 4);
    expect_line(&r, 2, "another root certificate, CN = Other");
    pki_free(&other);
    mount_fini(&m);
    rig_fini(&r);
}

/* By SIGHUP: at once, and the log answers in any case; also when it comes while a certificate is made. */
static void test_root_that_is_read_on_request(void **state)
{
    struct rig r;
    struct mount m;
    struct pki next;
    (void)state;
    rig_init(&r, 300);
    mount_init(&m, &r);
    pki_make(&next, &(struct pki_plan){.cn = "Next", .ca = true});
    begin(&r);
    certificates_reread(&r.c);
    run_until_lines(&r, 1);
    expect_line(&r, 0, "was read again and has not changed");
    publish(&m, "2", next.cert_pem, next.key_pem);
    r.now_s = tls_ctx_renew_at(r.c.server);
    timer_stop(&r.loop.timers, &r.c.check);
    r.c.check.fire(&r.c.check);
    assert_true(r.c.renewing);
    certificates_reread(&r.c);
    run_until_lines(&r, 4);
    expect_line(&r, 1, "server certificate renewed");
    expect_line(&r, 2, "another root certificate, CN = Next");
    expect_line(&r, 3, "server certificate renewed");
    pki_free(&next);
    mount_fini(&m);
    rig_fini(&r);
}

static void test_root_that_is_text(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 300);
    strcpy(r.config->root_ca_cert.source, "environment variable A");
    begin(&r);
    certificates_reread(&r.c);
    assert_int_equal(r.count, 1);
    expect_line(&r, 0, "was given as text, not as files (certificate: environment variable A;");
    assert_false(timer_runs(&r.c.files.look));
    rig_fini(&r);
}

/* A node that ends does not wait for a look at its files. */
static void test_end_while_looking(void **state)
{
    struct rig r;
    struct mount m;
    (void)state;
    rig_init(&r, 300);
    mount_init(&m, &r);
    begin(&r);
    timer_stop(&r.loop.timers, &r.c.files.look);
    r.c.files.look.fire(&r.c.files.look);
    assert_true(r.c.files.looking);
    rig_fini(&r);
    mount_fini(&m);
}

static void test_bad_root(void **state)
{
    static char nonsense[] = "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n";
    struct rig r;
    (void)state;
    rig_init(&r, 300);
    r.config->root_ca_cert = (struct config_pem){.text = nonsense, .source = "flag --root-ca-cert, file /a.pem"};
    assert_int_equal(certificates_init(&r.c, r.config, &r.log, &r.loop), EX_CONFIG);
    assert_int_equal(r.count, 1);
    assert_non_null(
        strstr(r.line[0], "the root CA cannot be used (certificate: flag --root-ca-cert, file /a.pem; key: "));
    assert_false(pki_tells_key(&r.root, r.line[0]));
    rig_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_end),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_renewal),
        cmocka_unit_test(test_end_while_renewing),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_bad_root),
        cmocka_unit_test(test_root_that_is_replaced),
        cmocka_unit_test(test_root_that_ends),
        cmocka_unit_test(test_root_that_counts_later),
        cmocka_unit_test(test_root_files_that_change),
        cmocka_unit_test(test_root_files_that_are_bad),
        cmocka_unit_test(test_root_that_is_read_on_request),
        cmocka_unit_test(test_root_that_is_text),
        cmocka_unit_test(test_end_while_looking),
        cmocka_unit_test(test_root_of_version_1),
        cmocka_unit_test(test_names_that_come_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
