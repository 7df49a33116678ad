/* SPDX-License-Identifier: Apache-2.0 */
#include "tls/serial.h"

#include <openssl/bn.h>

#define SERIAL_BITS 127 /* RFC 5280 4.1.2.2: positive, at most 20 bytes */

bool serial_set(X509 *x)
{
    BIGNUM *serial = BN_new();
    bool ok = serial && BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
              BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x));
    BN_free(serial);
    return ok;
}
