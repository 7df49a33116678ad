/* SPDX-License-Identifier: Apache-2.0 */
#include "discovery/marathon_app.h"

#include "base/err.h"
#include "discovery/marathon_names.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PORT_NAME "epmd"

struct reader {
    const struct marathon_question *question;
    int position; /* of the control plane's port among a task's ports; -1: not known */
    char *why;
    size_t why_size;
};

static int fail(const struct reader *r, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int fail(const struct reader *r, int err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->why, r->why_size, format, args);
    va_end(args);
    return err;
}

/* NULL: it is no text. */
static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* 0: it is no port. */
static uint16_t port_of(const json_t *value)
{
    json_int_t n = json_integer_value(value);
    return n >= 1 && n <= UINT16_MAX ? (uint16_t)n : 0;
}

/* --- which of a task's ports --- */

static int position_by_name(const json_t *definitions)
{
    size_t i;
    json_t *one;
    json_array_foreach(definitions, i, one)
    {
        const char *name = text_of(one, "name");
        if (name && strcmp(name, PORT_NAME) == 0)
            return (int)i;
    }
    return -1;
}

static int position_by_number(const json_t *ports, uint16_t number)
{
    size_t i;
    json_t *one;
    json_array_foreach(ports, i, one)
    {
        const json_t *port = json_is_object(one) ? json_object_get(one, "port") : one;
        if (port_of(port) == number)
            return (int)i;
    }
    return -1;
}

/* Marathon writes the ports of HOST networking to portDefinitions, in older versions to `ports` alone; those of other
 * networks to the container. A task's ports stand in the same order. */
static int find_position(const json_t *app, uint16_t number)
{
    const json_t *container = json_object_get(app, "container");
    const json_t *docker = json_object_get(container, "docker");
    const json_t *definitions = json_object_get(app, "portDefinitions");
    int position = position_by_name(definitions);
    if (position < 0)
        position = position_by_name(json_object_get(container, "portMappings"));
    if (position < 0)
        position = position_by_name(json_object_get(docker, "portMappings"));
    if (position < 0)
        position = position_by_number(definitions, number);
    if (position < 0)
        position = position_by_number(json_object_get(app, "ports"), number);
    return position;
}

static uint16_t find_port(const struct reader *r, const json_t *task)
{
    const json_t *ports = json_object_get(task, "ports");
    uint16_t port = r->position < 0 ? 0 : port_of(json_array_get(ports, (size_t)r->position));
    return port ? port : r->question->epmd_port;
}

/* --- a task --- */

/* Old versions of Marathon say no state: a task that has started has the time of it. */
static bool does_run(const json_t *task)
{
    const json_t *state = json_object_get(task, "state"), *started = json_object_get(task, "startedAt");
    if (state)
        return json_is_string(state) && strcmp(json_string_value(state), "TASK_RUNNING") == 0;
    return !started || json_is_string(started);
}

static void read_host(struct marathon_task *t, const char *host)
{
    if (!host)
        return;
    t->is_address = peer_address(host, t->host) == 0;
    if (t->is_address)
        return;
    t->host[0] = '\0';
    if (peer_is_name(host))
        snprintf(t->host, sizeof t->host, "%s", host);
}

static void read_task(const struct reader *r, struct marathon_task *out, const json_t *task)
{
    const char *id = text_of(task, "id");
    *out = (struct marathon_task){.runs = json_is_object(task) && does_run(task),
                                  .is_self = id && *r->question->task_id && strcmp(id, r->question->task_id) == 0,
                                  .port = find_port(r, task)};
    read_host(out, text_of(task, "host"));
}

static void add_task(const struct reader *r, struct marathon_app *out, const json_t *task)
{
    struct marathon_task one;
    read_task(r, &one, task);
    out->running += one.runs;
    out->lists_self |= one.is_self;
    if (out->count < MARATHON_TASKS_MAX)
        out->task[out->count++] = one;
}

/* --- the answer --- */

static int read_instances(const struct reader *r, struct marathon_app *out, const json_t *app)
{
    const json_t *instances = json_object_get(app, "instances");
    json_int_t n = json_integer_value(instances);
    if (!json_is_integer(instances) || n < 0 || n > MARATHON_INSTANCES_MAX)
        return fail(r, E_INVALID, "its answer has no usable number in app.instances");
    out->instances = (unsigned)n;
    return 0;
}

static int check_id(const struct reader *r, const json_t *app)
{
    char found[MARATHON_ID_SIZE];
    const char *id = text_of(app, "id");
    if (!id)
        return fail(r, E_INVALID, "its answer is not about an app: it has no app.id");
    if (marathon_id(id, found) || strcmp(found, r->question->app_id) != 0)
        return fail(r, E_MISMATCH, "its answer is about the app %.64s, but this task belongs to %.64s", id,
                    r->question->app_id);
    return 0;
}

static int read_app(struct reader *r, struct marathon_app *out, const json_t *app)
{
    const json_t *tasks = json_object_get(app, "tasks");
    size_t i;
    json_t *task;
    int err = check_id(r, app);
    if (!err)
        err = read_instances(r, out, app);
    if (err)
        return err;
    if (!json_is_array(tasks) || json_array_size(tasks) > MARATHON_INSTANCES_MAX)
        return fail(r, E_INVALID, "its answer has no usable list in app.tasks");
    r->position = find_position(app, r->question->epmd_port);
    out->tasks = (unsigned)json_array_size(tasks);
    json_array_foreach(tasks, i, task)
    {
        add_task(r, out, task);
    }
    return 0;
}

int marathon_app_read(struct marathon_app *out, const char *body, size_t size, const struct marathon_question *q,
                      char *why, size_t why_size)
{
    struct reader r = {.question = q, .position = -1, .why = why, .why_size = why_size};
    json_error_t e; /* its text may quote the answer, which holds the app's environment and so its secrets */
    json_t *answer = json_loadb(body, size, 0, &e);
    memset(out, 0, sizeof *out);
    out->lists_self = !*q->task_id;
    if (!answer)
        return fail(&r, E_MALFORMED, "its answer is not JSON (line %d, column %d)", e.line, e.column);
    int err = read_app(&r, out, json_object_get(answer, "app"));
    json_decref(answer);
    return err;
}

void marathon_message(const char *body, size_t size, char *out, size_t out_size)
{
    json_t *answer = json_loadb(body, size, 0, NULL);
    const char *message = text_of(answer, "message");
    snprintf(out, out_size, "%s", message ? message : "");
    json_decref(answer);
}
