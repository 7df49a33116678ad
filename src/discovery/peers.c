/* SPDX-License-Identifier: Apache-2.0 */
#include "discovery/peers.h"

#include "base/err.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_PREFIX "srv:"
#define LABEL_MAX      63

/* --- addresses --- */

static bool is_host_v4(const uint8_t *a)
{
    return a[0] != 0 && a[0] < 224; /* neither 0/8, nor multicast, nor broadcast and what is reserved beside it */
}

static bool is_host_v6(const struct in6_addr *a)
{
    return !IN6_IS_ADDR_UNSPECIFIED(a) && !IN6_IS_ADDR_MULTICAST(a);
}

int peer_address(const char *text, char *out)
{
    struct in6_addr v6;
    struct in_addr v4;
    bool is_v4 = inet_pton(AF_INET, text, &v4) == 1;
    if (!is_v4 && inet_pton(AF_INET6, text, &v6) != 1)
        return E_INVALID;
    if (!is_v4 && IN6_IS_ADDR_V4MAPPED(&v6)) {
        memcpy(&v4, v6.s6_addr + 12, sizeof v4);
        is_v4 = true;
    }
    if (is_v4 ? !is_host_v4((const uint8_t *)&v4) : !is_host_v6(&v6))
        return E_INVALID;
    inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? (const void *)&v4 : (const void *)&v6, out, INET6_ADDRSTRLEN);
    return 0;
}

static bool is_numeric(const char *text)
{
    struct in6_addr ignored;
    return inet_pton(AF_INET, text, &ignored) == 1 || inet_pton(AF_INET6, text, &ignored) == 1;
}

/* --- names --- */

static bool is_label(const char *text, size_t len)
{
    if (len == 0 || len > LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
            return false;
    return true;
}

/* A name whose last label is a number is a mistyped address (RFC 1123, section 2.1). */
bool peer_is_name(const char *text)
{
    bool number = true;
    if (!*text || strlen(text) > PEER_NAME_MAX)
        return false;
    while (*text) {
        size_t len = strcspn(text, ".");
        if (!is_label(text, len))
            return false;
        number = strspn(text, "0123456789") == len;
        text += len;
        text += *text == '.';
    }
    return !number;
}

/* --- one entry --- */

/* NULL: it is good. */
static const char *read_port(const char *text, uint16_t *port)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long value = digits && digits < 6 && !text[digits] ? strtoul(text, NULL, 10) : 0;
    if (value < 1 || value > UINT16_MAX)
        return "its port is no number from 1 to 65535";
    *port = (uint16_t)value;
    return NULL;
}

static const char *set_address(struct peer *p, const char *text)
{
    p->kind = PEER_ADDRESS;
    return peer_address(text, p->name) ? "no node can be reached at this address: give one of a single host" : NULL;
}

static const char *read_bracketed(struct peer *p, char *text)
{
    char *end = strchr(text, ']');
    struct in6_addr ignored;
    if (!end)
        return "the ] after the address is missing";
    *end = '\0';
    if (inet_pton(AF_INET6, text + 1, &ignored) != 1)
        return "what stands in [ ] is no IPv6 address";
    const char *why = set_address(p, text + 1);
    if (why || !end[1])
        return why;
    return end[1] == ':' ? read_port(end + 2, &p->port) : "after the ] only : and a port may stand";
}

static const char *read_service(struct peer *p, const char *text)
{
    p->kind = PEER_SERVICE;
    p->port = 0;
    if (strchr(text, ':'))
        return "SRV records bring their ports: leave the port out";
    if (!peer_is_name(text))
        return "what stands after srv: is no DNS name";
    snprintf(p->name, sizeof p->name, "%.*s", PEER_NAME_MAX, text);
    return NULL;
}

static const char *read_host(struct peer *p, char *text)
{
    char *colon = strchr(text, ':');
    const char *why = colon ? read_port(colon + 1, &p->port) : NULL;
    if (colon)
        *colon = '\0';
    if (is_numeric(text))
        return why ? why : set_address(p, text);
    if (!peer_is_name(text))
        return "it is neither an address nor a DNS name: give 10.1.2.3, [fd00::1], store.example, each perhaps with "
               ":PORT, or srv:_epmd._tcp.store.example";
    p->kind = PEER_HOST;
    snprintf(p->name, sizeof p->name, "%.*s", PEER_NAME_MAX, text);
    return why;
}

/* `text` is changed. Returns what is wrong with it, or NULL. */
static const char *read_peer(struct peer *p, char *text)
{
    if (*text == '[')
        return read_bracketed(p, text);
    if (strncmp(text, SERVICE_PREFIX, strlen(SERVICE_PREFIX)) == 0)
        return read_service(p, text + strlen(SERVICE_PREFIX));
    if (is_numeric(text)) /* IPv6 without brackets, and so without a port, among them */
        return set_address(p, text);
    return read_host(p, text);
}

/* --- the list --- */

static bool is_there(const struct peer *list, size_t count, const struct peer *p)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].kind == p->kind && list[i].port == p->port && strcmp(list[i].name, p->name) == 0)
            return true;
    return false;
}

/* The entry of `len` bytes without the blanks around it. E_TOO_LARGE. */
static int cut_out(const char *text, size_t len, char *out, size_t size)
{
    while (len && isspace((unsigned char)*text))
        text++, len--;
    while (len && isspace((unsigned char)text[len - 1]))
        len--;
    if (len >= size)
        return E_TOO_LARGE;
    memcpy(out, text, len);
    out[len] = '\0';
    return 0;
}

static int bad_entry(size_t number, const char *entry, const char *what, char *why, size_t why_size)
{
    snprintf(why, why_size, "entry %zu, '%.64s': %s", number, entry, what);
    return E_INVALID;
}

/* Appends the entry to the list of *count, unless it is there. */
static int add(struct peer *list, size_t *count, struct peer *p, size_t number, char *entry, char *why, size_t why_size)
{
    char shown[80];
    snprintf(shown, sizeof shown, "%.64s", entry);
    const char *what = read_peer(p, entry);
    if (what)
        return bad_entry(number, shown, what, why, why_size);
    if (is_there(list, *count, p))
        return 0;
    if (*count == PEERS_MAX) {
        snprintf(why, why_size, "more than %d entries: give a DNS name that has several addresses", PEERS_MAX);
        return E_TOO_MANY;
    }
    list[(*count)++] = *p;
    return 0;
}

static int read_list(const char *text, uint16_t port, struct peer *list, size_t *count, char *why, size_t why_size)
{
    char entry[PEER_NAME_MAX + sizeof SERVICE_PREFIX + sizeof ":65535"];
    int err = 0;
    for (size_t number = 1; !err; number++) {
        struct peer p = {.port = port};
        size_t len = strcspn(text, ",");
        if (cut_out(text, len, entry, sizeof entry))
            return bad_entry(number, text, "it is longer than a DNS name can be", why, why_size);
        if (!*entry)
            return bad_entry(number, "", "it is empty: leave out the comma that is too many", why, why_size);
        err = add(list, count, &p, number, entry, why, why_size);
        if (!text[len])
            break;
        text += len + 1;
    }
    return err;
}

static bool is_blank(const char *text)
{
    return !text || !text[strspn(text, " \t\r\n")];
}

int peers_parse(const char *text, uint16_t port, struct peer **out, size_t *count, char *why, size_t why_size)
{
    *out = NULL;
    *count = 0;
    if (is_blank(text))
        return 0;
    struct peer *list = calloc(PEERS_MAX, sizeof *list);
    if (!list) {
        snprintf(why, why_size, "out of memory");
        return E_NOMEM;
    }
    int err = read_list(text, port, list, count, why, why_size);
    if (err) {
        free(list);
        *count = 0;
        return err;
    }
    *out = list;
    return 0;
}
