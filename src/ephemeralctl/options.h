/* SPDX-License-Identifier: Apache-2.0 */
/* The options of ephemeralctl: one table, from which the parser and the help texts come. */
#ifndef EPHEMERALCTL_OPTIONS_H
#define EPHEMERALCTL_OPTIONS_H

#include "base/buf.h"

#include <stdio.h>

enum output { OUTPUT_TEXT, OUTPUT_JSON };

/* As the daemon calls them. */
#define OPTIONS_ROOT_CERT_VARIABLE "EPHEMERAL_STORE_ROOT_CA_CERT"
#define OPTIONS_ROOT_KEY_VARIABLE  "EPHEMERAL_STORE_ROOT_CA_KEY"
#define OPTIONS_USER_VARIABLE      "EPHEMERAL_STORE_USER"

/* Texts are borrowed from the arguments and the environment. */
struct options {
    const char *host;
    uint16_t port;
    uint32_t timeout_ms;
    const char *certs, *ca, *cert, *key, *user;
    const char *server_name; /* NULL: the host */
    bool any_server_name, direct_tls;
    const char *type, *content_type;
    uint32_t ttl_s; /* 0: not given */
    bool if_none_match;
    uint32_t sibling; /* 0: not given */
    uint8_t vclock[256];
    size_t vclock_len;
    const char *root_cert, *root_key; /* a path or a PEM text each; of the flags alone, until root_choose() */
    char root_user[256];              /* of EPHEMERAL_STORE_USER, where root_choose() took it */
    uint32_t wait_s;                  /* 0: not given */
    uint32_t nodes;                   /* 0: not given */
    bool probe, survivors;
    const char *dir, *common_name, *key_type;
    uint32_t days; /* 0: not given */
    bool renew, force;
    bool reset, help, version;
    bool help_man, help_completion; /* for the package: not shown in the help */
    enum output output;
};

/* Which commands know an option: a set of these. */
enum option_scope {
    SCOPE_ANY = 1, /* every command */
    SCOPE_CONNECT = 2,
    SCOPE_OUTPUT = 4,
    SCOPE_TYPE = 8,
    SCOPE_GET = 16,
    SCOPE_PUT = 32,
    SCOPE_CONTEXT = 64, /* sends a vclock */
    SCOPE_PROPS = 128,
    SCOPE_WAIT = 256,
    SCOPE_ROOT = 512, /* of a command, not of an option: only the role of a node may do it */
    SCOPE_REFORM = 1024,
    SCOPE_CERT = 2048
};

/* Fills *o with the defaults, then from the environment and the arguments. What remains is argv[*rest] .. argv[argc-1],
 * moved there. *used: the scopes of the options that were given. False: a usage error has been printed. */
bool options_parse(int argc, char **argv, struct options *o, int *rest, unsigned *used);
/* Prints the options of these scopes, one a line. */
void options_help(unsigned scopes);
/* The same as terms of a manual page. */
void options_man(unsigned scopes, FILE *out);
/* For the shell's completion: " --name" of each, and the branches of a `case` over the word before, for options that
 * take a file, a directory, or one of a few words. */
void options_words(unsigned scopes, FILE *out);
void options_completion(FILE *out);
/* Prints one line of usage error and where help is. */
void options_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
