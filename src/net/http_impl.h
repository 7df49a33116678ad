/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the HTTP client. */
#ifndef NET_HTTP_IMPL_H
#define NET_HTTP_IMPL_H

#include "net/http.h"

/* The resolver's answer comes when it comes, perhaps after the call has ended. */
struct http_question {
    struct http_call *call; /* NULL: nobody wants to know any more */
};

/* RESOLVING -> TRANSFERRING -> ended and freed. One that cannot begin waits for its timer, as `done` may not be called
 * from inside get(). */
struct http_call {
    struct net_http *http;
    struct list link;
    http_done done;
    void *arg;
    struct timer timer; /* its time-out, */
    uint32_t timeout_ms;
    uint64_t began_ms;
    int failed; /* or, with this, what ends it */

    char host[254]; /* as curl spells it: an address of IPv6 with its brackets */
    char port[6];
    struct http_question *question; /* under way, or NULL */

    CURL *easy;
    bool added; /* `easy` is in the multi handle */
    struct curl_slist *headers, *addresses;
    size_t head; /* bytes of headers */
    bool head_too_large, head_is_whole;
    struct buf body;
    int body_err;
    char text[CURL_ERROR_SIZE]; /* curl's words, or those of `failed` */
};

/* Makes `easy` from the request; addresses are given later. Errors of get(), and those that `done` is to hear: these
 * are in c->failed, with c->text. */
int http_prepare(struct http_call *c, const struct http_request *request);
/* For the host of the URL, in addition to what curl knows: `found`, at least one. E_NOMEM. */
int http_set_addresses(struct http_call *c, const struct resolved *found, size_t count);
/* How a transfer ended, in our codes and plain words. */
int http_judge(const struct http_call *c, CURLcode code, char *why, size_t why_size);

#endif
