/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/options.h"

#include "base/roff.h"
#include "client/client.h"
#include "ephemeralctl/root.h"
#include "ephemeralctl/text.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* How an option's argument becomes a field. */
enum option_kind { KIND_TEXT, KIND_PORT, KIND_NUMBER, KIND_FLAG, KIND_HEX, KIND_OUTPUT };

struct option_entry {
    const char *name;
    char letter; /* '\0': none */
    enum option_kind kind;
    size_t offset; /* of the field in struct options */
    const char *argument;
    unsigned scope;
    const char *help; /* NULL: not shown */
};

#define FIELD(f) offsetof(struct options, f)

static const struct option_entry table[] = {
    {"host", 'H', KIND_TEXT, FIELD(host), "HOST", SCOPE_CONNECT, "name or address of the node [127.0.0.1]"},
    {"port", 'p', KIND_PORT, FIELD(port), "PORT", SCOPE_CONNECT, "its port for clients [8087]"},
    {"certs", 0, KIND_TEXT, FIELD(certs), "DIR", SCOPE_CONNECT,
     "directory with rootCA.crt, myuser.crt and myuser.key\n[EPHEMERAL_CERTS, or build/run/certs]"},
    {"ca", 0, KIND_TEXT, FIELD(ca), "FILE", SCOPE_CONNECT, "the root certificate, in place of the one in --certs"},
    {"cert", 0, KIND_TEXT, FIELD(cert), "FILE", SCOPE_CONNECT, "the user's certificate"},
    {"key", 0, KIND_TEXT, FIELD(key), "FILE", SCOPE_CONNECT, "its key"},
    {"user", 'u', KIND_TEXT, FIELD(user), "NAME", SCOPE_CONNECT,
     "name of the user [the certificate's common name; with the root's key\nthe first of " OPTIONS_USER_VARIABLE "]"},
    {"server-name", 0, KIND_TEXT, FIELD(server_name), "NAME", SCOPE_CONNECT,
     "name or address that the node's certificate must carry [HOST]"},
    {"any-server-name", 0, KIND_FLAG, FIELD(any_server_name), NULL, SCOPE_CONNECT,
     "accept any name in a certificate that the root signed"},
    {"direct-tls", 0, KIND_FLAG, FIELD(direct_tls), NULL, SCOPE_CONNECT, "TLS from the first byte, not RpbStartTls"},
    {"timeout-ms", 0, KIND_NUMBER, FIELD(timeout_ms), "MS", SCOPE_CONNECT, "of connecting and of each request [10000]"},
    {"type", 't', KIND_TEXT, FIELD(type), "TYPE", SCOPE_TYPE, "bucket type [default]"},
    {"sibling", 0, KIND_NUMBER, FIELD(sibling), "N", SCOPE_GET, "print the value of the Nth sibling alone"},
    {"ttl", 0, KIND_NUMBER, FIELD(ttl_s), "SECONDS", SCOPE_PUT, "the key expires that long after this write"},
    {"if-none-match", 0, KIND_FLAG, FIELD(if_none_match), NULL, SCOPE_PUT, "only if the key does not exist"},
    {"content-type", 0, KIND_TEXT, FIELD(content_type), "TYPE", SCOPE_PUT, "of the value [application/octet-stream]"},
    {"vclock", 0, KIND_HEX, FIELD(vclock), "HEX", SCOPE_CONTEXT,
     "vclock of the value that this write replaces (from get -o json)"},
    {"reset", 0, KIND_FLAG, FIELD(reset), NULL, SCOPE_PROPS, "reset the bucket to its type's properties first"},
    {"timeout", 0, KIND_NUMBER, FIELD(wait_s), "SECONDS", SCOPE_WAIT, "of the whole wait [60]"},
    {"probe", 0, KIND_FLAG, FIELD(probe), NULL, SCOPE_WAIT,
     "ask once, as an orchestrator does: a node that waits for nodes\nthat are still to be started is ready too; status 1: "
     "not ready"},
    {"survivors", 0, KIND_FLAG, FIELD(survivors), NULL, SCOPE_REFORM,
     "confirm that the missing members are gone for good, with what only they held"},
    {"nodes", 0, KIND_NUMBER, FIELD(nodes), "N", SCOPE_REFORM,
     "confirm that only N nodes run and all answer here: they are enough.\nIf that is not true, two clusters can "
     "serve at once"},
    {"root-ca-cert", 0, KIND_TEXT, FIELD(root_cert), "FILE", SCOPE_CONNECT,
     "with --root-ca-key, instead of a user's certificate: makes one for\n--user, with the role of a node, for five "
     "minutes\n[without --certs and --cert: " OPTIONS_ROOT_CERT_VARIABLE ",\nor in Kubernetes " ROOT_KUBERNETES_CERT
     "]"},
    {"root-ca-key", 0, KIND_TEXT, FIELD(root_key), "FILE", SCOPE_CONNECT,
     "the root's key; both options also take the PEM itself\n[likewise: " OPTIONS_ROOT_KEY_VARIABLE
     ", " ROOT_KUBERNETES_KEY "]"},
    {"dir", 0, KIND_TEXT, FIELD(dir), "DIR", SCOPE_CERT,
     "where files are made, and where the root's are without --root-ca-cert\nand --root-ca-key [.]"},
    {"cn", 0, KIND_TEXT, FIELD(common_name), "NAME", SCOPE_CERT, "common name of a new root [a unique one]"},
    {"days", 0, KIND_NUMBER, FIELD(days), "DAYS", SCOPE_CERT, "for which it is valid [365]"},
    {"key-type", 0, KIND_TEXT, FIELD(key_type), "TYPE", SCOPE_CERT,
     "of a new key: rsa2048, rsa3072, rsa4096, p256 or p384 [rsa2048]"},
    {"renew", 0, KIND_FLAG, FIELD(renew), NULL, SCOPE_CERT,
     "sign the root again with its own key: all that it signed stays valid"},
    {"force", 0, KIND_FLAG, FIELD(force), NULL, SCOPE_CERT, "replace files that exist"},
    {"output", 'o', KIND_OUTPUT, FIELD(output), "FORMAT", SCOPE_OUTPUT, "text or json [text]"},
    {"help-man", 0, KIND_FLAG, FIELD(help_man), NULL, SCOPE_ANY, NULL},
    {"help-completion", 0, KIND_FLAG, FIELD(help_completion), NULL, SCOPE_ANY, NULL},
    {"help", 'h', KIND_FLAG, FIELD(help), NULL, SCOPE_ANY, "this help"},
    {"version", 'V', KIND_FLAG, FIELD(version), NULL, SCOPE_ANY, "the version"},
};

#define TABLE_COUNT (sizeof table / sizeof table[0])
#define FIRST_LONG  256 /* getopt's value of an option: this plus its place in the table */

void options_complain(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text_error("%s; see ephemeralctl --help", text);
}

static bool parse_number(const char *text, unsigned long max, unsigned long *out)
{
    char *end;
    errno = 0;
    *out = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out > 0 && *out <= max;
}

static bool set_number(const struct option_entry *e, void *field, const char *arg)
{
    unsigned long n;
    unsigned long max = e->kind == KIND_PORT ? UINT16_MAX : UINT32_MAX;
    if (!parse_number(arg, max, &n)) {
        options_complain("--%s takes a number from 1 to %lu, not '%s'", e->name, max, arg);
        return false;
    }
    if (e->kind == KIND_PORT)
        *(uint16_t *)field = (uint16_t)n;
    else
        *(uint32_t *)field = (uint32_t)n;
    return true;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool set_vclock(struct options *o, const char *arg)
{
    size_t len = strlen(arg) / 2;
    bool ok = strlen(arg) % 2 == 0 && len > 0 && len <= sizeof o->vclock;
    for (size_t i = 0; ok && i < len; i++) {
        int high = hex_digit(arg[2 * i]), low = hex_digit(arg[2 * i + 1]);
        ok = high >= 0 && low >= 0;
        o->vclock[i] = (uint8_t)(high * 16 + low);
    }
    o->vclock_len = len;
    if (!ok)
        options_complain("--vclock takes the hexadecimal digits that get -o json prints, not '%s'", arg);
    return ok;
}

static bool set_output(struct options *o, const char *arg)
{
    o->output = strcmp(arg, "json") == 0 ? OUTPUT_JSON : OUTPUT_TEXT;
    if (o->output == OUTPUT_JSON || strcmp(arg, "text") == 0)
        return true;
    options_complain("--output is text or json, not '%s'", arg);
    return false;
}

static bool set(struct options *o, const struct option_entry *e, const char *arg)
{
    void *field = (char *)o + e->offset;
    switch (e->kind) {
    case KIND_TEXT:
        *(const char **)field = arg;
        return true;
    case KIND_PORT:
    case KIND_NUMBER:
        return set_number(e, field, arg);
    case KIND_FLAG:
        *(bool *)field = true;
        return true;
    case KIND_HEX:
        return set_vclock(o, arg);
    case KIND_OUTPUT:
        return set_output(o, arg);
    }
    return false;
}

/* getopt's own form of the table. */
static void describe(struct option *longs, char *letters)
{
    char *p = letters;
    *p++ = ':'; /* a missing argument is told from an unknown option, and getopt prints nothing */
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        const struct option_entry *e = &table[i];
        longs[i] = (struct option){e->name, e->argument ? required_argument : no_argument, NULL, FIRST_LONG + (int)i};
        if (e->letter)
            *p++ = e->letter;
        if (e->letter && e->argument)
            *p++ = ':';
    }
    longs[TABLE_COUNT] = (struct option){0};
    *p = '\0';
}

static const struct option_entry *find(int value)
{
    if (value >= FIRST_LONG)
        return &table[value - FIRST_LONG];
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if (table[i].letter == value)
            return &table[i];
    return NULL;
}

bool options_parse(int argc, char **argv, struct options *o, int *rest, unsigned *used)
{
    struct option longs[TABLE_COUNT + 1];
    char letters[2 * TABLE_COUNT + 2];
    int value;
    *o = (struct options){
        .host = "127.0.0.1", .port = CLIENT_PORT_DEFAULT, .type = "", .certs = getenv("EPHEMERAL_CERTS"), .dir = "."};
    *used = 0;
    describe(longs, letters);
    while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (value == '?' || value == ':') {
            options_complain("%s '%s'", value == ':' ? "an argument is missing after" : "unknown option",
                             argv[optind - 1]);
            return false;
        }
        const struct option_entry *e = find(value);
        *used |= e->scope;
        if (!set(o, e, optarg))
            return false;
    }
    *rest = optind;
    return true;
}

static bool is_shown(const struct option_entry *e, unsigned scopes)
{
    return e->help && e->scope & scopes;
}

#define HELP_COLUMN 28

/* A line break in the text goes on below its beginning. */
static void print_text(const char *text)
{
    for (; *text; text++) {
        putchar(*text);
        if (*text == '\n')
            printf("%*s", HELP_COLUMN, "");
    }
    putchar('\n');
}

void options_help(unsigned scopes)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        const struct option_entry *e = &table[i];
        if (!is_shown(e, scopes))
            continue;
        int n = e->letter ? printf("  -%c, --%s", e->letter, e->name) : printf("      --%s", e->name);
        n += e->argument ? printf(" %s", e->argument) : 0;
        printf("%*s", n < HELP_COLUMN ? HELP_COLUMN - n : 1, "");
        print_text(e->help);
    }
}

void options_man(unsigned scopes, FILE *out)
{
    char term[64];
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        const struct option_entry *e = &table[i];
        if (!is_shown(e, scopes))
            continue;
        int n = e->letter ? snprintf(term, sizeof term, "-%c, ", e->letter) : 0;
        snprintf(term + n, sizeof term - (size_t)n, "--%s", e->name);
        roff_term(out, term, e->argument);
        roff_text(out, e->help);
    }
}

void options_words(unsigned scopes, FILE *out)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if (is_shown(&table[i], scopes))
            fprintf(out, " --%s", table[i].name);
}

/* How the shell completes the argument; NULL: not at all. */
static const char *completion_of(const struct option_entry *e)
{
    if (!e->argument)
        return NULL;
    if (e->kind == KIND_OUTPUT)
        return "-W 'text json'";
    return strcmp(e->argument, "FILE") == 0 ? "-f" : strcmp(e->argument, "DIR") == 0 ? "-d" : NULL;
}

void options_completion(FILE *out)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        const char *how = completion_of(&table[i]);
        if (!how)
            continue;
        fputs("    ", out);
        if (table[i].letter)
            fprintf(out, "-%c | ", table[i].letter);
        fprintf(out,
                "--%s)\n"
                "        mapfile -t COMPREPLY < <(compgen %s -- \"$word\")\n"
                "        return\n"
                "        ;;\n",
                table[i].name, how);
    }
}
