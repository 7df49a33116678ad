/* SPDX-License-Identifier: Apache-2.0 */
/* Marathon's answer about an app, and the names that it gives: whatever is read can be used. */
#include "fuzz.h"
#include "base/err.h"
#include "discovery/marathon_app.h"
#include "discovery/marathon_names.h"

#include <stdlib.h>

#define WHY_SIZE 256

static const struct marathon_question question = {.app_id = "/s", .task_id = "s.1", .epmd_port = 4369};

static void check_task(const struct marathon_task *t)
{
    char address[46];
    ASSERT(t->port != 0);
    if (t->is_address)
        ASSERT(peer_address(t->host, address) == 0 && strcmp(address, t->host) == 0);
    else
        ASSERT(!*t->host || peer_is_name(t->host));
}

static void read_app(const char *body, size_t size)
{
    static struct marathon_app app; /* 70 KB */
    char why[WHY_SIZE] = "", message[32];
    unsigned running = 0, selves = 0;
    int err = marathon_app_read(&app, body, size, &question, why, sizeof why);
    ASSERT(err == 0 || err == E_MALFORMED || err == E_INVALID || err == E_MISMATCH);
    ASSERT((err != 0) == (*why != '\0') && strlen(why) < sizeof why);
    marathon_message(body, size, message, sizeof message);
    ASSERT(strlen(message) < sizeof message);
    if (err)
        return;
    ASSERT(app.count <= MARATHON_TASKS_MAX && app.count <= app.tasks && app.instances <= MARATHON_INSTANCES_MAX);
    for (size_t i = 0; i < app.count; i++) {
        check_task(&app.task[i]);
        running += app.task[i].runs;
        selves += app.task[i].is_self;
    }
    ASSERT(app.running >= running && app.running <= app.tasks && (app.lists_self || selves == 0));
}

static void read_names(const char *text)
{
    char why[WHY_SIZE] = "", id[MARATHON_ID_SIZE], again[MARATHON_ID_SIZE], label[MARATHON_LABEL_SIZE];
    struct marathon_urls urls;
    int err = marathon_urls_parse(text, &urls, why, sizeof why);
    ASSERT(err ? *why != '\0' : urls.count >= 1 && urls.count <= MARATHON_URLS_MAX);
    for (size_t i = 0; !err && i < urls.count; i++)
        ASSERT(strlen(urls.url[i]) < MARATHON_URL_SIZE && strstr(urls.url[i], "://"));
    if (marathon_id(text, id))
        return;
    ASSERT(marathon_id(id, again) == 0 && strcmp(id, again) == 0);
    marathon_label(id, label);
    ASSERT(strlen(label) < sizeof label && !strpbrk(label, "/."));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    ASSERT(text);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    read_app(text, size);
    read_names(text);
    free(text);
    return 0;
}
