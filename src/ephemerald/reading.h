/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of the configuration share: the options as texts, and how to say that one is wrong. Every reader
 * returns 0 or a code of sysexits.h, with its text in `why`. */
#ifndef EPHEMERALD_READING_H
#define EPHEMERALD_READING_H

#include "ephemerald/config.h"

struct reading {
    struct config *c;
    char *why;
    size_t why_size;
};

int reading_fail(const struct reading *r, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* `why` of an inner reader gets the option's origin in front. */
int reading_fail_at(const struct reading *r, int status, const char *name);

const char *reading_text(const struct reading *r, const char *name);
const char *reading_origin(const struct reading *r, const char *name);

int reading_number(const struct reading *r, const char *name, uint64_t *out);
int reading_u32(const struct reading *r, const char *name, uint32_t *out);
int reading_port(const struct reading *r, const char *name, uint16_t *out);
int reading_copy(const struct reading *r, const char *text, char **out);

bool config_is_wildcard(const char *listen);

/* Everything of the cluster; after listen, epmd-port and orchestration. */
int config_read_cluster(const struct reading *r);
/* After orchestration. */
int config_read_marathon(const struct reading *r);
void config_log_marathon(const struct config *c, const struct log *log);
void config_marathon_fini(struct config_marathon *m);
/* After orchestration and the host's name. */
int config_read_kubernetes(const struct reading *r);
/* Whether its API or its DNS is asked for the other nodes. */
bool config_asks_kubernetes(const struct config *c);
void config_log_kubernetes(const struct config *c, const struct log *log);
void config_kubernetes_fini(struct config_kubernetes *k);
/* The root's certificate and key; after orchestration. */
int config_read_root(const struct reading *r);
void config_log_cluster(const struct config *c, const struct log *log);

#endif
