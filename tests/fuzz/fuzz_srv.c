/* SPDX-License-Identifier: Apache-2.0 */
/* The SRV records of an answer that any name server may have sent, and anyone in its name. */
#include "fuzz.h"
#include "base/err.h"
#include "net/srv.h"

#define MAX 64

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
}

static void check(const struct srv *srv)
{
    size_t len = strnlen(srv->target, sizeof srv->target);
    ASSERT(srv->port != 0);
    ASSERT(len > 0 && len < sizeof srv->target && strcmp(srv->target, ".") != 0);
    for (size_t i = 0; i < len; i++)
        ASSERT(is_host_char(srv->target[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct srv all[MAX], some[3];
    int n = srv_parse(slice_make(data, size), all, MAX);
    ASSERT(n == E_MALFORMED || (n >= 0 && n <= MAX));
    for (int i = 0; i < n; i++)
        check(&all[i]);
    /* The first are the same, however many are wanted. */
    int few = srv_parse(slice_make(data, size), some, 3);
    ASSERT(n < 0 || few == (n < 3 ? n : 3));
    for (int i = 0; n >= 0 && i < few; i++)
        ASSERT(some[i].port == all[i].port && strcmp(some[i].target, all[i].target) == 0);
    return 0;
}
