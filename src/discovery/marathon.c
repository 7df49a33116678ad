/* SPDX-License-Identifier: Apache-2.0 */
/* Marathon's API: the tasks of this node's app. It is asked at one URL after the other until one gives a usable answer,
 * which is asked first the next time. Hosts of tasks are addresses or names of agents; names are looked up, and the
 * answer counts when all of them have been. */
#include "discovery/marathon_app.h"
#include "discovery/marathon_names.h"
#include "discovery/source.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/list.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 5000 /* of one URL */
/* A task takes less than 1 KiB, so this is an app of some hundred. What is larger would hold up the loop: parsing
 * takes 6 ms of the processor for so many tasks, 20 ms for the worst that fits. */
#define BODY_MAX           ((size_t)256 * 1024)
#define HOST_ADDRESSES_MAX 4 /* of one agent: two families, and a second interface */

struct marathon_source;
struct round;

/* The addresses of one task's host. */
struct lookup {
    struct round *round;
    struct discovery_candidate found[HOST_ADDRESSES_MAX];
    size_t count;
};

/* One answer and the lookups that it needs. The resolver's answers come when they come, perhaps after the source has
 * gone. */
struct round {
    struct marathon_source *source; /* NULL: nobody wants to know any more */
    unsigned pending;
    struct marathon_app app;
    struct lookup lookup[MARATHON_TASKS_MAX]; /* of app.task */
};

struct marathon_source {
    struct source source; /* first: cast back */
    char *texts[5];       /* of the configuration: freed with the source */
    struct marathon_urls urls;
    char app_id[MARATHON_ID_SIZE];
    const char *task_id; /* empty: not known */
    const char *token_file, *user, *password_file, *root_file;
    uint16_t epmd_port;
    size_t current;         /* the URL that is asked, or that has answered last */
    size_t tried;           /* URLs of this question */
    uint64_t asked_ms;      /* the request to it */
    struct http_call *call; /* under way, or NULL */
    struct round *round;    /* under way, or NULL */
    char why[SOURCE_TEXT_SIZE];
};

/* --- why there is no answer --- */

static void add_why(struct marathon_source *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_why(struct marathon_source *self, const char *format, ...)
{
    size_t len = strlen(self->why);
    va_list args;
    va_start(args, format);
    vsnprintf(self->why + len, sizeof self->why - len, format, args);
    va_end(args);
}

static const char *current_url(const struct marathon_source *self)
{
    return self->urls.url[self->current];
}

static void ask_current(struct marathon_source *self);

/* What was asked at this URL has failed: the next, or that was all. */
static void give_up_url(struct marathon_source *self, const char *why)
{
    add_why(self, "%s%s: %s", *self->why ? "; " : "", current_url(self), why);
    self->tried++;
    self->current = (self->current + 1) % self->urls.count;
    if (self->tried < self->urls.count)
        ask_current(self);
    else
        source_failed(&self->source, self->why);
}

/* Words for an answer that is none of an app. */
static void explain_status(const struct marathon_source *self, const struct http_answer *answer, char *out, size_t size)
{
    char message[128];
    marathon_message(answer->body, answer->size, message, sizeof message);
    if (answer->status == 404)
        snprintf(out, size, "it knows no app %.64s (404): is it the Marathon that runs this task? (marathon-url)",
                 self->app_id);
    else if (answer->status == 401)
        snprintf(out, size,
                 "it wants to know who asks (401): set marathon-user and marathon-password-file, or "
                 "marathon-token-file");
    else if (answer->status == 403)
        snprintf(out, size, "it does not let this user see the app (403)");
    else
        snprintf(out, size, "it answered with HTTP status %u%s%s", answer->status, *message ? ": " : "", message);
}

static void explain_failure(const struct marathon_source *self, int err, const char *why, char *out, size_t size)
{
    if (err == E_TLS && !self->root_file)
        snprintf(out, size, "%.180s; if its root is your own, set marathon-root-ca-file", why);
    else
        snprintf(out, size, "%s", why);
}

/* --- from tasks to candidates --- */

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

struct found {
    struct discovery_candidate list[DISCOVERY_CANDIDATES_MAX];
    size_t count;
};

static void add(struct found *f, const struct lookup *l)
{
    for (size_t i = 0; i < l->count && f->count < DISCOVERY_CANDIDATES_MAX; i++)
        f->list[f->count++] = l->found[i];
}

/* This node knows where it is itself. */
static const char *first_without_address(const struct round *r)
{
    for (size_t i = 0; i < r->app.count; i++)
        if (!r->lookup[i].count && !r->app.task[i].is_self)
            return *r->app.task[i].host ? r->app.task[i].host : "a task without a usable host";
    return NULL;
}

/* What the answer says as a whole. */
static void describe(struct marathon_source *self, const struct round *r)
{
    const struct marathon_app *app = &r->app;
    const char *nowhere = first_without_address(r);
    struct source *s = &self->source;
    snprintf(s->note, sizeof s->note, "%u of %u instances run, %u tasks, says %.128s", app->running, app->instances,
             app->tasks, current_url(self));
    s->problem[0] = '\0';
    if (!app->lists_self)
        snprintf(s->problem, sizeof s->problem,
                 "the app %.64s does not list this task (%.64s): the answer is old, or this task belongs to another "
                 "Marathon",
                 self->app_id, self->task_id);
    else if (nowhere)
        snprintf(s->problem, sizeof s->problem, "no address was found for %.128s, where a task is", nowhere);
    s->size = (int)app->instances;
    s->stated = app->instances > app->tasks ? app->instances : app->tasks;
    /* N may not fall by an answer that does not know this task: it is old, or somebody else's. */
    s->authoritative = app->lists_self;
}

static void report(struct marathon_source *self, const struct round *r)
{
    struct found running = {.count = 0}, all = {.count = 0};
    bool lists_self = false;
    for (size_t i = 0; i < r->app.count; i++) {
        lists_self |= r->app.task[i].is_self;
        add(&all, &r->lookup[i]);
        if (r->app.task[i].runs)
            add(&running, &r->lookup[i]);
    }
    const struct discovery_roster roster = {.places = all.list,
                                            .count = all.count,
                                            .asked_ms = self->asked_ms,
                                            .lists_self = lists_self,
                                            .whole = r->app.lists_self && r->app.count == r->app.tasks &&
                                                     all.count < DISCOVERY_CANDIDATES_MAX && !first_without_address(r)};
    describe(self, r);
    source_listed(&self->source, &roster);
    source_answered(&self->source, running.list, running.count);
}

/* --- hosts --- */

/* A name that stands for loopback is some machine's name for itself: no other finds it there. */
static void take_address(struct lookup *l, const struct marathon_task *t, const char *address)
{
    struct discovery_candidate *c = &l->found[l->count];
    if (l->count == HOST_ADDRESSES_MAX || peer_address(address, c->address) ||
        (!t->is_address && is_loopback(c->address)))
        return;
    c->epmd_port = t->port;
    l->count++;
}

static void finish(struct round *r)
{
    struct marathon_source *self = r->source;
    if (--r->pending)
        return;
    if (self) {
        self->round = NULL;
        report(self, r);
    }
    free(r);
}

static void on_resolved(void *arg, int err, const struct resolved *found, size_t count)
{
    struct lookup *l = arg;
    struct round *r = l->round;
    const struct marathon_task *t = &r->app.task[l - r->lookup];
    for (size_t i = 0; !err && i < count; i++)
        take_address(l, t, found[i].address);
    finish(r);
}

static void look_up(struct round *r, size_t i)
{
    struct resolver *resolver = r->source->source.home->resolver;
    const struct marathon_task *t = &r->app.task[i];
    struct lookup *l = &r->lookup[i];
    l->round = r;
    if (t->is_address)
        take_address(l, t, t->host);
    else if (*t->host && resolver && resolver->ops->resolve(resolver, RESOLVE_ADDRESS, t->host, on_resolved, l) == 0)
        r->pending++;
}

static void look_up_all(struct marathon_source *self, struct round *r)
{
    self->round = r;
    r->source = self;
    r->pending = 1; /* this call */
    for (size_t i = 0; i < r->app.count; i++)
        look_up(r, i);
    finish(r);
}

/* --- the API --- */

static void take_app(struct marathon_source *self, const struct http_answer *answer)
{
    const struct marathon_question q = {.app_id = self->app_id, .task_id = self->task_id, .epmd_port = self->epmd_port};
    char why[SOURCE_TEXT_SIZE];
    struct round *r = calloc(1, sizeof *r);
    if (!r)
        give_up_url(self, err_text(E_NOMEM));
    else if (marathon_app_read(&r->app, answer->body, answer->size, &q, why, sizeof why)) {
        free(r);
        give_up_url(self, why);
    } else {
        look_up_all(self, r);
    }
}

static void on_answer(void *arg, int err, const struct http_answer *answer, const char *why)
{
    struct marathon_source *self = arg;
    char text[SOURCE_TEXT_SIZE];
    self->call = NULL;
    if (err) {
        explain_failure(self, err, why, text, sizeof text);
        give_up_url(self, text);
    } else if (answer->status == 200) {
        take_app(self, answer);
    } else {
        explain_status(self, answer, text, sizeof text);
        give_up_url(self, text);
    }
}

static void ask_current(struct marathon_source *self)
{
    char url[MARATHON_URL_SIZE + MARATHON_ID_SIZE + 64];
    struct http *h = self->source.home->http;
    snprintf(url, sizeof url, "%s/v2/apps%s?embed=app.tasks", current_url(self), self->app_id);
    const struct http_request request = {.url = url,
                                         .accept = "application/json",
                                         .token_file = self->token_file,
                                         .user = self->user,
                                         .password_file = self->password_file,
                                         .root_file = self->root_file,
                                         .timeout_ms = TIMEOUT_MS,
                                         .body_max = BODY_MAX};
    self->asked_ms = clock_boot_ms(self->source.home->clock);
    int err = h->ops->get(h, &request, on_answer, self, &self->call);
    if (err)
        give_up_url(self, err_text(err));
}

static void ask(struct source *s)
{
    struct marathon_source *self = (struct marathon_source *)s;
    self->tried = 0;
    self->why[0] = '\0';
    ask_current(self);
}

/* --- life --- */

static void destroy(struct source *s)
{
    struct marathon_source *self = (struct marathon_source *)s;
    if (self->call)
        s->home->http->ops->cancel(s->home->http, self->call);
    if (self->round)
        self->round->source = NULL;
    source_fini(s);
    for (size_t i = 0; i < sizeof self->texts / sizeof self->texts[0]; i++)
        free(self->texts[i]);
    free(self);
}

static const struct source_ops ops = {.ask = ask, .destroy = destroy};

/* False: no memory. */
static bool keep(char **place, const char *text, const char **out)
{
    *out = NULL;
    if (!text)
        return true;
    *out = *place = strdup(text);
    return *place != NULL;
}

static bool keep_texts(struct marathon_source *self, const struct discovery_marathon *c)
{
    return keep(&self->texts[0], c->task_id ? c->task_id : "", &self->task_id) &&
           keep(&self->texts[1], c->token_file, &self->token_file) && keep(&self->texts[2], c->user, &self->user) &&
           keep(&self->texts[3], c->password_file, &self->password_file) &&
           keep(&self->texts[4], c->root_file, &self->root_file);
}

struct source *marathon_source_create(const struct source_home *home, const struct discovery_marathon *config,
                                      uint16_t epmd_port)
{
    char why[128];
    ASSERT(home->http);
    struct marathon_source *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    int bad_urls =
        marathon_urls_parse(config->urls ? config->urls : MARATHON_DEFAULT_URLS, &self->urls, why, sizeof why);
    int bad_id = marathon_id(config->app_id, self->app_id);
    ASSERT(!bad_urls && !bad_id); /* the configuration was checked */
    self->epmd_port = epmd_port;
    self->source.changes = self->source.api = true;
    snprintf(self->source.name, sizeof self->source.name, "Marathon's API, app %s", self->app_id);
    source_init(&self->source, &ops, home);
    if (keep_texts(self, config))
        return &self->source;
    destroy(&self->source);
    return NULL;
}
