/* SPDX-License-Identifier: Apache-2.0 */
#include "discovery/kubernetes_answer.h"

#include "base/err.h"
#include "discovery/peers.h"

#include <ctype.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct reader {
    struct kubernetes_pods *pods;
    const struct kubernetes_question *question;
};

#define POD_PLACES_MAX 8 /* an address of each family, and room */

struct pod {
    char name[KUBERNETES_NAME_SIZE];
    char owner[KUBERNETES_NAME_SIZE];
    struct discovery_candidate place[POD_PLACES_MAX];
    size_t place_count;
    bool odd; /* something about its addresses was not understood */
    bool terminating, ended, never_ran;
};

static int fail(int err, char *why, size_t why_size, const char *format, ...) __attribute__((format(printf, 4, 5)));
static int fail(int err, char *why, size_t why_size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, why_size, format, args);
    va_end(args);
    return err;
}

/* NULL: it is no text. */
static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static bool text_is(const json_t *object, const char *name, const char *wanted)
{
    const char *text = text_of(object, name);
    return text && strcmp(text, wanted) == 0;
}

/* Also empty: the API leaves out what is not set, other writers may not. */
static bool has_text(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return value && !json_is_null(value) && json_string_length(value) != 0;
}

static bool is_set(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return value && !json_is_null(value);
}

static void copy_name(char out[KUBERNETES_NAME_SIZE], const char *name)
{
    bool fits = name && strlen(name) < KUBERNETES_NAME_SIZE;
    snprintf(out, KUBERNETES_NAME_SIZE, "%s", fits ? name : "");
}

/* --- the places of a pod --- */

static bool has_place(const struct pod *pod, const char *address)
{
    for (size_t i = 0; i < pod->place_count; i++)
        if (strcmp(pod->place[i].address, address) == 0)
            return true;
    return false;
}

static void add_place(struct pod *pod, const json_t *value, uint16_t port)
{
    const char *text = json_string_value(value);
    char address[46];
    bool good = text && peer_address(text, address) == 0;
    if (good && has_place(pod, address))
        return;
    if (!good || pod->place_count == POD_PLACES_MAX) {
        pod->odd = true;
        return;
    }
    struct discovery_candidate *c = &pod->place[pod->place_count++];
    c->epmd_port = port;
    memcpy(c->address, address, sizeof address);
}

/* podIPs has those of both families, podIP the first of them; old servers know podIP alone. */
static void read_places(const struct reader *r, struct pod *pod, const json_t *status)
{
    const json_t *many = json_object_get(status, "podIPs");
    size_t i;
    json_t *one;
    if (has_text(status, "podIP"))
        add_place(pod, json_object_get(status, "podIP"), r->question->epmd_port);
    else
        pod->odd |= is_set(status, "podIP") && !json_is_string(json_object_get(status, "podIP"));
    pod->odd |= is_set(status, "podIPs") && !json_is_array(many);
    json_array_foreach(many, i, one)
    {
        add_place(pod, json_object_get(one, "ip"), r->question->epmd_port);
    }
}

static void append(struct kubernetes_places *to, const struct pod *pod)
{
    for (size_t i = 0; i < pod->place_count && to->count < DISCOVERY_CANDIDATES_MAX; i++)
        to->list[to->count++] = pod->place[i];
}

/* --- a pod --- */

static void read_owner(struct pod *pod, const json_t *metadata)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(metadata, "ownerReferences"), i, one)
    {
        if (text_is(one, "kind", "StatefulSet") && json_is_true(json_object_get(one, "controller")))
            copy_name(pod->owner, text_of(one, "name"));
    }
}

/* Bound to no machine yet: no kubelet can have started it, however late that one reports. */
static bool never_ran(const json_t *spec, const json_t *status)
{
    return json_is_object(spec) && text_is(status, "phase", "Pending") && !has_text(spec, "nodeName") &&
           !has_text(status, "hostIP");
}

static void read_pod(const struct reader *r, struct pod *pod, const json_t *item)
{
    const json_t *metadata = json_object_get(item, "metadata"), *status = json_object_get(item, "status");
    copy_name(pod->name, text_of(metadata, "name"));
    read_owner(pod, metadata);
    read_places(r, pod, status);
    pod->terminating = is_set(metadata, "deletionTimestamp");
    pod->ended = text_is(status, "phase", "Succeeded") || text_is(status, "phase", "Failed");
    pod->never_ran = never_ran(json_object_get(item, "spec"), status);
}

static bool is_self(const struct reader *r, const struct pod *pod)
{
    const struct kubernetes_question *q = r->question;
    return (*q->pod && strcmp(pod->name, q->pod) == 0) || (*q->address && has_place(pod, q->address));
}

/* One whose address is not known may be anybody, unless it has never run. */
static bool may_be_anybody(const struct pod *pod)
{
    return pod->odd || (!pod->place_count && !pod->never_ran);
}

static void add_pod(const struct reader *r, const json_t *item)
{
    struct kubernetes_pods *p = r->pods;
    struct pod pod = {.odd = !json_is_object(item)};
    read_pod(r, &pod, item);
    bool self = is_self(r, &pod), live = !pod.terminating && !pod.ended;
    p->pods++;
    p->live += live;
    p->terminating += pod.terminating;
    p->lists_self |= self;
    if (*pod.owner && (self || !*p->owner))
        memcpy(p->owner, pod.owner, sizeof p->owner);
    if (may_be_anybody(&pod) || p->all.count + pod.place_count > DISCOVERY_CANDIDATES_MAX) {
        p->whole = false;
        snprintf(p->nowhere, sizeof p->nowhere, "%s", *pod.name ? pod.name : "without a name");
    }
    append(&p->all, &pod);
    if (live)
        append(&p->candidates, &pod);
}

/* --- a page --- */

void kubernetes_pods_init(struct kubernetes_pods *p)
{
    memset(p, 0, sizeof *p);
    p->whole = true;
}

static int read_next(struct kubernetes_pods *p, const json_t *metadata, char *why, size_t why_size)
{
    const json_t *next = json_object_get(metadata, "continue");
    p->next[0] = '\0';
    if (!next || json_is_null(next))
        return 0;
    const char *text = json_string_value(next);
    if (!text || json_string_length(next) >= sizeof p->next || strlen(text) != json_string_length(next))
        return fail(E_INVALID, why, why_size, "its list has no usable metadata.continue");
    snprintf(p->next, sizeof p->next, "%s", text);
    return 0;
}

static int read_page(const struct reader *r, const json_t *page, char *why, size_t why_size)
{
    const json_t *items = json_object_get(page, "items");
    size_t i;
    json_t *item;
    if (!text_is(page, "kind", "PodList") || !text_is(page, "apiVersion", "v1"))
        return fail(E_INVALID, why, why_size, "its answer is not a list of pods (kind PodList, apiVersion v1)");
    /* A list without pods may come as null. */
    if (!json_is_array(items) && !json_is_null(items))
        return fail(E_INVALID, why, why_size, "its list of pods has no usable items");
    int err = read_next(r->pods, json_object_get(page, "metadata"), why, why_size);
    json_array_foreach(items, i, item)
    {
        if (!err)
            add_pod(r, item);
    }
    return err;
}

/* The parser's own words may quote the answer. */
static json_t *load(const char *body, size_t size, char *why, size_t why_size)
{
    json_error_t e;
    json_t *answer = json_loadb(body, size, 0, &e);
    if (!answer)
        fail(E_MALFORMED, why, why_size, "its answer is not JSON (line %d, column %d)", e.line, e.column);
    return answer;
}

int kubernetes_pods_add(struct kubernetes_pods *p, const char *body, size_t size, const struct kubernetes_question *q,
                        char *why, size_t why_size)
{
    const struct reader r = {.pods = p, .question = q};
    json_t *page = load(body, size, why, why_size);
    if (!page)
        return E_MALFORMED;
    int err = read_page(&r, page, why, why_size);
    json_decref(page);
    return err;
}

/* --- the others --- */

int kubernetes_replicas(const char *body, size_t size, unsigned *replicas, char *why, size_t why_size)
{
    json_t *answer = load(body, size, why, why_size);
    if (!answer)
        return E_MALFORMED;
    const json_t *value = json_object_get(json_object_get(answer, "spec"), "replicas");
    json_int_t n = json_integer_value(value);
    bool good =
        text_is(answer, "kind", "StatefulSet") && json_is_integer(value) && n >= 0 && n <= KUBERNETES_REPLICAS_MAX;
    json_decref(answer);
    if (!good)
        return fail(E_INVALID, why, why_size, "its answer has no usable spec.replicas of a StatefulSet");
    *replicas = (unsigned)n;
    return 0;
}

void kubernetes_status_read(const char *body, size_t size, struct kubernetes_status *out)
{
    json_t *answer = json_loadb(body, size, 0, NULL);
    const char *message = text_of(answer, "message");
    *out = (struct kubernetes_status){.is_status = text_is(answer, "kind", "Status")};
    if (out->is_status && message)
        snprintf(out->message, sizeof out->message, "%s", message);
    json_decref(answer);
    for (char *p = out->message; *p; p++)
        if (!isprint((unsigned char)*p))
            *p = '?';
}
