/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_WITHIN_MS  60000 /* it makes an RSA key, perhaps under a sanitizer and beside other tests */
#define STOP_WITHIN_MS   20000
#define REASON_WITHIN_MS 5000
#define ENV_MAX          32

extern char **environ;

uint64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- its environment --- */

struct env {
    char *vars[ENV_MAX + 1];
    size_t count;
};

static void set(struct env *e, const char *name, const char *value)
{
    char *var;
    if (e->count == ENV_MAX || asprintf(&var, "%s=%s", name, value) < 0)
        abort();
    e->vars[e->count++] = var;
}

static void set_number(struct env *e, const char *name, unsigned value)
{
    char text[16];
    snprintf(text, sizeof text, "%u", value);
    set(e, name, text);
}

/* The three spellings that tls/pem.h takes. In one line, what breaks the lines of the base64 is left out. */
static void set_pem(struct env *e, const char *name, const char *pem, int spelling)
{
    char *out = malloc(2 * strlen(pem) + 1), *p = out;
    for (; *pem; pem++) {
        if (*pem != '\n' || spelling == PEM_LINES)
            *p++ = *pem;
        else if (spelling == PEM_BACKSLASHES)
            p = stpcpy(p, "\\n");
    }
    *p = '\0';
    set(e, name, out);
    free(out);
}

static void set_root(struct env *e, const struct node *n)
{
    char *certs = certs_pem(n->roots[0]), *key = certs_key_pem(n->roots[0]);
    if (n->roots[1]) {
        char *second = certs_pem(n->roots[1]);
        certs = realloc(certs, strlen(certs) + strlen(second) + 1);
        strcat(certs, second);
        free(second);
    }
    set_pem(e, "EPHEMERAL_STORE_ROOT_CA_CERT", certs, n->pem);
    set_pem(e, "EPHEMERAL_STORE_ROOT_CA_KEY", key, n->pem);
    free(certs);
    free(key);
}

/* F5's manifest, as Marathon completes it, and what it does not have: one node at an address of its own. */
static void fill_env(struct env *e, const struct node *n)
{
    for (char **v = environ; *v; v++)
        if (strstr(*v, "SAN_OPTIONS=") && e->count < ENV_MAX)
            e->vars[e->count++] = strdup(*v);
    set(e, "ORCHESTRATION", "marathon");
    set(e, "EPHEMERAL_STORE_USER", n->user ? n->user : "{ \"name\" : \"myUser\", \"auth_mode\" : \"certificate\" }");
    set_root(e, n);
    set(e, "HOST", n->address);
    set_number(e, "PORT_PROTO", n->port);
    set_number(e, "PORT_EPMD", n->epmd_port);
    set_number(e, "PORT_HANDOFF", n->handoff_port);
    set(e, "EPHEMERAL_STORE_LISTEN", n->address);
    set(e, "EPHEMERAL_STORE_NAMES", NODE_NAMES);
    set(e, "EPHEMERAL_STORE_CLUSTER_SIZE", "1");
    set_number(e, "EPHEMERAL_STORE_AUTH_FAILURE_DELAY_MS", n->delay_ms);
    if (n->timeout_ms)
        set_number(e, "EPHEMERAL_STORE_HANDSHAKE_TIMEOUT_MS", n->timeout_ms);
    if (n->modern)
        set(e, "EPHEMERAL_STORE_LEGACY_SUITES", "off");
    set(e, "EPHEMERAL_STORE_LOG_LEVEL", "debug"); /* each refusal, not one a minute */
}

static void free_env(struct env *e)
{
    for (size_t i = 0; i < e->count; i++) {
        explicit_bzero(e->vars[i], strlen(e->vars[i]));
        free(e->vars[i]);
    }
}

/* --- its life --- */

/* Holds a free port of the address: -1 where there is none. */
static int hold_port(const char *address, uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    inet_pton(AF_INET, address, &a.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&a, len) || getsockname(fd, (struct sockaddr *)&a, &len))) {
        close(fd);
        return -1;
    }
    *port = ntohs(a.sin_port);
    return fd;
}

/* The nodes of a matrix share one address, so each has three ports of its own. */
static bool find_ports(struct node *n)
{
    uint16_t *ports[] = {&n->port, &n->epmd_port, &n->handoff_port};
    int fds[3];
    bool ok = true;
    for (int i = 0; i < 3; i++)
        ok = (fds[i] = hold_port(n->address, ports[i])) >= 0 && ok;
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return ok;
}

static void become(const char *program, const struct env *e, int err)
{
    char *argv[] = {strdup(program), NULL};
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* it ends with us, whatever ends us */
    dup2(err, STDERR_FILENO);
    execve(program, argv, e->vars);
    _exit(127);
}

bool node_start(struct node *n, const char *program)
{
    struct env e = {{NULL}, 0};
    int ends[2];
    pid_t self = getpid();
    n->pipe = -1;
    snprintf(n->address, sizeof n->address, "127.79.%d.%d", self / 250 % 250, self % 250 + 1);
    if (!find_ports(n) || pipe2(ends, O_CLOEXEC))
        return false;
    fill_env(&e, n);
    n->pid = fork();
    if (n->pid == 0)
        become(program, &e, ends[1]);
    free_env(&e);
    close(ends[1]);
    n->pipe = ends[0];
    fcntl(n->pipe, F_SETFL, O_NONBLOCK);
    return n->pid > 0;
}

/* Reads what is there, or waits for it until the deadline; false: the log has ended, or no time is left. */
static bool read_log(struct node *n, uint64_t deadline)
{
    struct pollfd p = {.fd = n->pipe, .events = POLLIN};
    uint64_t now = now_ms();
    if (n->pipe < 0 || poll(&p, 1, now < deadline ? (int)(deadline - now) : 0) <= 0)
        return false;
    n->log = realloc(n->log, n->log_len + 4097);
    ssize_t got = n->log ? read(n->pipe, n->log + n->log_len, 4096) : 0;
    if (got <= 0)
        return false;
    n->log_len += (size_t)got;
    n->log[n->log_len] = '\0';
    return true;
}

bool node_wait_ready(struct node *n)
{
    uint64_t deadline = now_ms() + START_WITHIN_MS;
    while (!n->log || !strstr(n->log, " ready: "))
        if (!read_log(n, deadline))
            return false;
    return true;
}

int node_stop(struct node *n)
{
    uint64_t deadline = now_ms() + STOP_WITHIN_MS;
    kill(n->pid, SIGTERM);
    while (read_log(n, deadline)) /* its end closes the pipe */
        continue;
    bool late = now_ms() >= deadline;
    if (late)
        kill(n->pid, SIGKILL);
    waitpid(n->pid, &n->status, 0);
    close(n->pipe);
    n->pipe = -1;
    if (late)
        return -1;
    return WIFEXITED(n->status) ? WEXITSTATUS(n->status) : 128 + WTERMSIG(n->status);
}

/* --- what it says --- */

void node_skip_log(struct node *n)
{
    while (read_log(n, 0))
        continue;
    n->log_read = n->log_len;
}

/* The rest of the line behind `mark`. */
static bool find_reason(const char *line, const char *mark, char *out)
{
    const char *at = strstr(line, mark);
    if (!at)
        return false;
    at += strlen(mark);
    snprintf(out, NODE_REASON_MAX, "%.*s", (int)strcspn(at, "\n"), at);
    return true;
}

/* One whole line. */
static bool next_line(struct node *n, char *line, size_t size)
{
    const char *at = n->log ? n->log + n->log_read : "", *end = strchr(at, '\n');
    if (!end)
        return false;
    snprintf(line, size, "%.*s", (int)(end - at), at);
    n->log_read += (size_t)(end - at) + 1;
    return true;
}

void node_reason(struct node *n, char *out)
{
    static const char *const marks[] = {"handshake failed: ", "connection failed: ", "is not let in: "};
    uint64_t deadline = now_ms() + REASON_WITHIN_MS;
    char line[1200];
    out[0] = '\0';
    do {
        while (next_line(n, line, sizeof line))
            for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
                if (find_reason(line, marks[i], out))
                    return;
    } while (read_log(n, deadline));
}

/* What was the environment at the start; the daemon may have made it unreadable. */
static size_t read_environ(const struct node *n, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", n->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    for (ssize_t got = 1; fd >= 0 && got > 0 && len<size; len += got> 0 ? (size_t)got : 0)
        got = read(fd, out + len, size - len);
    if (fd >= 0)
        close(fd);
    return len;
}

/* Base64 as on one line; what stands in the certificate too (the public half, perhaps) is no secret. */
static bool is_public(const char *cert, const char *line, size_t len)
{
    char *all = strdup(cert), *to = all;
    for (const char *from = all; *from; from++)
        if (*from != '\n')
            *to++ = *from;
    bool found = memmem(all, (size_t)(to - all), line, len) != NULL;
    free(all);
    return found;
}

bool node_tells_key(struct node *n)
{
    static char env[65536];
    char *key = certs_key_pem(n->roots[0]), *cert = certs_pem(n->roots[0]);
    bool tells = false;
    node_skip_log(n);
    size_t env_len = read_environ(n, env, sizeof env);
    for (const char *line = key; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t len = strcspn(line, "\n");
        if (len < 16 || *line == '-' || is_public(cert, line, len))
            continue;
        tells = tells || memmem(n->log, n->log_len, line, len) || memmem(env, env_len, line, len);
    }
    explicit_bzero(key, strlen(key));
    free(key);
    free(cert);
    return tells;
}

bool node_logged_error(struct node *n)
{
    return n->log && strstr(n->log, " error ");
}
