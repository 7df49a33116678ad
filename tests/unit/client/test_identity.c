/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/err.h"
#include "unit/client/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char why[TLS_WHY_MAX];

static int create(const struct client_identity_options *o, struct client_identity **id)
{
    why[0] = '\0';
    return client_identity_create(o, id, why, sizeof why);
}

static void user_from_the_certificate(void **state)
{
    (void)state;
    struct peer_certs c;
    peer_certs_make(&c, "MyUser");
    struct client_identity *id = peer_identity(&c, NULL);
    assert_string_equal(client_identity_user(id), "MyUser");
    assert_non_null(client_identity_tls(id));
    client_identity_destroy(&id);
    assert_null(id);
    client_identity_destroy(&id);
}

static void user_as_given(void **state)
{
    (void)state;
    struct peer_certs c;
    peer_certs_make(&c, NULL);
    struct client_identity *id = peer_identity(&c, "somebody");
    assert_string_equal(client_identity_user(id), "somebody");
    client_identity_destroy(&id);
    id = peer_identity(&c, "");
    assert_null(client_identity_user(id));
    client_identity_destroy(&id);
}

static void certificate_names_nobody(void **state)
{
    (void)state;
    struct peer_certs c;
    struct client_identity *id;
    peer_certs_make(&c, NULL);
    struct client_identity_options o = {.ca = c.root, .cert = c.user, .key = c.user_key};
    assert_int_equal(create(&o, &id), E_CERT);
    assert_null(id);
    assert_non_null(strstr(why, "common name"));
}

static void user_too_long(void **state)
{
    (void)state;
    struct peer_certs c;
    struct client_identity *id;
    char user[400];
    memset(user, 'u', sizeof user - 1);
    user[sizeof user - 1] = '\0';
    peer_certs_make(&c, "myuser");
    struct client_identity_options o = {.ca = c.root, .cert = c.user, .key = c.user_key, .user = user};
    assert_int_equal(create(&o, &id), E_TOO_LARGE);
}

static void key_of_another(void **state)
{
    (void)state;
    struct peer_certs c, d;
    struct client_identity *id;
    peer_certs_make(&c, "myuser");
    peer_certs_make(&d, "myuser");
    struct client_identity_options o = {.ca = c.root, .cert = c.user, .key = d.user_key};
    assert_int_equal(create(&o, &id), E_MISMATCH);
    assert_true(strlen(why) > 0);
}

/* What leads to the root and names the user, although no certificate was given. */
static void minted_under_the_root(void **state)
{
    (void)state;
    struct peer_certs c, other;
    struct client_identity *id;
    peer_certs_make(&c, "myuser");
    struct client_identity_options o = {.root_cert = c.root, .root_key = c.root_key, .user = "operator"};
    assert_int_equal(create(&o, &id), 0);
    assert_string_equal(client_identity_user(id), "operator");
    struct tls_ctx *server = peer_server_ctx(&c);
    struct client_conn *conn;
    struct peer p;
    peer_init(&p, server, true);
    struct client_conn_config config = {
        .tls = client_identity_tls(id), .user = client_identity_user(id), .starttls = true};
    assert_int_equal(client_conn_create(&config, &conn), 0);
    assert_int_equal(peer_pump(&p, conn, 0), 0);
    assert_int_equal(client_conn_phase(conn), CLIENT_PHASE_READY);
    const struct tls_peer *seen = tls_engine_peer(p.engine);
    assert_true(seen->has_cert);
    assert_int_equal(seen->cn_count, 1);
    assert_string_equal(seen->cn, "operator");
    client_conn_destroy(&conn);
    peer_fini(&p);
    tls_ctx_destroy(&server);
    client_identity_destroy(&id);
    peer_certs_make(&other, "myuser");
    o.root_key = other.root_key;
    assert_int_equal(create(&o, &id), E_MISMATCH);
    assert_null(id);
}

static void mint_needs_three(void **state)
{
    (void)state;
    struct peer_certs c;
    struct client_identity *id;
    peer_certs_make(&c, "myuser");
    struct client_identity_options o = {.ca = c.root, .root_cert = c.root, .user = "operator"};
    assert_int_equal(create(&o, &id), E_INVALID);
    assert_non_null(strstr(why, "not its key"));
    o = (struct client_identity_options){.ca = c.root, .root_key = c.root_key, .user = "operator"};
    assert_int_equal(create(&o, &id), E_INVALID);
    assert_non_null(strstr(why, "not its certificate"));
    o = (struct client_identity_options){.root_cert = c.root, .root_key = c.root_key};
    assert_int_equal(create(&o, &id), E_INVALID);
    assert_non_null(strstr(why, "name one"));
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    fclose(f);
}

static void remove_file(const char *dir, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    unlink(path);
}

static void files_of_a_directory(void **state)
{
    (void)state;
    struct peer_certs c;
    struct client_identity *id;
    char dir[] = "/tmp/ephemeral-identity-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct client_identity_options o = {.certs_dir = dir};
    assert_int_equal(create(&o, &id), E_NOT_FOUND);
    assert_non_null(strstr(why, "rootCA.crt"));
    peer_certs_make(&c, "myuser");
    write_file(dir, "rootCA.crt", c.root);
    write_file(dir, "myuser.crt", c.user);
    assert_int_equal(create(&o, &id), E_NOT_FOUND);
    assert_non_null(strstr(why, "myuser.key"));
    write_file(dir, "myuser.key", c.user_key);
    assert_int_equal(create(&o, &id), 0);
    client_identity_destroy(&id);
    write_file(dir, "myuser.crt", "no certificate");
    assert_int_not_equal(create(&o, &id), 0);
    assert_true(strlen(why) > 0);
    remove_file(dir, "rootCA.crt");
    remove_file(dir, "myuser.crt");
    remove_file(dir, "myuser.key");
    rmdir(dir);
}

static void nothing_given(void **state)
{
    (void)state;
    struct client_identity *id;
    struct client_identity_options o = {0};
    assert_int_equal(create(&o, &id), E_NOT_FOUND);
    assert_non_null(strstr(why, "rootCA.crt"));
    o.ca = "/nonexistent/ca.pem";
    assert_int_equal(create(&o, &id), E_NOT_FOUND);
    assert_non_null(strstr(why, "/nonexistent/ca.pem"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_from_the_certificate),
        cmocka_unit_test(user_as_given),
        cmocka_unit_test(certificate_names_nobody),
        cmocka_unit_test(user_too_long),
        cmocka_unit_test(key_of_another),
        cmocka_unit_test(files_of_a_directory),
        cmocka_unit_test(minted_under_the_root),
        cmocka_unit_test(mint_needs_three),
        cmocka_unit_test(nothing_given),
    };
    return cmocka_run_group_tests_name("client/identity", tests, NULL, NULL);
}
