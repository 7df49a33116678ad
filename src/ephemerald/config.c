/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/config.h"

#include "base/err.h"
#include "base/version.h"
#include "discovery/peers.h"
#include "ephemerald/cgroup.h"
#include "ephemerald/json.h"
#include "ephemerald/options.h"
#include "ephemerald/reading.h"
#include "ephemerald/variables.h"
#include "tls/cert.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#define MEMORY_DEFAULT   ((uint64_t)1 << 30)
#define MEMORY_MIN       ((uint64_t)64 << 20)
#define CONNECTION_BYTES ((uint64_t)32 * 1024) /* of an idle connection, at most */
#define HANDSHAKE_BYTES  ((uint64_t)48 * 1024) /* in the middle of its handshake */

static int status_of(int err)
{
    switch (err) {
    case 0:
        return 0;
    case E_IO:
        return EX_NOINPUT;
    case E_NOMEM:
        return EX_OSERR;
    default:
        return EX_CONFIG;
    }
}

/* --- numbers and flags --- */

/* Two of the same number would collide with each other, and the error would name another process. */
static int read_ports(const struct reading *r)
{
    struct config *c = r->c;
    const struct {
        const char *option;
        uint16_t *port;
    } all[] = {{"proto-port", &c->proto_port}, {"epmd-port", &c->epmd_port}, {"handoff-port", &c->handoff_port}};
    int status = 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0] && !status; i++) {
        status = reading_port(r, all[i].option, all[i].port);
        for (size_t k = 0; k < i && !status; k++)
            if (*all[k].port == *all[i].port)
                status = reading_fail(r, EX_CONFIG, "%s (%s) and %s (%s) are both %u: each needs a port of its own",
                                      all[k].option, reading_origin(r, all[k].option), all[i].option,
                                      reading_origin(r, all[i].option), *all[i].port);
    }
    return status;
}

static int read_numbers(const struct reading *r)
{
    struct config *c = r->c;
    int status = read_ports(r);
    if (!status)
        status = reading_u32(r, "certificate-days", &c->certificate_days);
    if (!status)
        status = reading_u32(r, "siblings-max", &c->siblings_max);
    if (!status)
        status = reading_number(r, "object-size-max", &c->object_size_max_bytes);
    if (!status)
        status = reading_number(r, "handshake-timeout-ms", &c->handshake_timeout_ms);
    if (!status)
        status = reading_number(r, "auth-failure-delay-ms", &c->auth_failure_delay_ms);
    if (!status)
        status = reading_number(r, "stall-timeout-ms", &c->stall_timeout_ms);
    if (!status)
        status = reading_number(r, "request-timeout-ms", &c->request_timeout_ms);
    if (!status && option_flag(&c->options, "legacy-suites", &c->legacy_suites, r->why, r->why_size))
        status = EX_CONFIG;
    return status;
}

/* --- texts --- */

/* In the shortest spelling, so that all that follows may compare texts. */
static int read_listen(const struct reading *r)
{
    struct in6_addr v6;
    struct in_addr v4;
    char shortest[INET6_ADDRSTRLEN] = "";
    const char *listen = reading_text(r, "listen");
    bool is_v4 = inet_pton(AF_INET, listen, &v4) == 1;
    if (!is_v4 && inet_pton(AF_INET6, listen, &v6) != 1)
        return reading_fail(r, EX_CONFIG, "%s: '%.64s' is no numeric address: give one like 0.0.0.0, 10.1.2.3 or ::",
                            reading_origin(r, "listen"), listen);
    if (!is_v4 && IN6_IS_ADDR_V4MAPPED(&v6)) {
        memcpy(&v4, v6.s6_addr + 12, sizeof v4);
        is_v4 = true;
    }
    inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? (const void *)&v4 : (const void *)&v6, shortest, sizeof shortest);
    r->c->listen_by_default = strcmp(reading_origin(r, "listen"), "default") == 0;
    return reading_copy(r, shortest, &r->c->listen);
}

static int read_orchestration(const struct reading *r)
{
    const char *text = reading_text(r, "orchestration");
    bool kubernetes = getenv("KUBERNETES_SERVICE_HOST") || access(reading_text(r, "kubernetes-account"), F_OK) == 0;
    if (!text)
        r->c->orchestration = kubernetes ? ORCHESTRATION_KUBERNETES : ORCHESTRATION_NONE;
    else if (strcasecmp(text, "marathon") == 0)
        r->c->orchestration = ORCHESTRATION_MARATHON;
    else if (strcasecmp(text, "kubernetes") == 0)
        r->c->orchestration = ORCHESTRATION_KUBERNETES;
    else if (strcasecmp(text, "none") == 0)
        r->c->orchestration = ORCHESTRATION_NONE;
    else
        return reading_fail(r, EX_CONFIG, "%s: '%.64s' is not known: give marathon, kubernetes or none",
                            reading_origin(r, "orchestration"), text);
    return 0;
}

static int read_delete_mode(const struct reading *r)
{
    const char *text = reading_text(r, "delete-mode");
    char *end;
    errno = 0;
    if (strcmp(text, "keep") == 0) {
        r->c->delete_reap_ms = CONFIG_REAP_NEVER;
    } else if (strcmp(text, "immediate") == 0) {
        r->c->delete_reap_ms = 0;
    } else {
        r->c->delete_reap_ms = strtoull(text, &end, 10);
        if (errno || *end || !isdigit((unsigned char)*text) || r->c->delete_reap_ms > (uint64_t)PROPS_TTL_MAX_S * 1000)
            return reading_fail(r, EX_CONFIG, "%s: '%.64s' is no delete mode: give keep, immediate or milliseconds",
                                reading_origin(r, "delete-mode"), text);
    }
    return 0;
}

/* Clients take it apart and switch features by it. */
static int read_version(const struct reading *r)
{
    const char *text = reading_text(r, "server-version");
    unsigned a, b, d;
    char rest;
    if (text[strspn(text, "0123456789.")] || sscanf(text, "%5u.%5u.%5u%c", &a, &b, &d, &rest) != 3)
        return reading_fail(r, EX_CONFIG, "%s: '%.64s' is no version: give three integers like 3.0.16",
                            reading_origin(r, "server-version"), text);
    return reading_copy(r, text, &r->c->server_version);
}

static int read_log_level(const struct reading *r)
{
    const char *text = reading_text(r, "log-level");
    if (log_level_parse(text, &r->c->log_level))
        return 0;
    return reading_fail(r, EX_CONFIG, "%s: '%.64s' is no level: give error, warn, info or debug",
                        reading_origin(r, "log-level"), text);
}

/* --- the names of this node --- */

/* Said in the log, not refused: such a name is the machine's, and the node is reached by its others. */
static void leave_out(struct config *c, const char *name)
{
    size_t len = strlen(c->names_left_out), room = sizeof c->names_left_out - len;
    snprintf(c->names_left_out + len, room, "%s'%.64s'", len ? ", " : "", name);
}

static int add_name(const struct reading *r, const char *given)
{
    struct config *c = r->c;
    char name[256];
    size_t len = strlen(given);
    if (len && given[len - 1] == '.') /* only says that the name is whole */
        len--;
    if (!len)
        return 0;
    snprintf(name, sizeof name, "%.*s", (int)len, given);
    if (len >= sizeof name || !cert_can_carry(name)) {
        leave_out(c, given);
        return 0;
    }
    for (size_t i = 0; i < c->name_count; i++)
        if (strcasecmp(c->names[i], name) == 0)
            return 0;
    if (c->name_count == CONFIG_NAMES_MAX)
        return reading_fail(r, EX_CONFIG, "more than %d names for this node: give fewer with --names",
                            CONFIG_NAMES_MAX);
    return reading_copy(r, name, &c->names[c->name_count]) ? EX_OSERR : (c->name_count++, 0);
}

static int add_names(const struct reading *r, const char *list)
{
    char name[256];
    int status = 0;
    for (const char *p = list; p && *p && !status;) {
        size_t len = strcspn(p, ", ");
        if (len >= sizeof name)
            return reading_fail(r, EX_CONFIG, "%s: a name of %zu bytes is too long", reading_origin(r, "names"), len);
        snprintf(name, sizeof name, "%.*s", (int)len, p);
        status = add_name(r, name);
        p += len + strspn(p + len, ", ");
    }
    return status;
}

static int read_names(const struct reading *r)
{
    char host[256] = "", node[300];
    const char *marathon_host = getenv("HOST"), *name = reading_text(r, "node-name");
    struct config *c = r->c;
    if (gethostname(host, sizeof host - 1))
        host[0] = '\0';
    int status = reading_copy(r, host, &c->host_name);
    if (!status && marathon_host && c->orchestration == ORCHESTRATION_MARATHON)
        status = add_name(r, marathon_host);
    if (!status && !config_is_wildcard(c->listen))
        status = add_name(r, c->listen);
    if (!status)
        status = add_name(r, host);
    if (!status)
        status = add_names(r, reading_text(r, "names"));
    if (!status)
        status = add_name(r, "localhost");
    if (status)
        return status;
    snprintf(node, sizeof node, "riak@%s", c->names[0]);
    return reading_copy(r, name ? name : node, &c->node_name);
}

/* By which the node is reached from its own machine, and by the other nodes: after `advertise` was read. What names
 * give later is added to the certificate then. */
static int read_more_names(const struct reading *r)
{
    static const char *const loopback[] = {"127.0.0.1", "::1"};
    const char *pod = getenv("POD_IP");
    char address[46];
    int status = add_name(r, r->c->advertise);
    if (!status && pod && peer_address(pod, address) == 0)
        status = add_name(r, address);
    for (size_t i = 0; !status && i < sizeof loopback / sizeof loopback[0]; i++)
        status = add_name(r, loopback[i]);
    return status;
}

/* --- memory --- */

static int set_memory(const struct reading *r, uint64_t bytes, const char *source)
{
    if (bytes < MEMORY_MIN)
        return reading_fail(r, EX_CONFIG, "%s: %llu bytes of memory are too few: a node needs at least 64 MiB", source,
                            (unsigned long long)bytes);
    r->c->memory_bytes = bytes;
    snprintf(r->c->memory_source, sizeof r->c->memory_source, "%s", source);
    return 0;
}

/* Megabytes, perhaps with a fraction: "1024.0". */
static int read_marathon_memory(const struct reading *r, const char *text)
{
    char *end;
    double mb = strtod(text, &end);
    if (end == text || *end || !(mb > 0) || mb > 1e9)
        return reading_fail(r, EX_CONFIG,
                            "environment variable MARATHON_APP_RESOURCE_MEM: '%.64s' is no number of megabytes", text);
    return set_memory(r, (uint64_t)(mb * 1048576.0), "environment variable MARATHON_APP_RESOURCE_MEM");
}

static int read_memory(const struct reading *r)
{
    uint64_t bytes;
    char source[OPTION_ORIGIN_MAX];
    const char *marathon = getenv("MARATHON_APP_RESOURCE_MEM");
    bool limited = cgroup_memory_limit(&r->c->cgroup);
    if (reading_text(r, "memory")) {
        int status = reading_number(r, "memory", &bytes);
        return status ? status : set_memory(r, bytes, reading_origin(r, "memory"));
    }
    if (marathon && *marathon)
        return read_marathon_memory(r, marathon);
    if (!limited)
        return set_memory(r, MEMORY_DEFAULT, "default, as no limit is set");
    snprintf(source, sizeof source, "limit of the control group, %.200s", r->c->cgroup.file);
    return set_memory(r, r->c->cgroup.bytes, source);
}

/* Without the option: as many as a part of the memory holds, within bounds. */
static int read_places(const struct reading *r, const char *name, uint64_t part, uint64_t least, uint64_t most,
                       size_t *out)
{
    uint64_t n = part < least ? least : part > most ? most : part;
    int status = reading_text(r, name) ? reading_number(r, name, &n) : 0;
    *out = (size_t)n;
    return status;
}

static int read_connections(const struct reading *r)
{
    struct config *c = r->c;
    int status =
        read_places(r, "max-connections", c->memory_bytes / 8 / CONNECTION_BYTES, 256, SIZE_MAX, &c->connections_max);
    if (!status)
        status = read_places(r, "max-handshakes", c->memory_bytes / 8 / HANDSHAKE_BYTES, 128, 1024, &c->handshakes_max);
    return status;
}

/* --- JSON --- */

static int json_status(const struct reading *r, int err, const char *name)
{
    return err ? reading_fail_at(r, err == E_NOMEM ? EX_OSERR : EX_DATAERR, name) : 0;
}

static int read_users(const struct reading *r)
{
    const char *text = reading_text(r, "user");
    if (!text)
        return reading_fail(r, EX_CONFIG,
                            "no user is given, so that nobody could connect: set EPHEMERAL_STORE_USER to "
                            "{\"name\":\"myUser\",\"auth_mode\":\"certificate\"}");
    return json_status(r, json_read_users(r->c, text, r->why, r->why_size), "user");
}

static int read_types(const struct reading *r)
{
    const char *text = reading_text(r, "bucket-types");
    if (!text)
        return 0;
    return json_status(r, json_read_types(r->c, text, r->why, r->why_size), "bucket-types");
}

/* --- all of it --- */

typedef int (*step)(const struct reading *r);

static int read_values(const struct reading *r)
{
    static const step steps[] = {read_log_level,       read_numbers, read_listen,      read_orchestration,
                                 config_read_marathon, read_version, read_names,       config_read_kubernetes,
                                 read_delete_mode,     read_memory,  read_connections, config_read_cluster,
                                 read_more_names,      read_users,   read_types,       config_read_root};
    int status = 0;
    for (size_t i = 0; !status && i < sizeof steps / sizeof steps[0]; i++)
        status = steps[i](r);
    return status;
}

struct wish_word {
    const char *word;
    enum config_wish wish;
};

/* Takes words like --help out of argv, and says what they ask for. */
static enum config_wish take_wishes(int *argc, char **argv)
{
    static const struct wish_word words[] = {{"--help", CONFIG_HELP},
                                             {"-h", CONFIG_HELP},
                                             {"--help-markdown", CONFIG_HELP_MARKDOWN},
                                             {"--help-man", CONFIG_HELP_MAN},
                                             {"--help-completion", CONFIG_HELP_COMPLETION},
                                             {"--version", CONFIG_VERSION},
                                             {"--check", CONFIG_CHECK}};
    enum config_wish wish = CONFIG_RUN;
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        bool taken = false;
        for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
            if (strcmp(argv[i], words[w].word) == 0) {
                wish = words[w].wish;
                taken = true;
            }
        if (!taken)
            argv[kept++] = argv[i];
    }
    *argc = kept;
    return wish;
}

static int read_sources(const struct reading *r, int argc, char *const *argv)
{
    struct option_set *s = &r->c->options;
    if (option_set_init(s, daemon_options, daemon_option_count))
        return reading_fail(r, EX_OSERR, "out of memory");
    int err = option_read_flags(s, argc, argv, r->why, r->why_size);
    if (err)
        return err == E_NOMEM ? EX_OSERR : EX_USAGE;
    err = option_read_environment(s, r->why, r->why_size);
    if (!err && reading_text(r, "config"))
        err = option_read_file(s, "config", reading_text(r, "config"), r->why, r->why_size);
    return status_of(err);
}

int config_read(struct config *c, int argc, char *const *argv, enum config_wish *wish, char *why, size_t why_size)
{
    struct reading r = {c, why, why_size};
    *c = (struct config){0};
    *why = '\0';
    char **words = calloc((size_t)argc + 1, sizeof *words);
    if (!words)
        return reading_fail(&r, EX_OSERR, "out of memory");
    memcpy(words, argv, (size_t)argc * sizeof *words);
    *wish = take_wishes(&argc, words);
    int status = 0;
    if (*wish == CONFIG_RUN || *wish == CONFIG_CHECK)
        status = read_sources(&r, argc, words);
    if (!status && (*wish == CONFIG_RUN || *wish == CONFIG_CHECK))
        status = read_values(&r);
    free(words);
    return status;
}

void config_fini(struct config *c)
{
    for (size_t i = 0; i < c->name_count; i++)
        free(c->names[i]);
    for (size_t i = 0; i < c->user_count; i++)
        free(c->user_names[i]);
    for (size_t i = 0; i < c->bucket_type_count; i++)
        free(c->bucket_types[i].name);
    config_pem_fini(&c->root_ca_key);
    config_pem_fini(&c->root_ca_cert);
    for (size_t i = 0; i < c->advertise_name_count; i++)
        free(c->advertise_names[i]);
    free(c->host_name);
    free(c->listen);
    free(c->node_name);
    free(c->server_version);
    free(c->peers);
    free(c->cluster_name);
    free(c->place);
    config_marathon_fini(&c->marathon);
    config_kubernetes_fini(&c->kubernetes);
    json_free(c);
    option_set_fini(&c->options);
}

static const char *orchestration_name(enum orchestration o)
{
    return o == ORCHESTRATION_MARATHON ? "marathon" : o == ORCHESTRATION_KUBERNETES ? "kubernetes" : "none";
}

static uint64_t machine_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;
}

/* The kernel would end the node before the node refuses a write. */
static void log_memory(const struct config *c, const struct log *log)
{
    uint64_t machine = machine_bytes(), least = machine < c->cgroup.bytes ? machine : c->cgroup.bytes;
    if (c->memory_bytes <= least)
        return;
    log_warn(log, "config",
             "memory is %llu MiB (%s), but %s %llu MiB (%s): the kernel will kill this node before its own limit is "
             "reached. Set memory to at most %llu MiB, or leave it out",
             (unsigned long long)(c->memory_bytes >> 20), c->memory_source,
             least < machine ? "the control group allows" : "this machine has", (unsigned long long)(least >> 20),
             least < machine ? c->cgroup.file : "physical memory", (unsigned long long)(least >> 20));
}

void config_log(const struct config *c, const struct log *log)
{
    log_info(log, "config",
             "node %s, orchestration %s, %zu user(s), %zu bucket type(s), memory %llu MiB (%s), release %s",
             c->node_name, orchestration_name(c->orchestration), c->user_count, c->bucket_type_count,
             (unsigned long long)(c->memory_bytes >> 20), c->memory_source, version_text);
    config_log_cluster(c, log);
    config_log_marathon(c, log);
    config_log_kubernetes(c, log);
    if (*c->names_left_out)
        log_warn(log, "config",
                 "no certificate can carry these names of this node, so clients cannot check the node by them: %s. DNS "
                 "names have labels of 1 to 63 letters, digits, - and _: set such a host name, or give further names "
                 "with --names",
                 c->names_left_out);
    variables_log(&c->options, log);
    log_memory(c, log);
    if (c->object_size_max_bytes > c->memory_bytes / 8)
        log_warn(log, "config",
                 "object-size-max is more than an eighth of the memory: such objects pass one at a time");
}
