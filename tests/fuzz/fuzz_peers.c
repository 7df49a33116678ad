/* SPDX-License-Identifier: Apache-2.0 */
/* The list of peers: what is taken can be written down again from what it was read as, and is read as the same. */
#include "fuzz.h"
#include "base/err.h"
#include "discovery/peers.h"

#include <stdio.h>
#include <stdlib.h>

#define PORT     4369
#define WHY_SIZE 160

static void write_down(const struct peer *p, char *out, size_t size)
{
    const char *dot = strcmp(p->name, "srv") == 0 ? "." : ""; /* else its port would be a service */
    if (p->kind == PEER_SERVICE)
        snprintf(out, size, "srv:%s", p->name);
    else
        snprintf(out, size, strchr(p->name, ':') ? "[%s%s]:%u" : "%s%s:%u", p->name, dot, p->port);
}

static void check_one(const struct peer *p)
{
    char text[PEER_NAME_MAX + 16], why[WHY_SIZE], address[46];
    struct peer *again;
    size_t count;
    write_down(p, text, sizeof text);
    ASSERT(peers_parse(text, 1, &again, &count, why, sizeof why) == 0 && count == 1);
    ASSERT(again->kind == p->kind && again->port == p->port && strncmp(again->name, p->name, strlen(p->name)) == 0);
    ASSERT((p->kind == PEER_SERVICE) == (p->port == 0));
    ASSERT((p->kind == PEER_ADDRESS) == (peer_address(p->name, address) == 0));
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), why[WHY_SIZE] = "";
    struct peer *list;
    size_t count;
    ASSERT(text);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    int err = peers_parse(text, PORT, &list, &count, why, sizeof why);
    ASSERT(err ? *why && strlen(why) < sizeof why && !list && !count : !*why && count <= PEERS_MAX);
    for (size_t i = 0; i < count; i++)
        check_one(&list[i]);
    free(list);
    free(text);
    return 0;
}
