/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of errors. A function that can fail returns int: 0, or a negative code E_... from here.
 *
 * Foreign codes (errno, libuv, OpenSSL) are translated in one function per library, in that library's layer.
 * `retryable` says whether the same request may succeed later without anyone changing it. The texts that Riak
 * clients depend on are formatted by src/riak; this table's text is for logs and tools. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

/* X(name, number, retryable, text) */
#define ERR_TABLE(X)                                                                                                   \
    X(E_NOMEM, 1, true, "out of memory")                                                                               \
    X(E_TOO_LARGE, 2, false, "larger than its limit")                                                                  \
    X(E_MALFORMED, 3, false, "malformed input")                                                                        \
    X(E_INVALID, 4, false, "invalid value")                                                                            \
    X(E_NOT_FOUND, 5, false, "not found")                                                                              \
    X(E_EXISTS, 6, false, "exists already")                                                                            \
    X(E_MODIFIED, 7, false, "modified since it was read")                                                              \
    X(E_FULL, 8, true, "the memory limit is reached")                                                                  \
    X(E_TOO_MANY, 9, false, "more than allowed")                                                                       \
    X(E_AGAIN, 10, true, "not now, try again")                                                                         \
    X(E_CLOSED, 11, true, "the connection is closed")                                                                  \
    X(E_TIMEOUT, 12, true, "timed out")                                                                                \
    X(E_IO, 13, true, "input or output failed")                                                                        \
    X(E_TLS, 14, false, "TLS failed")                                                                                  \
    X(E_CERT, 15, false, "certificate not accepted")                                                                   \
    X(E_DENIED, 16, false, "permission denied")                                                                        \
    X(E_UNSUPPORTED, 17, false, "not supported")                                                                       \
    X(E_DUE, 18, true, "a key is due to expire, commit a stamp first")                                                 \
    X(E_MISMATCH, 19, false, "the parts do not belong together")                                                       \
    X(E_UNKNOWN, 20, false, "it may have had its effect, or may have it later")                                        \
    X(E_STALE, 21, false, "older than what was acknowledged")                                                          \
    X(E_ABSENT, 22, false, "what is to be removed is not there")

enum err {
#define X(name, number, retryable, text) name = -(number),
    ERR_TABLE(X)
#undef X
};

/* Text of a code; "success" for 0, "unknown error" for anything else. Static, never NULL. */
const char *err_text(int err);
bool err_retryable(int err);
/* Whether it is 0 or one of the table: a number that a peer sends may be none. */
bool err_known(int err);

#endif
