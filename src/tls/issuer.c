/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/issuer.h"

#include "tls/pem_read.h"
#include "tls/reason.h"

#include <openssl/x509v3.h>
#include <time.h>

static bool is_valid(const X509 *x, time_t now)
{
    return pem_time(X509_get0_notBefore(x)) <= now && now < pem_time(X509_get0_notAfter(x));
}

/* Of two that have signed it: the one that is valid now, then the one that ends last. */
static bool is_better(const X509 *a, const X509 *b, time_t now)
{
    if (!b)
        return true;
    if (is_valid(a, now) != is_valid(b, now))
        return is_valid(a, now);
    return pem_time(X509_get0_notAfter(a)) > pem_time(X509_get0_notAfter(b));
}

int issuer_find(X509 **issuer, X509_STORE_CTX *ctx, X509 *x)
{
    STACK_OF(X509) *named = X509_STORE_CTX_get1_certs(ctx, X509_get_issuer_name(x));
    time_t now = X509_VERIFY_PARAM_get_time(X509_STORE_CTX_get0_param(ctx));
    X509 *best = NULL;
    for (int i = 0; sk_X509_num(named) > 1 && i < sk_X509_num(named); i++) {
        X509 *one = sk_X509_value(named, i);
        if (X509_check_issued(one, x) == X509_V_OK && X509_verify(x, X509_get0_pubkey(one)) == 1 &&
            is_better(one, best, now))
            best = one;
    }
    reason_drop();
    bool found = best && X509_up_ref(best);
    if (found)
        *issuer = best;
    pem_free_certs(named);
    return found ? 1 : X509_STORE_CTX_get1_issuer(issuer, ctx, x);
}
