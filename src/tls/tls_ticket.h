/* The keys under which a server's session tickets are sealed (RFC 5077 section 4): of this process alone, changed every
 * hour; tickets under the last key are still read and answered with a new one. A ticket whose peer's certificate has
 * ended since is not taken, so that the peer has to show a certificate again. Only for src/tls. */
#ifndef TLS_TLS_TICKET_H
#define TLS_TLS_TICKET_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#define TICKET_KEY_LIFE_S ((int64_t)3600)

struct ticket_key {
    unsigned char name[16], cipher[32], mac[32]; /* AES-256-CBC, HMAC-SHA-256 */
    int64_t born;                                /* seconds since the epoch */
};

struct ticket_keys {
    struct ticket_key now, before;
    int64_t (*clock)(void *arg);
    void *clock_arg;
};

/* Draws the first key; false: there are no random bytes. */
bool ticket_keys_init(struct ticket_keys *k, int64_t (*clock)(void *arg), void *clock_arg);
void ticket_keys_fini(struct ticket_keys *k); /* overwritten */
/* `k` is borrowed as long as the context lives. */
bool ticket_keys_install(struct ticket_keys *k, SSL_CTX *ctx);

#endif
