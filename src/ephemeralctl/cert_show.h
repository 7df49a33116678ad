/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and verdicts on them (tls/cert_view.h, tls/cert_judge.h), as people and programs want to see them. */
#ifndef EPHEMERALCTL_CERT_SHOW_H
#define EPHEMERALCTL_CERT_SHOW_H

#include "ephemeralctl/json.h"
#include "tls/cert_judge.h"
#include "tls/cert_view.h"

/* A block of lines. `now`: seconds since the epoch. */
void cert_show_text(const struct cert_view *v, int64_t now, FILE *out);
void cert_show_json(const struct cert_view *v, int64_t now, struct json *j);

/* "Go   yes", "Go   no: certificate has expired". */
void cert_show_verdict(const char *who, const struct cert_verdict *v, FILE *out);
/* `key`: the member that names who judges, or what. */
void cert_show_verdict_json(const char *key, const char *who, const struct cert_verdict *v, struct json *j);

#endif
