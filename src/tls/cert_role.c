/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/cert_role.h"

#include "tls/reason.h"

#include <openssl/x509v3.h>
#include <string.h>

void cert_role_urn(struct incarnation incarnation, char out[CERT_URN_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    char *p = stpcpy(out, CERT_URN_PREFIX);
    for (size_t i = 0; i < ID_SIZE; i++) {
        *p++ = digits[incarnation.b[i] >> 4];
        *p++ = digits[incarnation.b[i] & 15];
    }
    *p = '\0';
}

static bool has_usage(const EXTENDED_KEY_USAGE *usages)
{
    ASN1_OBJECT *role = OBJ_txt2obj(CERT_ROLE_NODE, 1);
    bool found = false;
    for (int i = 0; role && !found && i < sk_ASN1_OBJECT_num(usages); i++)
        found = OBJ_cmp(sk_ASN1_OBJECT_value(usages, i), role) == 0;
    ASN1_OBJECT_free(role);
    return found;
}

bool cert_role_is_node(const X509 *cert)
{
    /* NULL also when there are several of these extensions, which RFC 5280 4.2 forbids. */
    EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
    bool found = usages && has_usage(usages);
    EXTENDED_KEY_USAGE_free(usages);
    reason_drop();
    return found;
}

static int digit_of(unsigned char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_urn(const ASN1_STRING *uri, struct incarnation *out)
{
    const size_t prefix = sizeof CERT_URN_PREFIX - 1;
    const unsigned char *s = ASN1_STRING_get0_data(uri);
    if (ASN1_STRING_length(uri) != (int)CERT_URN_SIZE - 1 || memcmp(s, CERT_URN_PREFIX, prefix) != 0)
        return false;
    for (size_t i = 0; i < ID_SIZE; i++) {
        int high = digit_of(s[prefix + 2 * i]), low = digit_of(s[prefix + 2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out->b[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool cert_role_incarnation(const X509 *cert, struct incarnation *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    unsigned found = 0;
    *out = (struct incarnation){{0}};
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        struct incarnation incarnation;
        if (name->type == GEN_URI && parse_urn(name->d.uniformResourceIdentifier, &incarnation) && found++ == 0)
            *out = incarnation;
    }
    GENERAL_NAMES_free(names);
    reason_drop();
    if (found != 1)
        *out = (struct incarnation){{0}};
    return found == 1;
}
