/* SPDX-License-Identifier: Apache-2.0 */
/* Versions and suites. Suites by name are OpenSSL's; those by number are said by hand, because it would not. */
#include "hello.h"
#include "rows.h"

#include <string.h>

#define NO_SUITE   "handshake failure (no common cipher suite)"
#define NO_VERSION "protocol version (no common TLS version)"
/* What Riak's Node.js client offers (riak-protocol.md section 15). */
#define NODE_JS                                                                                                        \
    "DHE-RSA-AES128-SHA256:DHE-RSA-AES256-SHA256:DHE-RSA-AES128-SHA:DHE-RSA-AES256-SHA:AES128-SHA256:AES256-SHA256:"   \
    "AES128-SHA:AES256-SHA"

/* Comes in, and says by which suite. */
static void run_named(struct probe *p, const struct row *r, struct matrix *m)
{
    char suite[SEEN_MAX];
    struct manner how = row_manner(r, m);
    if (probe_enter(p, &how, row_user(r), r->direct))
        probe_say(p, "let in, %.200s", probe_suite(p, suite));
}

/* Only the suite that is asked for is right. */
static void run_suite(struct probe *p, const struct row *r, struct matrix *m)
{
    struct manner how = row_manner(r, m);
    how.suites = r->what;
    if (!probe_enter(p, &how, row_user(r), r->direct))
        return;
    if (strcmp(SSL_get_cipher_name(p->ssl), r->what) != 0 || SSL_version(p->ssl) != TLS1_2_VERSION)
        probe_say(p, "%s %s", SSL_get_version(p->ssl), SSL_get_cipher_name(p->ssl));
}

static void run_hello(struct probe *p, const struct row *r, struct matrix *m)
{
    (void)m;
    hello_try(p, (uint16_t)r->version, r->suite);
}

#define SUITE(name)                                                                                                    \
    {                                                                                                                  \
        name, "let in", MANIFEST, .who = USER, .version = TLS1_2_VERSION, .run = run_suite                             \
    }
#define REFUSED(name)                                                                                                  \
    {                                                                                                                  \
        name, NO_SUITE, MANIFEST, .who = USER, .version = TLS1_2_VERSION, .run = run_suite                             \
    }
#define OFF(name)                                                                                                      \
    {                                                                                                                  \
        name, NO_SUITE, MODERN, .who = USER, .version = TLS1_2_VERSION, .run = run_suite                               \
    }
#define HELLO(what_, expected_, version_, suite_)                                                                      \
    {                                                                                                                  \
        what_, expected_, MANIFEST, .who = NOBODY, .version = version_, .suite = suite_, .run = run_hello              \
    }

static const struct row rows[] = {
    {"all versions", "let in, TLSv1.3 TLS_AES_128_GCM_SHA256", MANIFEST, .who = USER, .run = run_named},
    {"TLS 1.2", "let in, TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256", MANIFEST, .who = USER, .version = TLS1_2_VERSION,
     .run = run_named},
    {"TLS 1.2, a client that knows RSA only", "let in, TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256", MANIFEST, .who = USER,
     .version = TLS1_2_VERSION, .suites = "aRSA", .run = run_named},
    {"TLS 1.2, the suites of Riak's Node.js client", "let in, TLSv1.2 DHE-RSA-AES128-SHA256", MANIFEST, .who = USER,
     .version = TLS1_2_VERSION, .suites = NODE_JS, .run = run_named},
    {"TLS 1.2, the same under an ECDSA root", "let in, TLSv1.2 DHE-RSA-AES128-SHA256", EC, .who = USER_RSA_OF_EC,
     .version = TLS1_2_VERSION, .suites = NODE_JS, .run = run_named},
    {"TLS 1.1", NO_VERSION, MANIFEST, .who = USER, .version = TLS1_1_VERSION, .suites = "ALL:@SECLEVEL=0"},
    {"TLS 1.1, from the first byte", NO_VERSION, MANIFEST, .who = USER, .version = TLS1_1_VERSION,
     .suites = "ALL:@SECLEVEL=0", .direct = true},
    {"TLS 1.0", NO_VERSION, MANIFEST, .who = USER, .version = TLS1_VERSION, .suites = "ALL:@SECLEVEL=0"},
    HELLO("SSL 3.0 by hand", "handshake failure (no common TLS version)", 0x0300, 0x002f),
    HELLO("TLS 1.1 by hand", NO_VERSION, 0x0302, 0x002f),
    SUITE("ECDHE-ECDSA-AES128-GCM-SHA256"),
    SUITE("ECDHE-ECDSA-AES256-GCM-SHA384"),
    SUITE("ECDHE-ECDSA-CHACHA20-POLY1305"),
    SUITE("ECDHE-RSA-AES128-GCM-SHA256"),
    SUITE("ECDHE-RSA-AES256-GCM-SHA384"),
    SUITE("ECDHE-RSA-CHACHA20-POLY1305"),
    SUITE("DHE-RSA-AES128-GCM-SHA256"),
    SUITE("DHE-RSA-AES256-GCM-SHA384"),
    SUITE("DHE-RSA-AES128-SHA256"),
    SUITE("DHE-RSA-AES256-SHA256"),
    SUITE("DHE-RSA-AES128-SHA"),
    SUITE("DHE-RSA-AES256-SHA"),
    SUITE("AES128-GCM-SHA256"),
    SUITE("AES256-GCM-SHA384"),
    SUITE("AES128-SHA256"),
    SUITE("AES256-SHA256"),
    SUITE("AES128-SHA"),
    SUITE("AES256-SHA"),
    HELLO("AES128-SHA by hand", "taken: TLS 0303, suite 002f", 0x0303, 0x002f),
    HELLO("RC4-SHA by hand", NO_SUITE, 0x0303, 0x0005),
    HELLO("RC4-MD5 by hand", NO_SUITE, 0x0303, 0x0004),
    HELLO("DES-CBC3-SHA by hand", NO_SUITE, 0x0303, 0x000a),
    HELLO("ECDHE-RSA-DES-CBC3-SHA by hand", NO_SUITE, 0x0303, 0xc012),
    HELLO("DES-CBC-SHA by hand", NO_SUITE, 0x0303, 0x0009),
    HELLO("EXP-RC4-MD5 by hand", NO_SUITE, 0x0303, 0x0003),
    HELLO("NULL-NULL by hand", NO_SUITE, 0x0303, 0x0000),
    HELLO("NULL-SHA by hand", NO_SUITE, 0x0303, 0x0002),
    REFUSED("NULL-SHA256"),
    REFUSED("ECDHE-RSA-NULL-SHA"),
    REFUSED("ECDHE-ECDSA-NULL-SHA"),
    REFUSED("ADH-AES128-SHA256"),
    REFUSED("ADH-AES128-GCM-SHA256"),
    REFUSED("AECDH-AES128-SHA"),
    OFF("AES128-SHA"),
    OFF("AES128-GCM-SHA256"),
    OFF("DHE-RSA-AES128-SHA"),
    OFF("DHE-RSA-AES128-GCM-SHA256"),
    {"legacy off, TLS 1.2", "let in, TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256", MODERN, .who = USER,
     .version = TLS1_2_VERSION, .run = run_named},
    {"legacy off, TLS 1.3", "let in, TLSv1.3 TLS_AES_128_GCM_SHA256", MODERN, .who = USER, .version = TLS1_3_VERSION,
     .run = run_named},
};

ROWS(rows_suites, "versions and suites of TLS 1.2");
