/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of `ephemeralctl cert`, each an exit status as a command's. The words of the command are checked. */
#ifndef EPHEMERALCTL_CMD_CERT_H
#define EPHEMERALCTL_CMD_CERT_H

#include "ephemeralctl/command.h"

int cert_ca(struct context *x);
int cert_renew(struct context *x); /* ca --renew */
int cert_user(struct context *x);
int cert_show(struct context *x);
int cert_check(struct context *x);

/* What the shared functions of certificates return, with their text. */
int cert_failed(int err, const char *why);
/* Seconds since the epoch. */
int64_t cert_now(void);

#endif
