/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests to an orchestrator's API: one GET, one answer, no redirects. Implemented by src/net over libcurl, and
 * by the tests, where an API may lie, be slow, or be gone. */
#ifndef IO_HTTP_H
#define IO_HTTP_H

#include <stddef.h>
#include <stdint.h>

struct http;
struct http_call; /* a request under way; the implementation's */

struct http_request {
    const char *url;    /* http:// or https://, with the query */
    const char *accept; /* the media type that is asked for */
    /* Files are read for each request, because they are renewed: a secret without the newline at its end. */
    const char *token_file;    /* Authorization: Bearer; NULL: none */
    const char *user;          /* Authorization: Basic, together with */
    const char *password_file; /* NULL: none */
    const char *root_file;     /* PEM roots that an https server must lead to; NULL: the system's */
    uint32_t timeout_ms;       /* for all of it, the name's look-up included */
    size_t body_max;           /* bytes; a larger answer is E_TOO_LARGE */
};

struct http_answer {
    unsigned status;  /* 100 to 599 */
    const char *body; /* borrowed for the call; no NUL follows it */
    size_t size;
};

/* err: 0 and an answer of any status; otherwise `answer` is NULL and `why` says in plain words what failed, for the
 * log: E_TIMEOUT, E_IO (no connection, or it broke), E_TLS (its certificate is not good), E_TOO_LARGE, E_INVALID (not
 * HTTP), E_NOT_FOUND (a file cannot be read, or holds nothing of use), E_UNSUPPORTED (this machine has no libcurl),
 * E_NOMEM. */
typedef void (*http_done)(void *arg, int err, const struct http_answer *answer, const char *why);

struct http_ops {
    /* Asks. `done` is called once, never from inside this call, unless the call is cancelled before. What `request`
     * points to is borrowed for the call. E_NOMEM, E_INVALID (no http or https URL), E_TOO_MANY, E_CLOSED (the end has
     * begun): nothing follows. */
    int (*get)(struct http *h, const struct http_request *request, http_done done, void *arg, struct http_call **out);
    /* Gives up; `done` is not called. */
    void (*cancel)(struct http *h, struct http_call *call);
};

struct http {
    const struct http_ops *ops;
};

#endif
