/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a configuration on a made-up machine: what is in the environment, in a file and on the command line is the
 * test's, and nothing else. */
#ifndef RIG_H
#define RIG_H

#include "ephemerald/config.h"
#include "fake_host.h"
#include "support.h"

#define CERT  "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"
#define KEY   "-----BEGIN PRIVATE KEY-----\nREVG\n-----END PRIVATE KEY-----\n"
#define PEERS "10.7.7.7,10.7.7.8"
#define USER  "{\"name\":\"myUser\",\"auth_mode\":\"certificate\"}"

struct rig {
    struct config *c;
    enum config_wish wish;
    bool read; /* config_read() was called: config_fini() is due */
    char why[1024];
    char path[64]; /* of the file, when there is one */
};

/* A machine without any orchestrator, and nothing given. */
void rig_init_bare(struct rig *r);
/* With what every node of a cluster needs: user, certificate, key and peers, in the environment. Reading takes the key
 * out of the environment again. */
void rig_init(struct rig *r);
void rig_fini(struct rig *r);

/* Of the environment. */
void set(const char *name, const char *value);
/* Makes a file, instead of the one before. Returns its path. */
const char *write_file(struct rig *r, const char *text);
const char *write_bytes(struct rig *r, const void *data, size_t len);

/* Reads it all, anew: what config_read() returns. */
int rig_read(struct rig *r, const char *const *flags);
/* The flags, then NULL. */
#define read_config(r, ...) rig_read(r, (const char *const[]){__VA_ARGS__})

void assert_good(const struct rig *r, int status);
void assert_why(const struct rig *r, const char *part);

#endif
