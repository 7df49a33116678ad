/* SPDX-License-Identifier: Apache-2.0 */
/* The common name out of a DER Name or Certificate: what a stranger's certificate says before anybody trusts it. */
#include "fuzz.h"
#include "base/err.h"
#include "tls/cert_name.h"

#include <openssl/err.h>
#include <stdlib.h>

/* Well-formed UTF-8, by its lead and continuation bytes. */
static bool is_utf8(const char *s)
{
    for (const unsigned char *p = (const unsigned char *)s; *p;) {
        int more = *p < 0x80 ? 0 : *p >= 0xc2 && *p < 0xe0 ? 1 : *p >= 0xe0 && *p < 0xf0 ? 2 : *p >= 0xf0 ? 3 : -1;
        if (more < 0)
            return false;
        for (p++; more--; p++)
            if ((*p & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static void check_name(const struct cert_cn *cn)
{
    ASSERT(memchr(cn->first, '\0', sizeof cn->first) && is_utf8(cn->first));
    ASSERT(cn->count || cn->first[0] == '\0');
    ASSERT(cert_name_equal(cn->first, cn->first) == (cn->first[0] != '\0'));
    ASSERT(!cert_name_equal(cn->first, "") && !cert_name_equal("", cn->first));
}

/* Whole and without anything after it. */
static void check_one_more(struct slice der)
{
    struct cert_cn cn;
    uint8_t *longer = calloc(1, der.len + 1);
    ASSERT(longer);
    memcpy(longer, der.data, der.len);
    ASSERT(cert_name_parse(slice_make(longer, der.len + 1), &cn) == E_MALFORMED);
    ASSERT(cert_name_parse(slice_make(longer, der.len - 1), &cn) == E_MALFORMED);
    free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice der = slice_make(data, size);
    struct cert_cn cn;
    memset(&cn, 'x', sizeof cn);
    int err = cert_name_parse(der, &cn);
    ASSERT(err == 0 || err == E_MALFORMED);
    check_name(&cn);
    if (err)
        ASSERT(cn.count == 0);
    else
        check_one_more(der);
    ASSERT(ERR_peek_error() == 0); /* nothing is left behind in OpenSSL's queue */
    return 0;
}
