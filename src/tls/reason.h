/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's errors in short words for people: the one place where its codes are translated. All texts are static and
 * free of addresses, secrets and what a peer sent. */
#ifndef TLS_REASON_H
#define TLS_REASON_H

/* Empties this thread's error queue and says what stood in it: TLS errors before those of other libraries, the first
 * before its consequences. Never NULL. */
const char *reason_take(void);
/* Empties the queue without a look. */
void reason_drop(void);

/* Why a certificate was not accepted: X509_V_ERR_... */
const char *reason_of_verify(long result);

#endif
