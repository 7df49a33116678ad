/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the Kubernetes API: what is taken of them are addresses of nodes, and not more than there is room for. The
 * first byte says which answer it is; a line break of the form feed's kind begins the next page of a list. */
#include "fuzz.h"
#include "base/err.h"
#include "discovery/kubernetes_answer.h"
#include "discovery/peers.h"

#include <ctype.h>
#include <stdlib.h>

#define WHY_SIZE 160
#define PORT     4369

static bool has(const struct kubernetes_places *p, const struct discovery_candidate *c)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->list[i].address, c->address) == 0 && p->list[i].epmd_port == c->epmd_port)
            return true;
    return false;
}

static void check_places(const struct kubernetes_pods *p)
{
    char address[46];
    ASSERT(p->candidates.count <= p->all.count && p->all.count <= DISCOVERY_CANDIDATES_MAX);
    for (size_t i = 0; i < p->candidates.count; i++)
        ASSERT(p->all.count == DISCOVERY_CANDIDATES_MAX || has(&p->all, &p->candidates.list[i]));
    for (size_t i = 0; i < p->all.count; i++)
        ASSERT(peer_address(p->all.list[i].address, address) == 0 && strcmp(p->all.list[i].address, address) == 0 &&
               p->all.list[i].epmd_port == PORT);
}

static void check_pods(const struct kubernetes_pods *p)
{
    check_places(p);
    ASSERT(p->live <= p->pods && p->terminating <= p->pods && p->live + p->terminating <= p->pods);
    ASSERT(p->whole == !*p->nowhere);
    ASSERT(strlen(p->owner) < sizeof p->owner && strlen(p->next) < sizeof p->next);
    ASSERT(p->pods || (!p->all.count && !p->lists_self && !*p->owner));
}

/* What could not be taken changes nothing. */
static void add(struct kubernetes_pods *p, struct slice page)
{
    static const struct kubernetes_question question = {.pod = "a", .address = "10.0.0.1", .epmd_port = PORT};
    char why[WHY_SIZE] = "", *copy = malloc(page.len + 1);
    unsigned before = p->pods;
    ASSERT(copy);
    if (page.len)
        memcpy(copy, page.data, page.len);
    char *exact = realloc(copy, page.len ? page.len : 1);
    ASSERT(exact);
    int err = kubernetes_pods_add(p, exact, page.len, &question, why, sizeof why);
    ASSERT(err ? *why && p->pods == before && (err == E_MALFORMED || err == E_INVALID) : !*why);
    check_pods(p);
    free(exact);
}

static void read_pods(struct slice in)
{
    struct kubernetes_pods *p = malloc(sizeof *p);
    ASSERT(p);
    kubernetes_pods_init(p);
    while (in.len) {
        const uint8_t *end = memchr(in.data, '\f', in.len);
        size_t len = end ? (size_t)(end - in.data) : in.len;
        add(p, slice_make(in.data, len));
        in = slice_skip(in, end ? len + 1 : len);
    }
    free(p);
}

static void read_replicas(struct slice in)
{
    char why[WHY_SIZE] = "";
    unsigned n = 77;
    int err = kubernetes_replicas((const char *)in.data, in.len, &n, why, sizeof why);
    ASSERT(err ? *why && n == 77 : !*why && n <= KUBERNETES_REPLICAS_MAX);
}

static void read_status(struct slice in)
{
    struct kubernetes_status s;
    kubernetes_status_read((const char *)in.data, in.len, &s);
    ASSERT(s.is_status || !*s.message);
    for (const char *p = s.message; *p; p++)
        ASSERT(isprint((unsigned char)*p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    switch (fuzz_byte(&in)) {
    case 's':
        read_replicas(in);
        break;
    case 'e':
        read_status(in);
        break;
    default:
        read_pods(in);
    }
    return 0;
}
