/* SPDX-License-Identifier: Apache-2.0 */
/* What Kubernetes says to its pods, and how its API and its DNS are asked. */
#include "discovery/peers.h"
#include "ephemerald/reading.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define DEFAULT_API  "https://kubernetes.default.svc"
#define DEFAULT_PORT "443"
#define TEXT_MAX     255 /* bytes of each of these */
#define LABEL_MAX    63

/* NULL where the variable is not set, or empty. */
static const char *variable(const char *name)
{
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

/* NULL where the option is not given, or empty. */
static const char *option(const struct reading *r, const char *name)
{
    const char *text = reading_text(r, name);
    return text && *text ? text : NULL;
}

/* --- the API --- */

/* NULL: it is good. */
static const char *judge_url(const char *url)
{
    const char *host = strncmp(url, "https://", 8) == 0 ? url + 8 : strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
    size_t len = strlen(url);
    if (!host || !*host || *host == '/')
        return "it is not one of http or https";
    for (const char *p = url; *p; p++)
        if (!isgraph((unsigned char)*p) || strchr("@?#", *p))
            return "it has a blank, @, ? or #, or a byte that is not ASCII";
    return url[len - 1] == '/' ? "it ends with a slash" : len > TEXT_MAX ? "it is longer than 255 bytes" : NULL;
}

static int read_api(const struct reading *r)
{
    struct config_kubernetes *k = &r->c->kubernetes;
    const char *given = option(r, "kubernetes-api"), *host = variable("KUBERNETES_SERVICE_HOST");
    const char *port = variable("KUBERNETES_SERVICE_PORT");
    char url[TEXT_MAX + 2];
    if (given)
        snprintf(url, sizeof url, "%s", given);
    else if (host)
        snprintf(url, sizeof url, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host,
                 port ? port : DEFAULT_PORT);
    else
        snprintf(url, sizeof url, "%s", DEFAULT_API);
    const char *wrong = judge_url(url);
    if (wrong)
        return reading_fail(r, EX_CONFIG,
                            "%s: '%.100s' is no URL of the Kubernetes API: %s; give one like "
                            "https://10.96.0.1:443",
                            given ? reading_origin(r, "kubernetes-api")
                                  : "environment variables KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT",
                            url, wrong);
    return reading_copy(r, url, &k->api);
}

static int read_account(const struct reading *r)
{
    const char *folder = reading_text(r, "kubernetes-account");
    if (strlen(folder) > 200)
        return reading_fail(r, EX_CONFIG, "%s: the name of the folder is longer than 200 bytes",
                            reading_origin(r, "kubernetes-account"));
    return reading_copy(r, folder, &r->c->kubernetes.account);
}

/* --- the namespace --- */

static bool is_label(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-')
            return false;
    return len > 0 && len <= LABEL_MAX;
}

/* Empty: there is no such file. */
static void read_mounted(const char *folder, const char *name, char out[LABEL_MAX + 2])
{
    char path[TEXT_MAX + 1];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "re");
    size_t len = f ? fread(out, 1, LABEL_MAX + 1, f) : 0;
    if (f)
        fclose(f);
    out[len] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
}

/* It may be unknown: then only the name of the service can be asked, which is of this pod's own. */
static int read_space(const struct reading *r)
{
    struct config_kubernetes *k = &r->c->kubernetes;
    const char *given = option(r, "kubernetes-namespace");
    char mounted[LABEL_MAX + 2];
    read_mounted(k->account, "namespace", mounted);
    if (given && !is_label(given))
        return reading_fail(r, EX_CONFIG, "%s: '%.64s' is no name of a namespace: give 1 to %d letters, digits or -",
                            reading_origin(r, "kubernetes-namespace"), given, LABEL_MAX);
    if (!given && !is_label(mounted))
        return 0;
    return reading_copy(r, given ? given : mounted, &k->space);
}

/* --- the pods --- */

/* F5's manifests give the value of the label `name` alone. */
static int read_selector(const struct reading *r)
{
    const char *given = option(r, "pod-label-selector");
    const char *text = given ? given : reading_text(r, "cluster-name");
    char selector[TEXT_MAX + 8];
    for (const char *p = text; *p; p++)
        if (!isprint((unsigned char)*p))
            return reading_fail(r, EX_CONFIG, "%s: it has a character that no selector has",
                                reading_origin(r, "pod-label-selector"));
    if (strlen(text) > TEXT_MAX)
        return reading_fail(r, EX_CONFIG, "%s: it is longer than %d bytes", reading_origin(r, "pod-label-selector"),
                            TEXT_MAX);
    snprintf(selector, sizeof selector, "%s%s", strpbrk(text, "=!,() ") ? "" : "name=", text);
    return reading_copy(r, selector, &r->c->kubernetes.selector);
}

static int read_pod(const struct reading *r)
{
    const char *name = variable("POD_NAME");
    if (!name)
        name = variable("HOSTNAME");
    return reading_copy(r, name ? name : r->c->host_name, &r->c->kubernetes.pod);
}

static int read_service(const struct reading *r)
{
    struct config_kubernetes *k = &r->c->kubernetes;
    const char *given = option(r, "info-service");
    char name[2 * TEXT_MAX];
    if (!given)
        return 0;
    if (!peer_is_name(given) || strlen(given) > TEXT_MAX - LABEL_MAX - 5)
        return reading_fail(r, EX_CONFIG, "%s: '%.64s' is no name of a service: give one like ephemeral-store-info",
                            reading_origin(r, "info-service"), given);
    if (strchr(given, '.') || !k->space)
        return reading_copy(r, given, &k->service);
    snprintf(name, sizeof name, "%s.%s.svc", given, k->space);
    return reading_copy(r, name, &k->service);
}

/* --- all of it --- */

int config_read_kubernetes(const struct reading *r)
{
    static int (*const steps[])(const struct reading *r) = {read_account,  read_space, read_api,
                                                            read_selector, read_pod,   read_service};
    int status = 0;
    if (r->c->orchestration != ORCHESTRATION_KUBERNETES)
        return 0;
    for (size_t i = 0; !status && i < sizeof steps / sizeof steps[0]; i++)
        status = steps[i](r);
    return status;
}

bool config_asks_kubernetes(const struct config *c)
{
    return c->kubernetes.space || c->kubernetes.service;
}

static void log_api(const struct config_kubernetes *k, const struct log *log)
{
    char token[TEXT_MAX + 1];
    snprintf(token, sizeof token, "%.200s/token", k->account);
    if (access(token, R_OK))
        log_info(log, "config",
                 "no service account is mounted (%s cannot be read): the API of Kubernetes cannot be asked, and DNS "
                 "alone says where the others are",
                 token);
    else
        log_info(log, "config", "the API of Kubernetes is asked at %s for the pods with %s in namespace %s", k->api,
                 k->selector, k->space);
}

void config_log_kubernetes(const struct config *c, const struct log *log)
{
    const struct config_kubernetes *k = &c->kubernetes;
    if (c->orchestration != ORCHESTRATION_KUBERNETES)
        return;
    if (k->space)
        log_api(k, log);
    else
        log_warn(log, "config",
                 "the API of Kubernetes is not asked, as this pod's namespace is not known: set NAMESPACE, or mount "
                 "the service account at %s",
                 k->account);
    if (k->service)
        log_info(log, "config", "DNS is asked for the headless service %s", k->service);
    else
        log_info(log, "config", "DNS is not asked for a headless service: INFO_SERVICE is not set");
}

void config_kubernetes_fini(struct config_kubernetes *k)
{
    char *const texts[] = {k->api, k->account, k->space, k->selector, k->pod, k->service};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    *k = (struct config_kubernetes){0};
}
