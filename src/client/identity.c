/* SPDX-License-Identifier: Apache-2.0 */
#include "client/identity.h"

#include "base/err.h"
#include "tls/ca.h"
#include "tls/cert.h"
#include "tls/cert_name.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct client_identity {
    struct tls_ctx *tls;
    bool has_user;
    char user[CERT_CN_SIZE];
};

/* The three texts, and the names by which errors speak of them. */
struct pem_source {
    const char *given;     /* path or PEM; NULL: certs_dir/file_name */
    const char *file_name; /* within certs_dir */
    const char *what;
    struct buf text;
};

enum { SOURCE_CA, SOURCE_CERT, SOURCE_KEY, SOURCE_ROOT_KEY, SOURCE_COUNT };

static int fail_errno(char *why, size_t why_size, const struct pem_source *s, const char *path)
{
    int e = errno;
    snprintf(why, why_size, "%s: cannot read %s: %s", s->what, path, strerror(e));
    return e == ENOENT || e == ENOTDIR ? E_NOT_FOUND : e == EACCES || e == EPERM ? E_DENIED : E_IO;
}

/* Into room that was reserved whole, so that pem_wipe() later finds every copy of a key. */
static int read_all(int fd, struct buf *text)
{
    uint8_t *room;
    int err = buf_reserve(text, PEM_TEXT_MAX, &room);
    if (err)
        return err;
    for (;;) {
        size_t left = PEM_TEXT_MAX - buf_len(text);
        ssize_t n = left ? read(fd, room + buf_len(text), left) : -1;
        if (n == 0)
            return 0;
        if (n < 0 && left == 0)
            return E_TOO_LARGE;
        if (n < 0 && errno != EINTR)
            return E_IO;
        if (n > 0)
            buf_commit(text, (size_t)n);
    }
}

static int load_file(struct pem_source *s, const char *path, char *why, size_t why_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(why, why_size, s, path);
    int err = read_all(fd, &s->text);
    if (err == E_IO)
        err = fail_errno(why, why_size, s, path);
    else if (err)
        snprintf(why, why_size, "%s: %s: %s", s->what, path, err_text(err));
    close(fd);
    return err;
}

static int take_text(struct pem_source *s, char *why, size_t why_size)
{
    int err = buf_append_slice(&s->text, slice_str(s->given));
    if (err)
        snprintf(why, why_size, "%s: %s", s->what, err_text(err));
    return err;
}

static int load_source(struct pem_source *s, const char *certs_dir, char *why, size_t why_size)
{
    char path[PATH_MAX];
    if (s->given && pem_is_text(s->given))
        return take_text(s, why, why_size);
    if (s->given)
        return load_file(s, s->given, why, why_size);
    if (!certs_dir) {
        snprintf(why, why_size, "%s: not given; name a directory with %s, or the file itself", s->what, s->file_name);
        return E_NOT_FOUND;
    }
    int n = snprintf(path, sizeof path, "%s/%s", certs_dir, s->file_name);
    if (n < 0 || (size_t)n >= sizeof path) {
        snprintf(why, why_size, "%s: the path of the directory is too long", s->what);
        return E_INVALID;
    }
    return load_file(s, path, why, why_size);
}

static int base64_digit(uint8_t c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* In place, of canonical PEM: bytes that are no digit are line ends and padding. */
static size_t base64_decode(uint8_t *text, size_t len)
{
    uint32_t bits = 0;
    int have = 0;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        int digit = base64_digit(text[i]);
        if (digit < 0)
            continue;
        bits = bits << 6 | (uint32_t)digit;
        have += 6;
        if (have >= 8) {
            have -= 8;
            text[n++] = (uint8_t)(bits >> have);
        }
    }
    return n;
}

/* The first block's DER within `pem`, which is overwritten. */
static struct slice first_block(struct buf *pem)
{
    static const char end[] = "\n-----END";
    uint8_t *text = pem->data + pem->start;
    uint8_t *body = memchr(text, '\n', buf_len(pem));
    if (!body)
        return slice_make(NULL, 0);
    uint8_t *stop = memmem(body, buf_len(pem) - (size_t)(body - text), end, sizeof end - 1);
    return stop ? slice_make(body, base64_decode(body, (size_t)(stop - body))) : slice_make(NULL, 0);
}

static int name_from_cert(struct slice cert_pem, struct client_identity *id, char *why, size_t why_size)
{
    struct buf pem;
    struct cert_cn cn = {0};
    buf_init(&pem, 2 * PEM_TEXT_MAX);
    int err = pem_normalize(PEM_CERTIFICATE, cert_pem, &pem, why, why_size);
    if (!err) {
        err = cert_name_parse(first_block(&pem), &cn);
        if (err || cn.count != 1 || cn.first[0] == '\0') {
            snprintf(why, why_size, "the certificate's subject has no single common name: give the user's name");
            err = E_CERT;
        }
    }
    memcpy(id->user, cn.first, sizeof id->user);
    buf_fini(&pem);
    return err;
}

static int set_user(struct client_identity *id, const char *user, struct slice cert_pem, char *why, size_t why_size)
{
    id->has_user = !user || *user;
    if (!user)
        return name_from_cert(cert_pem, id, why, why_size);
    if (strlen(user) >= sizeof id->user) {
        snprintf(why, why_size, "the user's name is longer than %zu bytes", sizeof id->user - 1);
        return E_TOO_LARGE;
    }
    strcpy(id->user, user);
    return 0;
}

static int build(struct client_identity *id, const struct client_identity_options *o, const struct pem_source *s,
                 char *why, size_t why_size)
{
    struct tls_client_config config = {
        .ca_pem = buf_slice(&s[SOURCE_CA].text),
        .cert_pem = buf_slice(&s[SOURCE_CERT].text),
        .key_pem = buf_slice(&s[SOURCE_KEY].text),
        .server_name = o->server_name,
        .min = o->min,
        .max = o->max,
        .suites = o->suites,
    };
    int err = tls_ctx_create_client(&config, &id->tls, why, why_size);
    return err ? err : set_user(id, o->user, config.cert_pem, why, why_size);
}

/* --- a certificate of our own --- */

static int check_root(const struct client_identity_options *o, char *why, size_t why_size)
{
    const char *missing = !o->root_cert                  ? "the root's key is given, but not its certificate"
                          : !o->root_key                 ? "the root's certificate is given, but not its key"
                          : !o->user || *o->user == '\0' ? "a certificate is minted for a user: name one"
                                                         : NULL;
    if (!missing)
        return 0;
    snprintf(why, why_size, "%s", missing);
    return E_INVALID;
}

static int mint_with(const struct ca *ca, const char *user, struct pem_source *s, char *why, size_t why_size)
{
    struct cert_node_request request = {.common_name = user, .now = time(NULL), .life_s = CLIENT_NODE_LIFE_S};
    struct cert *cert;
    int err = cert_mint_node(ca, &request, &cert, why, why_size);
    if (err)
        return err;
    err = cert_to_pem(cert, &s[SOURCE_CERT].text, &s[SOURCE_KEY].text);
    if (err)
        snprintf(why, why_size, "the minted certificate: %s", err_text(err));
    cert_destroy(&cert);
    return err;
}

/* From the root's two texts, of which SOURCE_CERT holds the certificate, to a certificate under it. Its issuers go
 * along, because the root may sign through another. */
static int mint(const char *user, struct pem_source *s, char *why, size_t why_size)
{
    struct ca *ca;
    struct buf root = s[SOURCE_CERT].text;
    buf_init(&s[SOURCE_CERT].text, PEM_OUT_MAX);
    int err = ca_create(buf_slice(&root), buf_slice(&s[SOURCE_ROOT_KEY].text), time(NULL), &ca, why, why_size);
    if (!err) {
        err = mint_with(ca, user, s, why, why_size);
        ca_destroy(&ca);
    }
    if (!err)
        err = pem_normalize(PEM_CERTIFICATE, buf_slice(&root), &s[SOURCE_CERT].text, why, why_size);
    pem_wipe(&root);
    return err;
}

static int load(const struct client_identity_options *o, struct pem_source *s, char *why, size_t why_size)
{
    bool mints = o->root_cert || o->root_key;
    int err = mints ? check_root(o, why, why_size) : 0;
    for (int i = 0; !err && i < SOURCE_COUNT; i++)
        if (i == SOURCE_ROOT_KEY ? mints : i != SOURCE_KEY || !mints)
            err = load_source(&s[i], o->certs_dir, why, why_size);
    return !err && mints ? mint(o->user, s, why, why_size) : err;
}

int client_identity_create(const struct client_identity_options *o, struct client_identity **out, char *why,
                           size_t why_size)
{
    struct pem_source sources[SOURCE_COUNT] = {
        [SOURCE_CA] = {.given = o->ca ? o->ca : o->root_cert, .file_name = "rootCA.crt", .what = "root certificate"},
        [SOURCE_CERT] = {.given = o->cert, .file_name = "myuser.crt", .what = "client certificate"},
        [SOURCE_KEY] = {.given = o->key, .file_name = "myuser.key", .what = "client key"},
        [SOURCE_ROOT_KEY] = {.given = o->root_key, .what = "root key"},
    };
    struct client_identity *id = calloc(1, sizeof *id);
    if (!id) {
        snprintf(why, why_size, "%s", err_text(E_NOMEM));
        return E_NOMEM;
    }
    for (int i = 0; i < SOURCE_COUNT; i++)
        buf_init(&sources[i].text, i == SOURCE_KEY ? PEM_OUT_MAX : PEM_TEXT_MAX);
    if (o->root_cert)
        sources[SOURCE_CERT] = (struct pem_source){.given = o->root_cert, .what = "root certificate"};
    buf_init(&sources[SOURCE_CERT].text, PEM_TEXT_MAX);
    int err = load(o, sources, why, why_size);
    if (!err)
        err = build(id, o, sources, why, why_size);
    for (int i = 0; i < SOURCE_COUNT; i++)
        pem_wipe(&sources[i].text);
    if (err)
        client_identity_destroy(&id);
    *out = id;
    return err;
}

void client_identity_destroy(struct client_identity **id)
{
    if (!*id)
        return;
    tls_ctx_destroy(&(*id)->tls);
    free(*id);
    *id = NULL;
}

struct tls_ctx *client_identity_tls(const struct client_identity *id)
{
    return id->tls;
}

const char *client_identity_user(const struct client_identity *id)
{
    return id->has_user ? id->user : NULL;
}
