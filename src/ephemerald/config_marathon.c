/* SPDX-License-Identifier: Apache-2.0 */
/* What Marathon says to its tasks, and how its API is asked. */
#include "discovery/marathon_names.h"
#include "ephemerald/reading.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* NULL where the variable is not set, or empty. */
static const char *variable(const char *name)
{
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

static int copy_option(const struct reading *r, const char *name, char **out)
{
    const char *text = reading_text(r, name);
    return text ? reading_copy(r, text, out) : 0;
}

static int copy_file_name(const struct reading *r, const char *name, char **out)
{
    const char *file = reading_text(r, name);
    if (!file)
        return 0;
    if (access(file, R_OK))
        return reading_fail(r, EX_NOINPUT, "%s: the file '%.200s' cannot be read", reading_origin(r, name), file);
    return reading_copy(r, file, out);
}

/* Without its own app's id a node does not know what to ask for: it has its list of peers, or cannot start. */
static int read_app(const struct reading *r)
{
    struct config_marathon *m = &r->c->marathon;
    const char *app = variable("MARATHON_APP_ID"), *task = variable("MESOS_TASK_ID");
    char id[MARATHON_ID_SIZE];
    if (!app)
        return 0;
    if (marathon_id(app, id))
        return reading_fail(r, EX_CONFIG,
                            "environment variable MARATHON_APP_ID: '%.64s' is not an app's id: Marathon sets it to one "
                            "like /ephemeral-store",
                            app);
    int status = reading_copy(r, id, &m->app_id);
    return status || !task ? status : reading_copy(r, task, &m->task_id);
}

static int read_urls(const struct reading *r)
{
    const char *text = reading_text(r, "marathon-url");
    struct marathon_urls urls;
    if (!text)
        return 0;
    if (marathon_urls_parse(text, &urls, r->why, r->why_size))
        return reading_fail_at(r, EX_CONFIG, "marathon-url");
    return reading_copy(r, text, &r->c->marathon.urls);
}

static int read_files(const struct reading *r)
{
    struct config_marathon *m = &r->c->marathon;
    int status = copy_file_name(r, "marathon-password-file", &m->password_file);
    if (!status)
        status = copy_file_name(r, "marathon-token-file", &m->token_file);
    return status ? status : copy_file_name(r, "marathon-root-ca-file", &m->root_ca_file);
}

static int check_identity(const struct reading *r)
{
    const struct config_marathon *m = &r->c->marathon;
    if (!m->user != !m->password_file)
        return reading_fail(r, EX_CONFIG, "marathon-user and marathon-password-file belong together: %s is not given",
                            m->user ? "marathon-password-file" : "marathon-user");
    if (m->user && m->token_file)
        return reading_fail(r, EX_CONFIG,
                            "marathon-user and marathon-token-file are both given: a request carries only one of them");
    return 0;
}

int config_read_marathon(const struct reading *r)
{
    if (r->c->orchestration != ORCHESTRATION_MARATHON)
        return 0;
    int status = read_app(r);
    if (!status)
        status = read_urls(r);
    if (!status)
        status = copy_option(r, "marathon-user", &r->c->marathon.user);
    if (!status)
        status = read_files(r);
    return status ? status : check_identity(r);
}

void config_log_marathon(const struct config *c, const struct log *log)
{
    const struct config_marathon *m = &c->marathon;
    if (c->orchestration != ORCHESTRATION_MARATHON)
        return;
    if (m->app_id)
        log_info(log, "config", "Marathon's API is asked for the app %s at %.300s%s", m->app_id,
                 m->urls ? m->urls : MARATHON_DEFAULT_URLS,
                 m->user         ? ", with a user and password"
                 : m->token_file ? ", with a token"
                                 : "");
    else
        log_warn(
            log, "config",
            "orchestration is marathon, but the environment variable MARATHON_APP_ID is not set: Marathon's API is "
            "not asked, and only the list of peers says where the other nodes are");
}

void config_marathon_fini(struct config_marathon *m)
{
    char *const texts[] = {m->app_id, m->task_id, m->urls, m->user, m->password_file, m->token_file, m->root_ca_file};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    *m = (struct config_marathon){0};
}
