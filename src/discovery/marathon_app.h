/* SPDX-License-Identifier: Apache-2.0 */
/* Marathon's answer to GET /v2/apps/ID?embed=app.tasks, read with care: it is somebody else's word. What is needed and
 * not there is an error; what is there and not understood is left out, and the answer is not whole. */
#ifndef DISCOVERY_MARATHON_APP_H
#define DISCOVERY_MARATHON_APP_H

#include "discovery/discovery.h"
#include "discovery/peers.h"

#define MARATHON_TASKS_MAX     DISCOVERY_CANDIDATES_MAX
#define MARATHON_INSTANCES_MAX 1000000 /* more is no number of tasks */

struct marathon_task {
    char host[PEER_NAME_MAX + 1]; /* a name, or an address in its shortest spelling; empty: none that can be used */
    bool is_address;
    bool runs;     /* else it is being started, is lost, is being killed, ... */
    bool is_self;  /* it is this node's own */
    uint16_t port; /* of the control plane */
};

struct marathon_app {
    unsigned instances; /* that there are to be */
    unsigned tasks;     /* that there are, those that found no place here too */
    unsigned running;
    bool lists_self; /* or this task's id is not known */
    size_t count;
    struct marathon_task task[MARATHON_TASKS_MAX];
};

struct marathon_question {
    const char *app_id;  /* of marathon_id() */
    const char *task_id; /* this node's; empty: not known */
    uint16_t epmd_port;  /* this node's: which of a task's ports is meant where none is named epmd */
};

/* `body` need not be text. 0, or E_MALFORMED (not JSON), E_INVALID (not such an answer), E_MISMATCH (another app), with
 * the reason in `why`. */
int marathon_app_read(struct marathon_app *out, const char *body, size_t size, const struct marathon_question *q,
                      char *why, size_t why_size);

/* What Marathon says in an answer that is an error, as {"message":"..."}; empty: nothing. */
void marathon_message(const char *body, size_t size, char *out, size_t out_size);

#endif
