/* SPDX-License-Identifier: Apache-2.0 */
/* Who a certificate speaks of: the common names of its subject, as UTF-8, and how they compare to a user's name.
 * Subject alternative names are not looked at: a user is named by the CN alone (riak-protocol.md section 15). */
#ifndef TLS_CERT_NAME_H
#define TLS_CERT_NAME_H

#include "base/slice.h"

#define CERT_CN_SIZE 256 /* with its NUL: a user's name is shorter */

struct X509_name_st;

struct cert_cn {
    size_t count;             /* common names in the subject, usable or not */
    char first[CERT_CN_SIZE]; /* "" when there is none, or it is too long, holds a NUL, or is no text */
};

void cert_name_cn(const struct X509_name_st *subject, struct cert_cn *out);
/* The same from a DER Name or a DER Certificate, whole and without anything after it. E_MALFORMED. */
int cert_name_parse(struct slice der, struct cert_cn *out);

/* "CN = rootCA, O = Example": all of the name in one printable line, cut to fit; "" when it is empty. */
void cert_name_line(const struct X509_name_st *name, char *out, size_t size);

/* Equal but for the case of ASCII letters; an empty name equals nothing. */
bool cert_name_equal(const char *a, const char *b);
bool cert_name_equal_slice(struct slice a, const char *b);

#endif
