/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/connect.h"

#include "ephemeralctl/text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static const struct {
    int err, status;
} statuses[] = {
    {0, EX_OK},
    {E_NOMEM, EX_OSERR},
    {E_TOO_LARGE, EX_DATAERR},
    {E_MALFORMED, EX_PROTOCOL},
    {E_INVALID, EX_DATAERR},
    {E_NOT_FOUND, EX_NOINPUT},
    {E_FULL, EX_TEMPFAIL},
    {E_TOO_MANY, EX_DATAERR},
    {E_AGAIN, EX_TEMPFAIL},
    {E_CLOSED, EX_UNAVAILABLE},
    {E_TIMEOUT, EX_TEMPFAIL},
    {E_IO, EX_IOERR},
    {E_TLS, EX_PROTOCOL},
    {E_CERT, EX_CONFIG},
    {E_DENIED, EX_NOPERM},
    {E_UNSUPPORTED, EX_UNAVAILABLE},
    {E_MISMATCH, EX_CONFIG},
    {E_UNKNOWN, EX_TEMPFAIL},
};

int exit_status(int err)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].err == err)
            return statuses[i].status;
    return EX_SOFTWARE;
}

static bool is_directory(const char *path)
{
    char probe[PATH_MAX];
    int n = snprintf(probe, sizeof probe, "%s/rootCA.crt", path);
    return n > 0 && (size_t)n < sizeof probe && access(probe, F_OK) == 0;
}

/* Where `make run` leaves certificates: below the working directory, or beside this program. */
static const char *default_certs(char room[CONNECTION_PATH_MAX])
{
    static const char below_cwd[] = "build/run/certs", beside[] = "run/certs";
    if (is_directory(below_cwd))
        return below_cwd;
    ssize_t n = readlink("/proc/self/exe", room, CONNECTION_PATH_MAX - sizeof beside - 1);
    if (n <= 0)
        return NULL;
    room[n] = '\0';
    char *name = strrchr(room, '/');
    if (!name)
        return NULL;
    strcpy(name + 1, beside);
    return is_directory(room) ? room : NULL;
}

const char *connection_certs(const struct options *o, char room[CONNECTION_PATH_MAX])
{
    return o->certs ? o->certs : default_certs(room);
}

static void hint_certs(void)
{
    fputs("Give the directory of rootCA.crt, myuser.crt and myuser.key with --certs or EPHEMERAL_CERTS,\n"
          "or the three files with --ca, --cert and --key. `make run` makes some in build/run/certs.\n"
          "Where only the root's certificate and key are at hand: --root-ca-cert, --root-ca-key and --user.\n",
          stderr);
}

/* It is not needed any more, and /proc/PID/environ would show it. */
static void forget_root_key(void)
{
    char *text = getenv(OPTIONS_ROOT_KEY_VARIABLE);
    if (text)
        explicit_bzero(text, strlen(text));
}

static int make_identity(const struct options *o, struct client_identity **out)
{
    char why[TLS_WHY_MAX], room[CONNECTION_PATH_MAX];
    struct client_identity_options options = {
        .certs_dir = connection_certs(o, room),
        .ca = o->ca,
        .cert = o->cert,
        .key = o->key,
        .user = o->user,
        .root_cert = o->root_cert,
        .root_key = o->root_key,
        .server_name = o->any_server_name ? NULL
                       : o->server_name   ? o->server_name
                                          : o->host,
    };
    int err = client_identity_create(&options, out, why, sizeof why);
    forget_root_key();
    if (!err)
        return 0;
    text_error("%s", why);
    if (err == E_INVALID && (o->root_cert || o->root_key))
        fputs("A certificate is minted with --root-ca-cert, --root-ca-key and --user together, or\n"
              "EPHEMERAL_STORE_ROOT_CA_CERT, EPHEMERAL_STORE_ROOT_CA_KEY and EPHEMERAL_STORE_USER.\n",
              stderr);
    if (err == E_NOT_FOUND)
        hint_certs();
    return err == E_NOT_FOUND || err == E_IO || err == E_NOMEM ? exit_status(err) : EX_CONFIG;
}

static const char *hint(int err)
{
    switch (err) {
    case E_CLOSED:
    case E_TIMEOUT:
    case E_IO:
        return "Is a node running there? `tools/cluster status` tells for those of `make run`; --host and --port "
               "choose "
               "another.";
    case E_NOT_FOUND:
        return "Check the name given with --host.";
    case E_TLS:
    case E_CERT:
        return "The node's certificate and yours must lead to the same root (rootCA.crt), be in date, and the node's "
               "must "
               "carry\nthe name it is called by: see --server-name and --any-server-name.";
    case E_DENIED:
        return "The user must be one of EPHEMERAL_STORE_USER, and the common name of the certificate must be the same: "
               "see --user.";
    case E_AGAIN:
        return "An operator gets in nevertheless, with the root's key: --root-ca-cert, --root-ca-key and --user.";
    case E_UNSUPPORTED:
        return "That server does not offer RpbStartTls: see --direct-tls.";
    case E_MALFORMED:
        return "Does an ephemeral store or a Riak node listen there? Its port is usually 8087.";
    }
    return "";
}

int connection_prepare(const struct options *o, struct connection *out)
{
    *out = (struct connection){0};
    return make_identity(o, &out->identity);
}

int connection_try(const struct options *o, unsigned timeout_ms, struct connection *c, char *why, size_t why_size)
{
    struct client_options options = {
        .identity = c->identity,
        .host = o->host,
        .port = o->port,
        .timeout_ms = timeout_ms,
        .direct_tls = o->direct_tls,
    };
    return client_connect(&options, &c->client, why, why_size);
}

int connection_open(const struct options *o, struct connection *out)
{
    char why[TLS_WHY_MAX];
    int status = connection_prepare(o, out);
    if (status)
        return status;
    int err = connection_try(o, o->timeout_ms, out, why, sizeof why);
    if (!err)
        return 0;
    text_error("cannot connect to %s: %s", o->host, why);
    fprintf(stderr, "%s\n", hint(err));
    connection_close(out);
    return err == E_NOT_FOUND ? EX_NOHOST : err == E_IO ? EX_UNAVAILABLE : exit_status(err);
}

void connection_close(struct connection *c)
{
    client_close(&c->client);
    client_identity_destroy(&c->identity);
}
