/* SPDX-License-Identifier: Apache-2.0 */
/* A ClientHello by hand, for what no OpenSSL of today can be made to say: RC4, 3DES, export suites, SSL 3.0. */
#ifndef TESTS_TLS_HELLO_H
#define TESTS_TLS_HELLO_H

#include "probe.h"

#define HELLO_MAX 256

/* One suite of IANA's numbers at most TLS `version` (0x0303). Returns its size. */
size_t hello_make(uint8_t out[HELLO_MAX], uint16_t version, uint16_t suite);
/* Says it, and "taken: TLS 0303, suite 002f" or what else came of it. */
void hello_try(struct probe *p, uint16_t version, uint16_t suite);

#endif
