/* SPDX-License-Identifier: Apache-2.0 */
/* A root, and users under it. */
#include "base/validity.h"
#include "ephemeralctl/cert_files.h"
#include "ephemeralctl/cmd_cert.h"
#include "ephemeralctl/text.h"
#include "tls/ca_make.h"
#include "tls/cert_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define DAY_S ((int64_t)86400)

static int take_key_kind(const struct options *o, enum key_kind *out)
{
    *out = KEY_RSA_2048;
    if (!o->key_type || key_kind_parse(o->key_type, out))
        return 0;
    options_complain("--key-type is " KEY_KIND_NAMES ", not '%s'", o->key_type);
    return EX_USAGE;
}

static uint32_t days_of(const struct options *o)
{
    return o->days ? o->days : CA_DAYS_DEFAULT;
}

/* --- the root's files --- */

struct root_pem {
    struct buf cert, key;
};

/* Of --root-ca-cert and --root-ca-key, what stands in their place (root.h), or --dir. */
static int root_read(const struct options *o, struct root_pem *out)
{
    char cert[CERT_PATH_MAX], key[CERT_PATH_MAX];
    buf_init(&out->cert, 0);
    buf_init(&out->key, 0);
    if (!o->root_cert != !o->root_key) {
        options_complain("--root-ca-cert and --root-ca-key go together");
        return EX_USAGE;
    }
    int status = cert_files_path(o->dir, "rootCA", ".crt", cert);
    if (!status)
        status = cert_files_path(o->dir, "rootCA", ".key", key);
    if (!status)
        status = cert_files_read(o->root_cert ? o->root_cert : cert, "the root's certificate", &out->cert);
    if (!status)
        status = cert_files_read(o->root_key ? o->root_key : key, "the root's key", &out->key);
    return status;
}

static void root_fini(struct root_pem *r)
{
    buf_fini(&r->cert);
    pem_wipe(&r->key);
}

/* --- ca, user --- */

/* What is written: a certificate, and its key unless that is NULL. */
struct product {
    char cert_path[CERT_PATH_MAX], key_path[CERT_PATH_MAX];
    struct buf cert, key;
};

static void product_init(struct product *p)
{
    *p = (struct product){0};
    buf_init(&p->cert, PEM_OUT_MAX);
    buf_init(&p->key, PEM_OUT_MAX);
}

static void product_fini(struct product *p)
{
    buf_fini(&p->cert);
    pem_wipe(&p->key);
}

static int product_write(const struct product *p, bool force)
{
    int status = *p->key_path ? cert_files_write(p->key_path, buf_slice(&p->key), true, force) : 0;
    return status ? status : cert_files_write(p->cert_path, buf_slice(&p->cert), false, force);
}

/* What was made, as `show` would say it, in one line. */
static void product_say(const struct product *p, const char *note)
{
    char why[TLS_WHY_MAX], end[VALIDITY_TEXT_SIZE];
    struct cert_view *v;
    size_t count;
    if (cert_view_read(buf_slice(&p->cert), &v, &count, why, sizeof why))
        return;
    printf("%s: %s, %s, valid until %s\n", p->cert_path, v->subject, v->key, validity_text(v->not_after, end));
    if (*p->key_path)
        printf("%s: its key\n", p->key_path);
    fputs(note, stdout);
    free(v);
}

static int make_root(const struct options *o, struct product *p)
{
    char why[TLS_WHY_MAX];
    struct ca_make_request req = {.common_name = o->common_name, .now = cert_now(), .days = days_of(o)};
    const char *const paths[] = {p->cert_path, p->key_path, NULL};
    int status = take_key_kind(o, &req.key);
    if (!status)
        status = cert_files_free(paths, o->force);
    if (status)
        return status;
    int err = ca_make(&req, &p->cert, &p->key, why, sizeof why);
    return err ? cert_failed(err, why) : product_write(p, o->force);
}

int cert_ca(struct context *x)
{
    const struct options *o = x->options;
    struct product p;
    product_init(&p);
    int status = cert_files_path(o->dir, "rootCA", ".crt", p.cert_path);
    if (!status)
        status = cert_files_path(o->dir, "rootCA", ".key", p.key_path);
    if (!status)
        status = make_root(o, &p);
    if (!status)
        product_say(&p, "Nodes need both. Users and programs need the certificate alone: keep the key from them.\n");
    product_fini(&p);
    return status;
}

static int renew(const struct options *o, const struct root_pem *root, struct product *p)
{
    char why[TLS_WHY_MAX];
    const struct ca_renew_request req = {
        .cert_pem = buf_slice(&root->cert), .key_pem = buf_slice(&root->key), .now = cert_now(), .days = days_of(o)};
    const char *const paths[] = {p->cert_path, NULL};
    int status = cert_files_free(paths, o->force);
    if (status)
        return status;
    int err = ca_renew(&req, &p->cert, why, sizeof why);
    return err ? cert_failed(err, why) : product_write(p, o->force);
}

int cert_renew(struct context *x)
{
    const struct options *o = x->options;
    struct root_pem root;
    struct product p;
    if (o->common_name || o->key_type) {
        options_complain("ca --renew keeps the root's name and key: it takes no --cn and no --key-type");
        return EX_USAGE;
    }
    product_init(&p);
    int status = root_read(o, &root);
    if (!status)
        status = cert_files_path(o->dir, "rootCA.new", ".crt", p.cert_path);
    if (!status)
        status = renew(o, &root, &p);
    if (!status)
        product_say(&p, "Put it in place of the old certificate, at nodes and users. The key stays, and all that the "
                        "root signed is valid.\n");
    root_fini(&root);
    product_fini(&p);
    return status;
}

static int mint_user(const struct options *o, const struct root_pem *root, const char *name, struct product *p)
{
    char why[TLS_WHY_MAX];
    struct cert_user_request req = {.common_name = name, .now = cert_now(), .life_s = (int64_t)days_of(o) * DAY_S};
    struct ca *ca;
    struct cert *cert = NULL;
    int status = take_key_kind(o, &req.key);
    if (status)
        return status;
    int err = ca_create(buf_slice(&root->cert), buf_slice(&root->key), req.now, &ca, why, sizeof why);
    if (err)
        return cert_failed(err, why);
    err = cert_mint_user(ca, &req, &cert, why, sizeof why);
    if (!err)
        err = cert_to_pem(cert, &p->cert, &p->key);
    if (err && cert)
        snprintf(why, sizeof why, "the certificate: %s", err_text(err));
    if (!err && cert_not_after(cert) + DAY_S < req.now + req.life_s)
        text_error("the certificate ends with its root, before %u days are over: renew the root (cert ca --renew)",
                   days_of(o));
    cert_destroy(&cert);
    ca_destroy(&ca);
    return err ? cert_failed(err, why) : 0;
}

int cert_user(struct context *x)
{
    const struct options *o = x->options;
    const char *name = x->args[1];
    struct root_pem root = {0};
    struct product p;
    if (strcmp(name, "rootCA") == 0) { /* with --force its key would be gone */
        text_error("rootCA.crt and rootCA.key are the root's files: give the user another name");
        return EX_USAGE;
    }
    product_init(&p);
    const char *const paths[] = {p.cert_path, p.key_path, NULL};
    int status = cert_files_path(o->dir, name, ".crt", p.cert_path);
    if (!status)
        status = cert_files_path(o->dir, name, ".key", p.key_path);
    if (!status)
        status = cert_files_free(paths, o->force);
    if (!status)
        status = root_read(o, &root);
    if (!status)
        status = mint_user(o, &root, name, &p);
    if (!status)
        status = product_write(&p, o->force);
    if (!status)
        product_say(&p, "");
    root_fini(&root);
    product_fini(&p);
    return status;
}
