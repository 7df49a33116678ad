/* SPDX-License-Identifier: Apache-2.0 */
/* Serial numbers of the certificates that are made here: random, as nobody keeps a list of those that were given. */
#ifndef TLS_SERIAL_H
#define TLS_SERIAL_H

#include <openssl/x509.h>
#include <stdbool.h>

/* False: no memory, or no random bytes. */
bool serial_set(X509 *x);

#endif
