/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the Kubernetes API, read with care: they are somebody else's word. What is needed and not there is an
 * error; what is there and not understood is left out, and the list is not whole. */
#ifndef DISCOVERY_KUBERNETES_ANSWER_H
#define DISCOVERY_KUBERNETES_ANSWER_H

#include "discovery/discovery.h"

#define KUBERNETES_NAME_SIZE     254  /* of an object, with its NUL: a DNS subdomain */
#define KUBERNETES_CONTINUE_SIZE 1024 /* of the token for the next page, with its NUL */
#define KUBERNETES_REPLICAS_MAX  1000000

/* Which pod is this node's own, and where nodes listen. */
struct kubernetes_question {
    const char *pod;     /* its name; empty: not known */
    const char *address; /* numeric, in its shortest spelling; empty: not known */
    uint16_t epmd_port;
};

struct kubernetes_places {
    struct discovery_candidate list[DISCOVERY_CANDIDATES_MAX];
    size_t count;
};

/* A list of pods, page after page. */
struct kubernetes_pods {
    unsigned pods; /* that there are */
    unsigned live; /* of these: neither ended nor terminating, with an address or without */
    unsigned terminating;
    struct kubernetes_places candidates; /* of live pods */
    struct kubernetes_places all;        /* of pods in whatever state */
    bool whole;                          /* so far: each pod has an address here, or has never run */
    bool lists_self;
    char owner[KUBERNETES_NAME_SIZE];    /* the StatefulSet of this node's pod, else of any; empty: none */
    char next[KUBERNETES_CONTINUE_SIZE]; /* the token for the next page; empty: this was the last */
    char nowhere[KUBERNETES_NAME_SIZE];  /* a pod that makes the list not whole; empty: none */
};

void kubernetes_pods_init(struct kubernetes_pods *p);
/* Adds a page: a PodList of v1. 0, or E_MALFORMED (not JSON), E_INVALID (not such a list), with the reason in `why`:
 * what was added before stays. `body` need not be text. */
int kubernetes_pods_add(struct kubernetes_pods *p, const char *body, size_t size, const struct kubernetes_question *q,
                        char *why, size_t why_size);

/* spec.replicas of a StatefulSet. Errors as above. */
int kubernetes_replicas(const char *body, size_t size, unsigned *replicas, char *why, size_t why_size);

/* What the API says in an answer that is an error, an object of kind Status. */
struct kubernetes_status {
    bool is_status;    /* else some other server answered, or an API that has no such resource at all */
    char message[160]; /* printable; empty: none */
};
void kubernetes_status_read(const char *body, size_t size, struct kubernetes_status *out);

#endif
