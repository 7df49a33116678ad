#!/usr/bin/env bash
# Seen 2026-12-01: OpenSSL 3.0.19 (Debian 12, libssl-dev, gcc).
#
# Guess: a server whose session cache has size N (SSL_CTX_sess_set_cache_size) resumes its last N sessions.
# Seen:  only the last N - 1 of them, for N of 2 and more (TLS 1.2, no tickets). So a cache for N clients needs size N + 1.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 -subj /CN=localhost 2>/dev/null
cat >seen.c <<'END'
#include <openssl/ssl.h>
#include <stdio.h>

/* One handshake over a pair of memory buffers, with the session that the client offers, and the one that it has then.
 * Whether it was resumed. */
static int handshake(SSL_CTX *server, SSL_CTX *client, SSL_SESSION *offered, SSL_SESSION **made)
{
    SSL *s = SSL_new(server), *c = SSL_new(client);
    BIO *one, *other;
    BIO_new_bio_pair(&one, 0, &other, 0);
    SSL_set_bio(s, one, one);
    SSL_set_bio(c, other, other);
    SSL_set_accept_state(s);
    SSL_set_connect_state(c);
    if (offered)
        SSL_set_session(c, offered);
    for (int i = 0; i < 20; i++) {
        SSL_do_handshake(c);
        SSL_do_handshake(s);
    }
    int resumed = SSL_is_init_finished(c) && SSL_session_reused(c);
    if (made)
        *made = SSL_get1_session(c);
    SSL_shutdown(c);
    SSL_shutdown(s);
    SSL_free(c);
    SSL_free(s);
    return resumed;
}

int main(void)
{
    int wrong = 0;
    for (int size = 2; size <= 5; size++) {
        SSL_CTX *server = SSL_CTX_new(TLS_server_method()), *client = SSL_CTX_new(TLS_client_method());
        SSL_SESSION *session[8];
        int resumed = 0;
        SSL_CTX_use_certificate_file(server, "cert.pem", SSL_FILETYPE_PEM);
        SSL_CTX_use_PrivateKey_file(server, "key.pem", SSL_FILETYPE_PEM);
        SSL_CTX_set_max_proto_version(server, TLS1_2_VERSION);
        SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
        SSL_CTX_set_session_id_context(server, (const unsigned char *)"x", 1);
        SSL_CTX_sess_set_cache_size(server, size);
        for (int i = 0; i < 8; i++)
            handshake(server, client, NULL, &session[i]);
        for (int i = 8; i-- > 0;) /* the newest first: who is not resumed drives out another */
            resumed += handshake(server, client, session[i], NULL);
        printf("size %d: the last %d sessions are resumed\n", size, resumed);
        wrong += resumed != size - 1;
    }
    return wrong ? 1 : 0;
}
END
gcc -o seen seen.c -lssl -lcrypto
openssl version
./seen || { echo 'changed: size N resumed N - 1'; exit 1; }
