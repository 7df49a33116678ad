/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl, loaded when a request needs it for the first time: with the libraries that Debian's needs it takes 4 MB of
 * resident memory, which a node without an orchestrator does not pay. */
#ifndef NET_CURL_H
#define NET_CURL_H

/* The checks of types are macros that only fit libcurl's own names. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include <stdbool.h>
#include <stddef.h>

/* Its functions that we call, without their prefix. */
#define CURL_FUNCTIONS(X)                                                                                              \
    X(global_init)                                                                                                     \
    X(global_cleanup)                                                                                                  \
    X(easy_init)                                                                                                       \
    X(easy_cleanup)                                                                                                    \
    X(easy_setopt)                                                                                                     \
    X(easy_getinfo)                                                                                                    \
    X(easy_strerror)                                                                                                   \
    X(multi_init)                                                                                                      \
    X(multi_cleanup)                                                                                                   \
    X(multi_setopt)                                                                                                    \
    X(multi_add_handle)                                                                                                \
    X(multi_remove_handle)                                                                                             \
    X(multi_assign)                                                                                                    \
    X(multi_socket_action)                                                                                             \
    X(multi_timeout)                                                                                                   \
    X(multi_info_read)                                                                                                 \
    X(slist_append)                                                                                                    \
    X(slist_free_all)                                                                                                  \
    X(url)                                                                                                             \
    X(url_cleanup)                                                                                                     \
    X(url_set)                                                                                                         \
    X(url_get)                                                                                                         \
    X(free)

struct curl {
#define X(name) __typeof__(curl_##name) *name;
    CURL_FUNCTIONS(X)
#undef X
    bool loaded;
};

/* Loads and initialises it, unless that is done. E_UNSUPPORTED: it is not installed, or too old; E_NOMEM; `why` says
 * so. */
int curl_load(struct curl *c, char *why, size_t why_size);
/* Gives back what the initialisation took. The library stays loaded: those that it needs are not made to be unloaded.
 */
void curl_unload(struct curl *c);

#endif
