/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the configuration that is the root's certificate and key: PEM texts, or files of them. */
#include "ephemerald/reading.h"
#include "tls/pem.h"

#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#define PEM_FILE_MAX       ((size_t)256 * 1024)
#define KUBERNETES_CA_CERT "/riak-bootstrap/ca-certs/tls.crt"
#define KUBERNETES_CA_KEY  "/riak-bootstrap/ca-certs/tls.key"
#define SHOWN_MAX          200 /* bytes of a path in an error */

/* What the manifest's writer was to replace: <your-rootCA.crt>, ${ROOT_CA}, {{ root_ca }}. */
static bool is_placeholder(const char *text)
{
    return *text == '<' || strncmp(text, "${", 2) == 0 || strncmp(text, "$(", 2) == 0 || strncmp(text, "{{", 2) == 0;
}

/* Base64 holds no dot and, of a key, begins with no slash: what is shown is no part of a key. */
static bool is_like_a_path(const char *text)
{
    return strlen(text) <= SHOWN_MAX && (*text == '/' || strchr(text, '.'));
}

static int fail_unread(const struct reading *r, const struct config_pem *pem, const char *path, int error)
{
    if (is_placeholder(path) && strlen(path) <= SHOWN_MAX)
        return reading_fail(
            r, EX_CONFIG,
            "%s: '%s' is a placeholder that was left in: put the PEM in its place, or the path of a file "
            "with it",
            pem->source, path);
    if (is_like_a_path(path))
        return reading_fail(r, EX_NOINPUT,
                            "%s: the file '%s' cannot be read (%s): give the PEM itself (it begins with "
                            "-----BEGIN), or the path of a file with it",
                            pem->source, path, strerror(error));
    return reading_fail(r, EX_NOINPUT,
                        "%s: a text of %zu bytes that is no PEM (it does not begin with -----BEGIN), nor the path of a "
                        "file that can be read (%s): give the PEM itself, or the path of a file with it",
                        pem->source, strlen(path), strerror(error));
}

static int read_text(const struct reading *r, struct config_pem *pem, const char *path, FILE *f)
{
    setvbuf(f, NULL, _IONBF, 0); /* no copy of a key stays in a buffer that nobody overwrites */
    char *text = pem->text = calloc(1, PEM_FILE_MAX + 1);
    size_t len = text ? fread(text, 1, PEM_FILE_MAX, f) : 0;
    bool more = text && fgetc(f) != EOF;
    int error = ferror(f) ? errno : 0;
    if (!text)
        return reading_fail(r, EX_OSERR, "out of memory");
    if (error)
        return fail_unread(r, pem, path, error);
    if (more || len == 0 || memchr(text, '\0', len))
        return reading_fail(r, EX_DATAERR, "%s: the file is %s", pem->source,
                            more                ? "larger than 256 KiB"
                            : len == 0          ? "empty"
                            : text[0] == '\x30' ? "DER, not PEM: convert it with openssl x509 or pkey, -inform DER"
                                                : "no text");
    return 0;
}

/* `giver`: who gave the path. */
static int read_file(const struct reading *r, struct config_pem *pem, const char *giver, const char *path)
{
    FILE *f = fopen(path, "re");
    snprintf(pem->source, sizeof pem->source, "%s", giver);
    if (!f)
        return fail_unread(r, pem, path, errno);
    snprintf(pem->source, sizeof pem->source, "%s%sfile %.*s", giver, *giver ? ", " : "", SHOWN_MAX, path);
    int status = read_text(r, pem, path, f);
    fclose(f);
    return status ? status : reading_copy(r, path, &pem->path);
}

static int read_pem(const struct reading *r, const char *option, const char *variable, const char *in_kubernetes,
                    struct config_pem *pem)
{
    const char *text = reading_text(r, option);
    if (!text && r->c->orchestration == ORCHESTRATION_KUBERNETES && access(in_kubernetes, R_OK) == 0)
        return read_file(r, pem, "", in_kubernetes);
    if (!text)
        return reading_fail(r, EX_CONFIG, "%s is not given: set %s to the PEM, or --%s to it or to a file", option,
                            variable, option);
    if (!pem_is_text(text))
        return read_file(r, pem, reading_origin(r, option), text);
    snprintf(pem->source, sizeof pem->source, "%s", reading_origin(r, option));
    return reading_copy(r, text, &pem->text);
}

int config_read_root(const struct reading *r)
{
    struct config *c = r->c;
    int status = read_pem(r, "root-ca-cert", "EPHEMERAL_STORE_ROOT_CA_CERT", KUBERNETES_CA_CERT, &c->root_ca_cert);
    return status ? status
                  : read_pem(r, "root-ca-key", "EPHEMERAL_STORE_ROOT_CA_KEY", KUBERNETES_CA_KEY, &c->root_ca_key);
}

void config_pem_fini(struct config_pem *pem)
{
    if (pem->text)
        explicit_bzero(pem->text, strlen(pem->text));
    free(pem->text);
    free(pem->path);
    *pem = (struct config_pem){0};
}

static int reread(const struct reading *r, const struct config_pem *known, struct config_pem *out)
{
    if (known->path)
        return read_file(r, out, "", known->path);
    snprintf(out->source, sizeof out->source, "%s", known->source);
    return reading_copy(r, known->text, &out->text);
}

int config_reread_root(const struct config *c, struct config_pem *cert, struct config_pem *key, char *why,
                       size_t why_size)
{
    const struct reading r = {.why = why, .why_size = why_size};
    *cert = *key = (struct config_pem){0};
    int status = reread(&r, &c->root_ca_cert, cert);
    return status ? status : reread(&r, &c->root_ca_key, key);
}
