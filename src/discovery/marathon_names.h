/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the names that Marathon gives to a task: where its API is asked, and the names that Mesos-DNS makes
 * for an app. */
#ifndef DISCOVERY_MARATHON_NAMES_H
#define DISCOVERY_MARATHON_NAMES_H

#include <stddef.h>

#define MARATHON_URLS_MAX     8
#define MARATHON_URL_SIZE     256 /* of an API, with its NUL */
#define MARATHON_ID_SIZE      256 /* of an app, with its NUL */
#define MARATHON_LABEL_SIZE   64  /* of DNS, with its NUL */
#define MARATHON_DEFAULT_URLS "http://marathon.mesos:8080,http://leader.mesos:8080"

struct marathon_urls {
    char url[MARATHON_URLS_MAX][MARATHON_URL_SIZE]; /* with its scheme, without a slash at its end */
    size_t count;                                   /* at least 1 */
};

/* URLs with commas between them; one without a scheme is of http. E_INVALID, E_TOO_MANY, with the reason in `why`: also
 * for one with a password in it, because URLs are logged. */
int marathon_urls_parse(const char *text, struct marathon_urls *out, char *why, size_t why_size);

/* The id of an app in the form "/prod/ephemeral-store", whether `text` has the slash at its front or not. E_INVALID: no
 * app of Marathon can have it. */
int marathon_id(const char *text, char out[MARATHON_ID_SIZE]);

/* The app's label in Mesos-DNS: "/prod/ephemeral-store" is ephemeral-store-prod, at most 63 bytes. `id` is of
 * marathon_id(). */
void marathon_label(const char *id, char out[MARATHON_LABEL_SIZE]);

#endif
