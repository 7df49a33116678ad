/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/reason.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/tls1.h>
#include <openssl/x509_vfy.h>

#include <stddef.h>

struct reason {
    int code;
    const char *text;
};

/* Only where OpenSSL's own words would not help; an alert from the peer is its reason code less SSL_AD_REASON_OFFSET.
 */
static const struct reason ssl_reasons[] = {
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "client sent no certificate"},
    {SSL_R_NO_SHARED_CIPHER, "no common cipher suite"},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "no common signature algorithm"},
    {SSL_R_NO_SHARED_GROUPS, "no common key exchange group"},
    {SSL_R_NO_SUITABLE_KEY_SHARE, "no common key exchange group"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "no common TLS version"},
    {SSL_R_VERSION_TOO_LOW, "no common TLS version"},
    {SSL_R_WRONG_SSL_VERSION, "no common TLS version"},
    {SSL_R_WRONG_VERSION_NUMBER, "what came is not TLS"},
    {SSL_R_HTTP_REQUEST, "what came is HTTP, not TLS"},
    {SSL_R_HTTPS_PROXY_REQUEST, "what came is HTTP, not TLS"},
    {SSL_R_RECORD_TOO_SMALL, "what came is not TLS"},
    {SSL_R_BAD_RECORD_TYPE, "what came is not TLS"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "a record is damaged"},
    {SSL_R_EXCESSIVE_MESSAGE_SIZE, "a handshake message is too large"},
    {SSL_AD_REASON_OFFSET + TLS1_AD_UNKNOWN_CA, "peer refused: it does not know the issuer of our certificate"},
    {SSL_AD_REASON_OFFSET + SSL3_AD_BAD_CERTIFICATE, "peer refused: bad certificate"},
    {SSL_AD_REASON_OFFSET + SSL3_AD_CERTIFICATE_UNKNOWN, "peer refused our certificate"},
    {SSL_AD_REASON_OFFSET + SSL3_AD_CERTIFICATE_EXPIRED, "peer refused: certificate has expired"},
    {SSL_AD_REASON_OFFSET + SSL3_AD_UNSUPPORTED_CERTIFICATE, "peer refused: certificate not meant for this use"},
    {SSL_AD_REASON_OFFSET + TLS13_AD_CERTIFICATE_REQUIRED, "peer refused: it requires a certificate"},
    {SSL_AD_REASON_OFFSET + SSL3_AD_HANDSHAKE_FAILURE, "peer refused: nothing in common (suites, keys or purpose)"},
    {SSL_AD_REASON_OFFSET + TLS1_AD_PROTOCOL_VERSION, "peer refused: no common TLS version"},
    {SSL_AD_REASON_OFFSET + TLS1_AD_DECRYPT_ERROR, "peer refused: a signature or key exchange did not verify"},
    {SSL_AD_REASON_OFFSET + TLS1_AD_INTERNAL_ERROR, "peer refused: internal error at its side"},
    {SSL_AD_REASON_OFFSET + TLS1_AD_USER_CANCELLED, "peer cancelled the handshake"},
};

static const struct reason verify_reasons[] = {
    {X509_V_OK, "certificate is accepted"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "certificate is not signed by the given root"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "certificate is not signed by the given root"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "certificate is not signed by the given root"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "certificate is signed by another root"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, "certificate is self-signed"},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, "certificate is signed by another key of the root's name"},
    {X509_V_ERR_CERT_HAS_EXPIRED, "certificate has expired"},
    {X509_V_ERR_CERT_NOT_YET_VALID, "certificate is not yet valid (is a clock wrong?)"},
    {X509_V_ERR_INVALID_PURPOSE, "certificate is not meant for this use (extended key usage)"},
    {X509_V_ERR_APPLICATION_VERIFICATION, "certificate is not a node's (its extended key usage lacks the role node)"},
    {X509_V_ERR_INVALID_CA, "certificate is signed by one that is not a CA"},
    {X509_V_ERR_CERT_CHAIN_TOO_LONG, "certificate chain is too long"},
    {X509_V_ERR_HOSTNAME_MISMATCH, "certificate is for another host name"},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, "certificate is for another address"},
    {X509_V_ERR_EE_KEY_TOO_SMALL, "certificate has a weak key"},
    {X509_V_ERR_CA_KEY_TOO_SMALL, "certificate's issuer has a weak key"},
    {X509_V_ERR_CA_MD_TOO_WEAK, "certificate has a weak signature (SHA-1 or older)"},
    {X509_V_ERR_OUT_OF_MEM, "out of memory"},
};

static const char *look_up(const struct reason *table, size_t count, int code)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].code == code)
            return table[i].text;
    return NULL;
}

static const char *text_of(unsigned long error)
{
    const char *text = NULL;
    if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
        return "out of memory";
    if (ERR_GET_LIB(error) == ERR_LIB_SSL)
        text = look_up(ssl_reasons, sizeof ssl_reasons / sizeof ssl_reasons[0], ERR_GET_REASON(error));
    if (!text)
        text = ERR_reason_error_string(error);
    return text ? text : "TLS failed for an unknown reason";
}

const char *reason_take(void)
{
    unsigned long error, best = 0;
    while ((error = ERR_get_error()) != 0)
        if (!best || (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_LIB(best) != ERR_LIB_SSL))
            best = error;
    return best ? text_of(best) : "TLS failed without a reason";
}

void reason_drop(void)
{
    ERR_clear_error();
}

const char *reason_of_verify(long result)
{
    const char *text = look_up(verify_reasons, sizeof verify_reasons / sizeof verify_reasons[0], (int)result);
    return text ? text : X509_verify_cert_error_string(result);
}
