/* SPDX-License-Identifier: Apache-2.0 */
#include "security/range.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define MAPPED_BITS 96 /* in front of an IPv4 address */

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool is_mapped(const struct address *a)
{
    return memcmp(a->bytes, mapped, sizeof mapped) == 0;
}

static bool parse(const char *text, struct address *out)
{
    memcpy(out->bytes, mapped, sizeof mapped);
    return inet_pton(AF_INET, text, out->bytes + sizeof mapped) == 1 || inet_pton(AF_INET6, text, out->bytes) == 1;
}

/* In brackets a port may follow, in an IPv6 address without them it cannot. */
bool address_parse(const char *text, struct address *out)
{
    char copy[64];
    bool bracket = *text == '[';
    const char *colon = strchr(text, ':');
    size_t n = bracket                            ? strcspn(++text, "]%")
               : colon && !strchr(colon + 1, ':') ? (size_t)(colon - text)
                                                  : strcspn(text, "%");
    if (n >= sizeof copy)
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    return parse(copy, out);
}

static bool bit_at(const struct address *a, unsigned i)
{
    return a->bytes[i / 8] >> (7 - i % 8) & 1;
}

static bool ends_with(const struct address *a, unsigned prefix)
{
    for (unsigned i = prefix; i < 128; i++)
        if (bit_at(a, i))
            return false;
    return true;
}

/* The number after the slash; -1: none. */
static int prefix_of(const char *text, unsigned most)
{
    char *end;
    if (*text < '0' || *text > '9')
        return -1;
    unsigned long n = strtoul(text, &end, 10);
    return *end || n > most ? -1 : (int)n;
}

bool range_parse(const char *text, struct address_range *out, const char **why)
{
    char address[RANGE_TEXT_SIZE];
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    *why = "an address is IPv4 or IPv6, with the number of its leading bits after a slash: 10.0.0.0/8";
    if (n >= sizeof address)
        return false;
    memcpy(address, text, n);
    address[n] = '\0';
    if (!parse(address, &out->first))
        return false;
    bool v4 = !strchr(address, ':');
    int prefix = slash ? prefix_of(slash + 1, v4 ? 32 : 128) : v4 ? 32 : 128;
    if (prefix < 0)
        return false;
    out->prefix = (uint8_t)(prefix + (v4 ? MAPPED_BITS : 0));
    *why = "the address has bits set after the prefix";
    return ends_with(&out->first, out->prefix);
}

void range_text(const struct address_range *r, char *out, size_t size)
{
    char address[INET6_ADDRSTRLEN];
    bool v4 = is_mapped(&r->first) && r->prefix >= MAPPED_BITS;
    inet_ntop(v4 ? AF_INET : AF_INET6, r->first.bytes + (v4 ? sizeof mapped : 0), address, sizeof address);
    snprintf(out, size, "%s/%u", address, r->prefix - (v4 ? MAPPED_BITS : 0u));
}

unsigned range_bits(const struct address_range *r)
{
    return is_mapped(&r->first) && r->prefix == MAPPED_BITS ? 0 : r->prefix;
}

bool range_equal(const struct address_range *a, const struct address_range *b)
{
    return a->prefix == b->prefix && memcmp(&a->first, &b->first, sizeof a->first) == 0;
}

bool range_holds(const struct address_range *r, const struct address *a)
{
    unsigned whole = r->prefix / 8, rest = r->prefix % 8;
    return memcmp(r->first.bytes, a->bytes, whole) == 0 &&
           (!rest || (r->first.bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0);
}
