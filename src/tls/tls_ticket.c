#include "tls/tls_ticket.h"

#include "tls/pem_read.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <string.h>

static bool draw(struct ticket_key *key, int64_t now)
{
    key->born = now;
    return RAND_bytes(key->name, sizeof key->name) == 1 && RAND_priv_bytes(key->cipher, sizeof key->cipher) == 1 &&
           RAND_priv_bytes(key->mac, sizeof key->mac) == 1;
}

bool ticket_keys_init(struct ticket_keys *k, int64_t (*clock)(void *arg), void *clock_arg)
{
    *k = (struct ticket_keys){.clock = clock, .clock_arg = clock_arg};
    int64_t now = clock(clock_arg);
    return draw(&k->now, now) && draw(&k->before, now);
}

void ticket_keys_fini(struct ticket_keys *k)
{
    OPENSSL_cleanse(&k->now, sizeof k->now);
    OPENSSL_cleanse(&k->before, sizeof k->before);
}

/* A clock that was set back makes the key no older, and no younger than when it was drawn. */
static bool is_over(const struct ticket_key *key, int64_t now, int64_t life_s)
{
    return now - key->born >= life_s || now < key->born;
}

static bool rotate(struct ticket_keys *k)
{
    int64_t now = k->clock(k->clock_arg);
    if (!is_over(&k->now, now, TICKET_KEY_LIFE_S))
        return true;
    k->before = k->now;
    return draw(&k->now, now);
}

static bool set_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t) "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int seal(struct ticket_keys *k, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    if (!rotate(k) || RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1)
        return -1;
    memcpy(name, k->now.name, sizeof k->now.name);
    return EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->now.cipher, iv) == 1 && set_mac(mac, &k->now) ? 1
                                                                                                                : -1;
}

/* 0: unknown or too old; 2: taken, and a new one is due (under TLS 1.3 a ticket is for one use). */
static int open_seal(struct ticket_keys *k, const unsigned char *name, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac)
{
    struct ticket_key *key = memcmp(name, k->now.name, sizeof k->now.name) == 0         ? &k->now
                             : memcmp(name, k->before.name, sizeof k->before.name) == 0 ? &k->before
                                                                                        : NULL;
    if (!key || is_over(key, k->clock(k->clock_arg), 2 * TICKET_KEY_LIFE_S))
        return 0;
    return EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv) == 1 && set_mac(mac, key) ? 2 : -1;
}

static int on_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int enc)
{
    struct ticket_keys *k = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    return enc ? seal(k, name, iv, cipher, mac) : open_seal(k, name, iv, cipher, mac);
}

static bool has_ended(const struct ticket_keys *k, const SSL_SESSION *session)
{
    X509 *peer = SSL_SESSION_get0_peer((SSL_SESSION *)(uintptr_t)session);
    return peer && pem_time(X509_get0_notAfter(peer)) <= k->clock(k->clock_arg);
}

static SSL_TICKET_RETURN on_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_len,
                                   SSL_TICKET_STATUS status, void *arg)
{
    (void)ssl, (void)name, (void)name_len;
    switch (status) {
    case SSL_TICKET_SUCCESS:
    case SSL_TICKET_SUCCESS_RENEW:
        return has_ended(arg, session) ? SSL_TICKET_RETURN_IGNORE_RENEW : SSL_TICKET_RETURN_USE_RENEW;
    case SSL_TICKET_EMPTY:
    case SSL_TICKET_NO_DECRYPT:
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    default:
        return SSL_TICKET_RETURN_IGNORE;
    }
}

bool ticket_keys_install(struct ticket_keys *k, SSL_CTX *ctx)
{
    SSL_CTX_set_app_data(ctx, k);
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_key) == 1 &&
           SSL_CTX_set_session_ticket_cb(ctx, NULL, on_ticket, k) == 1;
}
