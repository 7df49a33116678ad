/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon tells a service manager (net/sd_notify.h), where there is one: that it serves, how it fares, that its
 * loop turns, that it reads its configuration again, and that it ends.
 *
 *   start --> ready --> reloading --> ready --> stopping
 *
 * A word that finds no room in the manager's socket is said again a second later. */
#ifndef EPHEMERALD_SERVICE_H
#define EPHEMERALD_SERVICE_H

#include "base/log.h"
#include "base/timers.h"
#include "cluster/status.h"
#include "net/sd_notify.h"

#include <stddef.h>

#define SERVICE_STATUS_MAX 256

struct service_config {
    const char *socket;        /* NOTIFY_SOCKET; NULL: there is no manager. Borrowed for the call */
    const char *watchdog_usec; /* WATCHDOG_USEC and WATCHDOG_PID as in the environment; likewise */
    const char *watchdog_pid;
    struct timers *timers;
    const struct log *log;
    /* Writes the node's state in one line, at most SERVICE_STATUS_MAX bytes with its NUL. */
    void (*describe)(void *arg, char *out, size_t size);
    void *arg;
};

struct service {
    struct service_config config;
    struct sd_notify notify;
    struct timer timer;
    uint64_t beat_ms; /* from one word to the next */
    bool watched;     /* the manager wants to hear that the loop turns */
    const char *owed; /* the last word, where it found no room */
    char said[SERVICE_STATUS_MAX];
};

/* The ports are open, and the loop is about to turn. */
void service_start(struct service *s, const struct service_config *config);
void service_reloading(struct service *s);
void service_reloaded(struct service *s);
void service_stopping(struct service *s);
/* Nothing is told any more. */
void service_end(struct service *s);

/* The state of a node in one line, as `systemctl status` shows it: "member of 5, healthy". */
void service_describe(const struct status_node *status, char *out, size_t size);

#endif
