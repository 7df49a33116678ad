/* SPDX-License-Identifier: Apache-2.0 */
#include "hello.h"

#include <string.h>

#define RECORD_HANDSHAKE 22

static uint8_t *put16(uint8_t *p, size_t n)
{
    p[0] = (uint8_t)(n >> 8);
    p[1] = (uint8_t)n;
    return p + 2;
}

/* supported_groups and signature_algorithms: RSA and ECDSA with SHA-256, RSA with SHA-1. */
static const uint8_t extensions[] = {0, 10, 0,  6, 0,  4, 0, 23, 0, 29, 0, 11, 0, 2, 1,
                                     0, 0,  13, 0, 10, 0, 8, 4,  1, 4,  3, 8,  4, 2, 1};

size_t hello_make(uint8_t out[HELLO_MAX], uint16_t version, uint16_t suite)
{
    uint8_t *p = out + 9; /* behind the heads of the record and of the message */
    p = put16(p, version);
    memset(p, 0x5a, 32); /* random */
    p += 32;
    *p++ = 0; /* no session */
    p = put16(p, 2);
    p = put16(p, suite);
    *p++ = 1; /* no compression */
    *p++ = 0;
    p = put16(p, sizeof extensions);
    memcpy(p, extensions, sizeof extensions);
    p += sizeof extensions;
    size_t len = (size_t)(p - out);
    out[0] = RECORD_HANDSHAKE;
    put16(out + 1, version < 0x0301 ? version : 0x0301);
    put16(out + 3, len - 5);
    out[5] = 1; /* ClientHello */
    out[6] = 0;
    put16(out + 7, len - 9);
    return len;
}

/* A ServerHello: 5 of the record, 4 of the message, version, 32 of random, a session id, the suite. */
static bool say_taken(struct probe *p)
{
    while (buf_len(&p->in) < 46 + 32 && probe_read(p, p->deadline))
        continue;
    struct slice s = buf_slice(&p->in);
    if (s.len < 46 + 32 || s.data[0] != RECORD_HANDSHAKE || s.data[5] != 2)
        return false;
    const uint8_t *suite = s.data + 44 + s.data[43];
    probe_say(p, "taken: TLS %02x%02x, suite %02x%02x", s.data[9], s.data[10], suite[0], suite[1]);
    return true;
}

void hello_try(struct probe *p, uint16_t version, uint16_t suite)
{
    uint8_t hello[HELLO_MAX];
    if (!probe_open(p) || !probe_send(p, hello, hello_make(hello, version, suite)))
        return;
    while (buf_len(&p->in) == 0 && probe_read(p, p->deadline))
        continue;
    struct slice s = buf_slice(&p->in);
    if (s.len == 0 || s.data[0] != RECORD_HANDSHAKE || !say_taken(p))
        probe_fate(p);
}
