/* SPDX-License-Identifier: Apache-2.0 */
/* The Kubernetes API: the pods of this node's StatefulSet, page after page, and now and then how many there are to be.
 * Without permission it is asked rarely, and DNS alone says where the nodes are. */
#include "discovery/kubernetes_answer.h"
#include "discovery/source.h"

#include "base/assert.h"
#include "base/err.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 3000
/* The pods of most clusters are one page: a pod is 5 to 15 KiB of JSON. A page is parsed in one turn of the loop,
 * which takes about 5 ms for the most bytes: where pods are larger, fewer are asked for at once. */
#define PAGE_PODS   16
#define PAGE_SHRINK 4
/* So long pages stay small: what was too large may have been a proxy's page of an error, once. */
#define PAGE_SMALL_MS ((uint64_t)10 * 60 * 1000)
#define PAGE_MAX      ((size_t)128 * 1024)
#define PAGE_MAX_ONE  ((size_t)256 * 1024)
#define PAGES_MAX     32
#define RESTARTS_MAX  3 /* of one question */
#define URL_SIZE      6144
#define FILE_SIZE     256
#define NOTE_SIZE     192

/* Together with SIZE_MS at most a request in ten seconds. */
#define INTERVAL_MS    12000
#define SIZE_MS        60000
#define SIZE_SOON_MS   5000         /* while there are more pods or fewer than there are to be */
#define SIZE_DENIED_MS (10 * 60000) /* without permission to know */

struct kubernetes_source {
    struct source source; /* first: cast back */
    char *texts[5];       /* of the configuration: freed with the source */
    const char *api, *space, *selector;
    struct kubernetes_question question;
    char token_file[FILE_SIZE], root_file[FILE_SIZE];

    struct http_call *call; /* under way, or NULL */
    struct kubernetes_pods pods;
    uint64_t asked_ms; /* the first page */
    unsigned page_pods, pages, restarts;
    uint64_t shrunk_ms; /* pages have been smaller since then */

    int size;               /* -1: not known */
    uint64_t size_asked_ms; /* 0: never */
    bool size_denied;
    bool old_api; /* the server knows StatefulSets by apps/v1beta1 alone */
    char size_note[NOTE_SIZE];
};

static struct kubernetes_source *self_of(void *arg)
{
    return arg;
}

static uint64_t now_of(const struct kubernetes_source *self)
{
    return clock_boot_ms(self->source.home->clock);
}

/* --- requests --- */

struct url {
    char text[URL_SIZE];
    size_t len;
};

static void put(struct url *u, const char *text)
{
    int n = snprintf(u->text + u->len, sizeof u->text - u->len, "%s", text);
    ASSERT(n >= 0 && (size_t)n < sizeof u->text - u->len); /* the parts are bounded */
    u->len += (size_t)n;
}

/* In a query: all that is not certainly itself is escaped. */
static void put_escaped(struct url *u, const char *text)
{
    char escaped[4];
    for (const char *p = text; *p; p++) {
        bool plain = isalnum((unsigned char)*p) || strchr("-._~", *p);
        snprintf(escaped, sizeof escaped, plain ? "%c" : "%%%02X", (unsigned char)*p);
        put(u, escaped);
    }
}

static void get(struct kubernetes_source *self, const struct url *url, size_t body_max, http_done done)
{
    struct http *h = self->source.home->http;
    const struct http_request request = {.url = url->text,
                                         .accept = "application/json",
                                         .token_file = self->token_file,
                                         .root_file = self->root_file,
                                         .timeout_ms = TIMEOUT_MS,
                                         .body_max = body_max};
    int err = h->ops->get(h, &request, done, self, &self->call);
    if (err)
        done(self, err, NULL, err_text(err));
}

static void explain_status(const struct http_answer *answer, char *out, size_t size)
{
    struct kubernetes_status status;
    kubernetes_status_read(answer->body, answer->size, &status);
    if (!status.is_status && answer->status == 404)
        snprintf(out, size, "what answers there is not a Kubernetes API (HTTP status 404)");
    else
        snprintf(out, size, "it answered with HTTP status %u%s%s", answer->status, *status.message ? ": " : "",
                 status.message);
}

/* --- what all of it says --- */

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static void describe(struct kubernetes_source *self)
{
    const struct kubernetes_pods *p = &self->pods;
    struct source *s = &self->source;
    char of[24] = "";
    if (self->size >= 0)
        snprintf(of, sizeof of, " of %d", self->size);
    snprintf(s->note, sizeof s->note, "%u%s pods, %u of them terminating%s%s", p->pods, of, p->terminating,
             *self->size_note ? "; " : "", self->size_note);
    s->problem[0] = '\0';
    if (!p->lists_self)
        snprintf(s->problem, sizeof s->problem,
                 "no pod with %.80s is this one (%.63s): give the pods that label, or set POD_LABEL_SELECTOR to theirs",
                 self->selector, *self->question.pod ? self->question.pod : self->question.address);
    s->size = self->size;
    s->stated = self->size > 0 ? larger((unsigned)self->size, p->live) : p->live;
    /* N may not fall by a list without this pod: it is old, or somebody else's. */
    s->authoritative = p->lists_self;
}

static void report(struct kubernetes_source *self)
{
    const struct kubernetes_pods *p = &self->pods;
    const struct discovery_roster roster = {
        .places = p->all.list, .count = p->all.count, .asked_ms = self->asked_ms, .whole = p->whole && p->lists_self};
    describe(self);
    source_listed(&self->source, &roster);
    source_answered(&self->source, p->candidates.list, p->candidates.count);
}

/* --- how many there are to be --- */

static bool is_size_due(const struct kubernetes_source *self)
{
    uint64_t since = now_of(self) - self->size_asked_ms;
    if (!*self->pods.owner || !self->pods.lists_self)
        return false;
    if (!self->size_asked_ms)
        return true;
    if (self->size_denied)
        return since >= SIZE_DENIED_MS;
    return since >= (self->size != (int)self->pods.live ? SIZE_SOON_MS : SIZE_MS);
}

static void take_size(struct kubernetes_source *self, const struct http_answer *answer)
{
    unsigned replicas;
    if (kubernetes_replicas(answer->body, answer->size, &replicas, self->size_note, sizeof self->size_note))
        return;
    self->size = (int)replicas;
    self->size_note[0] = '\0';
}

static void ask_size(struct kubernetes_source *self);

/* Without a new answer what was known of the size stays. */
static void explain_size(struct kubernetes_source *self, const struct http_answer *answer)
{
    char text[SOURCE_TEXT_SIZE];
    self->size_denied = answer->status == 401 || answer->status == 403;
    if (self->size_denied) {
        snprintf(self->size_note, sizeof self->size_note,
                 "size unknown: the service account may not get the StatefulSet (%u); a Role needs apiGroups [apps], "
                 "resources [statefulsets], verbs [get]",
                 answer->status);
        self->size = -1;
        return;
    }
    explain_status(answer, text, sizeof text);
    snprintf(self->size_note, sizeof self->size_note, "StatefulSet %.63s: %.100s", self->pods.owner, text);
    if (answer->status == 404)
        self->size = -1;
}

/* Servers before 1.9 say so without a Status. */
static bool has_no_such_version(const struct http_answer *answer)
{
    struct kubernetes_status status;
    kubernetes_status_read(answer->body, answer->size, &status);
    return answer->status == 404 && !status.is_status;
}

static void on_size(void *arg, int err, const struct http_answer *answer, const char *why)
{
    struct kubernetes_source *self = self_of(arg);
    self->call = NULL;
    if (err) {
        snprintf(self->size_note, sizeof self->size_note, "StatefulSet %.63s: %.100s", self->pods.owner, why);
    } else if (answer->status == 200) {
        take_size(self, answer);
    } else if (!self->old_api && has_no_such_version(answer)) {
        self->old_api = true;
        ask_size(self);
        return;
    } else {
        explain_size(self, answer);
    }
    report(self);
}

static void ask_size(struct kubernetes_source *self)
{
    struct url url = {.len = 0};
    self->size_asked_ms = now_of(self);
    self->size_denied = false;
    put(&url, self->api);
    put(&url, self->old_api ? "/apis/apps/v1beta1/namespaces/" : "/apis/apps/v1/namespaces/");
    put_escaped(&url, self->space);
    put(&url, "/statefulsets/");
    put_escaped(&url, self->pods.owner);
    get(self, &url, PAGE_MAX, on_size);
}

/* --- the pods --- */

static void ask_page(struct kubernetes_source *self);

static void begin(struct kubernetes_source *self)
{
    kubernetes_pods_init(&self->pods);
    self->pages = 0;
    self->asked_ms = now_of(self);
    if (now_of(self) - self->shrunk_ms >= PAGE_SMALL_MS)
        self->page_pods = PAGE_PODS;
    ask_page(self);
}

/* The list is begun once more. False: too often. */
static bool restart(struct kubernetes_source *self)
{
    if (self->restarts++ == RESTARTS_MAX)
        return false;
    begin(self);
    return true;
}

static void take_page(struct kubernetes_source *self, const struct http_answer *answer)
{
    char why[SOURCE_TEXT_SIZE];
    struct kubernetes_pods *p = &self->pods;
    if (kubernetes_pods_add(p, answer->body, answer->size, &self->question, why, sizeof why)) {
        source_failed(&self->source, why);
        return;
    }
    self->pages++;
    if (*p->next && self->pages < PAGES_MAX) {
        ask_page(self);
        return;
    }
    p->whole = p->whole && !*p->next;
    if (is_size_due(self))
        ask_size(self);
    else
        report(self);
}

static void refuse(struct kubernetes_source *self, unsigned status)
{
    char why[SOURCE_TEXT_SIZE];
    if (status == 401)
        snprintf(why, sizeof why,
                 "the API does not accept the token in %.120s (401): is it of this Kubernetes, and not expired?",
                 self->token_file);
    else
        snprintf(why, sizeof why,
                 "the service account may not list pods in namespace %.63s (403): bind it to a Role with apiGroups "
                 "[\"\"], resources [pods], verbs [list] and apiGroups [apps], resources [statefulsets], verbs [get]",
                 self->space);
    source_refused(&self->source, why);
}

static void fail_page(struct kubernetes_source *self, const struct http_answer *answer)
{
    char why[SOURCE_TEXT_SIZE];
    explain_status(answer, why, sizeof why);
    source_failed(&self->source, why);
}

/* No token and no libcurl are refusals too: they last. */
static void fail_request(struct kubernetes_source *self, int err, const char *why)
{
    char text[SOURCE_TEXT_SIZE];
    if (err == E_TOO_LARGE && self->page_pods > 1) {
        self->page_pods /= PAGE_SHRINK;
        self->shrunk_ms = now_of(self);
        if (restart(self))
            return;
    }
    if (err == E_NOT_FOUND) {
        snprintf(text, sizeof text, "no service account is mounted in this pod, so the API cannot be asked: %.140s",
                 why);
        source_refused(&self->source, text);
    } else if (err == E_UNSUPPORTED) {
        source_refused(&self->source, why);
    } else {
        source_failed(&self->source, why);
    }
}

static void on_page(void *arg, int err, const struct http_answer *answer, const char *why)
{
    struct kubernetes_source *self = self_of(arg);
    self->call = NULL;
    if (err)
        fail_request(self, err, why);
    else if (answer->status == 200)
        take_page(self, answer);
    else if (answer->status == 401 || answer->status == 403)
        refuse(self, answer->status);
    /* The list has changed for too long since its first page. */
    else if (answer->status != 410 || !self->pages || !restart(self))
        fail_page(self, answer);
}

static void ask_page(struct kubernetes_source *self)
{
    struct url url = {.len = 0};
    char limit[16];
    snprintf(limit, sizeof limit, "%u", self->page_pods);
    put(&url, self->api);
    put(&url, "/api/v1/namespaces/");
    put_escaped(&url, self->space);
    put(&url, "/pods?labelSelector=");
    put_escaped(&url, self->selector);
    put(&url, "&limit=");
    put(&url, limit);
    if (*self->pods.next) {
        put(&url, "&continue=");
        put_escaped(&url, self->pods.next);
    }
    get(self, &url, self->page_pods > 1 ? PAGE_MAX : PAGE_MAX_ONE, on_page);
}

static void ask(struct source *s)
{
    struct kubernetes_source *self = (struct kubernetes_source *)s;
    self->restarts = 0;
    begin(self);
}

/* --- life --- */

static void destroy(struct source *s)
{
    struct kubernetes_source *self = (struct kubernetes_source *)s;
    if (self->call)
        s->home->http->ops->cancel(s->home->http, self->call);
    source_fini(s);
    for (size_t i = 0; i < sizeof self->texts / sizeof self->texts[0]; i++)
        free(self->texts[i]);
    free(self);
}

static const struct source_ops ops = {.ask = ask, .destroy = destroy};

/* False: no memory. */
static bool keep(char **place, const char *text, const char **out)
{
    *out = *place = strdup(text);
    return *place != NULL;
}

static bool keep_texts(struct kubernetes_source *self, const struct discovery_kubernetes *c)
{
    return keep(&self->texts[0], c->api, &self->api) && keep(&self->texts[1], c->space, &self->space) &&
           keep(&self->texts[2], c->selector, &self->selector) && keep(&self->texts[3], c->pod, &self->question.pod) &&
           keep(&self->texts[4], c->address, &self->question.address);
}

struct source *kubernetes_source_create(const struct source_home *home, const struct discovery_kubernetes *config,
                                        uint16_t epmd_port)
{
    ASSERT(home->http);
    struct kubernetes_source *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->question.epmd_port = epmd_port;
    self->page_pods = PAGE_PODS;
    self->size = -1;
    self->source.changes = self->source.api = true;
    self->source.interval_ms = INTERVAL_MS;
    snprintf(self->token_file, sizeof self->token_file, "%.200s/token", config->account);
    snprintf(self->root_file, sizeof self->root_file, "%.200s/ca.crt", config->account);
    snprintf(self->source.name, sizeof self->source.name, "Kubernetes' API, pods %.100s in %.63s", config->selector,
             config->space);
    source_init(&self->source, &ops, home);
    if (keep_texts(self, config))
        return &self->source;
    destroy(&self->source);
    return NULL;
}
