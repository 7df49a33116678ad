/* SPDX-License-Identifier: Apache-2.0 */
/* The spellings of PEM that deployments bring, made into the one that parsers take. An environment variable holds a PEM
 * with its newlines, with `\n` written out, or all on one line between the markers; a file may come with CRLF, quotes
 * or text around it, or the whole of it may be in base64 once more, as in a secret of Kubernetes. Pure text work: what
 * is inside the base64 is judged by ca.h and tls_ctx.h.
 *
 * `why` of every function of this layer: at least TLS_WHY_MAX bytes are wise; on an error it holds one line, without
 * its newline and without any byte of a key, that says what is wrong and what to do; untouched on success. */
#ifndef TLS_PEM_H
#define TLS_PEM_H

#include "base/buf.h"

#define TLS_WHY_MAX  640
#define PEM_TEXT_MAX ((size_t)64 * 1024) /* of input, in bytes: a root, its key or a short chain need far less */
#define PEM_OUT_MAX  (PEM_TEXT_MAX + PEM_TEXT_MAX / 64 + 4 * PEM_CERT_MAX) /* what a buffer for it needs as maximum */
#define PEM_CERT_MAX 8                                                     /* certificates in one text */

enum pem_kind {
    PEM_CERTIFICATE, /* one or more CERTIFICATE blocks; all are kept, in their order */
    PEM_PRIVATE_KEY, /* PRIVATE KEY (PKCS#8), RSA PRIVATE KEY (PKCS#1) or EC PRIVATE KEY; exactly one is kept */
};

/* Whether an option's value is a PEM itself, also in base64, rather than the path of a file. */
bool pem_is_text(const char *text);

/* Appends the blocks of that kind in `text` (borrowed) to `out` as canonical PEM: 64 columns, "\n". Blocks of other
 * kinds and text around the blocks are skipped. `out` then holds a copy of a key: pem_wipe() it.
 * E_MALFORMED, E_NOT_FOUND (no such block), E_UNSUPPORTED (an encrypted key), E_TOO_MANY, E_TOO_LARGE, E_NOMEM. */
int pem_normalize(enum pem_kind kind, struct slice text, struct buf *out, char *why, size_t why_size);

/* Overwrites what `b` holds and gives its memory back. Only sound when the buffer was born with all the room that it
 * needed, as pem_normalize() sees to with an empty buffer: a buffer that grew has left copies behind. */
void pem_wipe(struct buf *b);

#endif
