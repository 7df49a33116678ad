/* SPDX-License-Identifier: Apache-2.0 */
/* The network between five nodes, in user space. Each node lives in a network namespace of its own that is connected to
 * nothing; there, and where clients are (the namespace that this begins in), it stands for all the others: whoever
 * connects to a node's address reaches it through here, late, slowly, in part, or not at all, as was last said on
 * standard input.
 *
 *   fault-proxy NET NAMESPACE        node I is NET.I, in namespace NAMESPACE-I; all lie in 127.0.0.0/8
 *
 * Each line is a command, about what goes from site FROM to site TO: a node's number, 0 for clients, or * for all.
 *
 *   late FROM TO MS         arrives after at least half of it and at most all of it
 *   slow FROM TO BYTES      no more than so many in a second, and the sender finds out, as its buffers fill
 *   reset FROM TO N         of a million pieces, so many end their connection by a reset, and all that is under way on
 * it truncate FROM TO N      the same, but half of the piece arrives first, and then an orderly end hold FROM TO
 * nothing goes on, and nothing ends: whoever waits for an answer waits mend                    all is as it was at
 * first
 *
 * Each is acknowledged with a line `done`, after `ready` at the beginning. Ends with its input. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NODES     5
#define SITES     (NODES + 1)
#define LISTENERS (NODES + NODES * (NODES - 1) * 2)
#define WIRES_MAX 4096
#define PIECE_MAX 16384
#define QUEUE_MAX 32 /* pieces under way in one direction: then no more are read */

struct rule {
    unsigned late_ms, slow, reset, truncate;
    bool hold;
};

struct listener {
    int fd;
    unsigned from, to;
    uint16_t port;
};

struct piece {
    struct piece *next;
    uint64_t due_us;
    size_t len, done;
    bool last; /* truncated: the connection ends behind it */
    uint8_t data[];
};

struct side {
    int fd;
    unsigned site;
    struct piece *first, **end; /* that came from here */
    unsigned queued;
    uint64_t free_us; /* when the next may go on, where they go slowly */
    bool ended;       /* nothing comes from here any more */
    bool told;        /* the other side has been told so */
};

struct wire {
    bool open, connecting;
    struct side side[2];
};

static struct rule rules[SITES][SITES];
static struct listener listeners[LISTENERS];
static unsigned listener_count;
static struct wire wires[WIRES_MAX];
static struct pollfd polled[LISTENERS + 2 * WIRES_MAX + 1];
static int namespaces[SITES];
static const char *net;
static uint64_t chance = 88172645463325252ULL;

static void die(const char *what, const char *which)
{
    fprintf(stderr, "fault-proxy: %s %s: %s\n", what, which, strerror(errno));
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t below(uint64_t n)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return n ? chance % n : 0;
}

/* --- sockets in namespaces --- */

static struct sockaddr_in address_of(unsigned node, uint16_t port)
{
    char text[64];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    snprintf(text, sizeof text, "%s.%u", net, node);
    if (inet_pton(AF_INET, text, &a.sin_addr) != 1) {
        errno = EINVAL;
        die("address", text);
    }
    return a;
}

static int socket_in(unsigned site)
{
    int one = 1, fd;
    if (setns(namespaces[site], CLONE_NEWNET))
        die("setns", "");
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    return fd;
}

static void listen_in(unsigned from, unsigned to, uint16_t port)
{
    struct sockaddr_in a = address_of(to, port);
    int fd = socket_in(from);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 512))
        die("listen", inet_ntoa(a.sin_addr));
    listeners[listener_count++] = (struct listener){.fd = fd, .from = from, .to = to, .port = port};
}

static void open_namespaces(const char *prefix)
{
    char path[256] = "/proc/self/ns/net";
    for (unsigned site = 0; site < SITES; site++) {
        if (site)
            snprintf(path, sizeof path, "/var/run/netns/%s-%u", prefix, site);
        namespaces[site] = open(path, O_RDONLY | O_CLOEXEC);
        if (namespaces[site] < 0)
            die("namespace", path);
    }
}

static void listen_everywhere(void)
{
    for (unsigned to = 1; to < SITES; to++) {
        listen_in(0, to, 8087);
        for (unsigned from = 1; from < SITES; from++)
            if (from != to) {
                listen_in(from, to, 4369);
                listen_in(from, to, 8099);
            }
    }
}

/* --- wires --- */

static struct rule *rule_of(const struct wire *w, unsigned from)
{
    return &rules[w->side[from].site][w->side[!from].site];
}

static void close_wire(struct wire *w, bool by_reset)
{
    struct linger now = {.l_onoff = 1};
    for (unsigned i = 0; i < 2; i++) {
        struct side *s = &w->side[i];
        while (s->first) {
            struct piece *p = s->first;
            s->first = p->next;
            free(p);
        }
        if (by_reset)
            setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(s->fd);
    }
    *w = (struct wire){0};
}

static struct wire *new_wire(void)
{
    for (unsigned i = 0; i < WIRES_MAX; i++)
        if (!wires[i].open)
            return &wires[i];
    return NULL;
}

static void accept_one(const struct listener *l)
{
    int one = 1, fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct wire *w = fd >= 0 ? new_wire() : NULL;
    if (!w) {
        if (fd >= 0)
            close(fd);
        return;
    }
    struct sockaddr_in a = address_of(l->to, l->port);
    *w = (struct wire){.open = true, .connecting = true};
    w->side[0] = (struct side){.fd = fd, .site = l->from};
    w->side[1] = (struct side){.fd = socket_in(l->to), .site = l->to};
    for (unsigned i = 0; i < 2; i++) {
        w->side[i].end = &w->side[i].first;
        setsockopt(w->side[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    if (w->side[1].fd < 0 || (connect(w->side[1].fd, (struct sockaddr *)&a, sizeof a) && errno != EINPROGRESS))
        close_wire(w, true);
}

/* A piece has come: when it goes on. */
static uint64_t due_of(struct side *s, const struct rule *r, size_t len)
{
    uint64_t due = now_us() + r->late_ms * 500ULL + below(r->late_ms * 500ULL);
    if (due < s->free_us)
        due = s->free_us; /* in order */
    s->free_us = r->slow ? due + len * 1000000ULL / r->slow : due;
    return due;
}

/* False: the connection has ended. */
static bool read_piece(struct wire *w, unsigned from)
{
    struct side *s = &w->side[from];
    const struct rule *r = rule_of(w, from);
    struct piece *p = malloc(sizeof *p + PIECE_MAX);
    if (!p)
        die("memory", "");
    *p = (struct piece){0};
    size_t most = r->slow && r->slow < PIECE_MAX ? r->slow / 10 + 1 : PIECE_MAX;
    ssize_t n = recv(s->fd, p->data, most, 0);
    if (n <= 0) {
        free(p);
        if (n == 0)
            s->ended = true;
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            close_wire(w, true);
            return false;
        }
        return true;
    }
    p->len = (size_t)n;
    p->due_us = due_of(s, r, p->len);
    if (below(1000000) < r->reset) {
        free(p);
        close_wire(w, true);
        return false;
    }
    if (below(1000000) < r->truncate) {
        p->len = (p->len + 1) / 2;
        p->last = s->ended = true;
    }
    *s->end = p;
    s->end = &p->next;
    s->queued++;
    return true;
}

/* Passes on what is due. False: the connection has ended. */
static bool pass_on(struct wire *w, unsigned from, uint64_t now)
{
    struct side *s = &w->side[from], *to = &w->side[!from];
    while (s->first && s->first->due_us <= now && !rule_of(w, from)->hold && !w->connecting) {
        struct piece *p = s->first;
        ssize_t n = send(to->fd, p->data + p->done, p->len - p->done, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            close_wire(w, true);
            return false;
        }
        p->done += n > 0 ? (size_t)n : 0;
        if (p->done < p->len)
            return true;
        if (p->last) {
            close_wire(w, false);
            return false;
        }
        s->first = p->next;
        if (!s->first)
            s->end = &s->first;
        s->queued--;
        free(p);
    }
    if (s->ended && !s->first && !s->told && !rule_of(w, from)->hold && !w->connecting) {
        s->told = true;
        shutdown(to->fd, SHUT_WR);
    }
    if (w->side[0].told && w->side[1].told) {
        close_wire(w, false);
        return false;
    }
    return true;
}

/* --- commands --- */

/* The sites that a word means, from *first to before *end. */
static bool sites_of(const char *word, unsigned *first, unsigned *end)
{
    bool all = strcmp(word, "*") == 0;
    *first = all ? 0 : (unsigned)(word[0] - '0');
    *end = all ? SITES : *first + 1;
    return all || (word[0] >= '0' && word[0] < '0' + SITES && !word[1]);
}

static bool apply(const char *word, unsigned number, struct rule *r)
{
    if (strcmp(word, "late") == 0)
        r->late_ms = number;
    else if (strcmp(word, "slow") == 0)
        r->slow = number;
    else if (strcmp(word, "reset") == 0)
        r->reset = number;
    else if (strcmp(word, "truncate") == 0)
        r->truncate = number;
    else if (strcmp(word, "hold") == 0)
        r->hold = true;
    else
        return false;
    return true;
}

static void obey(const char *line)
{
    char word[16] = "", from[4] = "", to[4] = "";
    unsigned number = 0, a, a_end, b, b_end;
    bool good = true;
    int n = sscanf(line, "%15s %3s %3s %u", word, from, to, &number);
    if (strcmp(word, "mend") == 0)
        memset(rules, 0, sizeof rules);
    else if (n < 3 || !sites_of(from, &a, &a_end) || !sites_of(to, &b, &b_end))
        good = false;
    else
        for (unsigned i = a; i < a_end; i++)
            for (unsigned k = b; k < b_end; k++)
                good = good && apply(word, number, &rules[i][k]);
    printf("%s\n", good ? "done" : "no such command");
    fflush(stdout);
}

/* False: there will be no more. */
static bool read_commands(void)
{
    static char line[256];
    static size_t len;
    ssize_t n = read(STDIN_FILENO, line + len, sizeof line - 1 - len);
    if (n <= 0)
        return n < 0 && errno == EINTR;
    len += (size_t)n;
    line[len] = '\0';
    for (char *end; (end = strchr(line, '\n'));) {
        *end = '\0';
        obey(line);
        len -= (size_t)(end + 1 - line);
        memmove(line, end + 1, len + 1);
    }
    return len < sizeof line - 1;
}

/* --- the loop --- */

/* What each side waits for; in how many ms something is due. */
static int poll_wires(unsigned *count, uint64_t now)
{
    uint64_t next = now + 1000000;
    for (unsigned i = 0; i < WIRES_MAX; i++) {
        struct wire *w = &wires[i];
        for (unsigned k = 0; w->open && k < 2; k++) {
            struct side *s = &w->side[k], *other = &w->side[!k];
            bool held = rule_of(w, k)->hold, other_held = rule_of(w, !k)->hold;
            short events = !s->ended && !held && !w->connecting && s->queued < QUEUE_MAX ? POLLIN : 0;
            if ((w->connecting && k == 1) || (other->first && !other_held && other->first->due_us <= now))
                events |= POLLOUT;
            if (s->first && !held && s->first->due_us > now && s->first->due_us < next)
                next = s->first->due_us;
            polled[*count + k] = (struct pollfd){.fd = events ? s->fd : -1, .events = events};
        }
        *count += w->open ? 2 : 0;
    }
    return (int)((next - now + 999) / 1000);
}

static void serve_wire(struct wire *w, const struct pollfd *p, uint64_t now)
{
    if (w->connecting && p[1].revents) {
        int err = 0;
        socklen_t len = sizeof err;
        getsockopt(w->side[1].fd, SOL_SOCKET, SO_ERROR, &err, &len);
        w->connecting = false;
        if (err) {
            close_wire(w, true);
            return;
        }
    }
    for (unsigned k = 0; k < 2; k++)
        if (p[k].events & POLLIN && p[k].revents & (POLLIN | POLLHUP | POLLERR) && !read_piece(w, k))
            return;
    if (pass_on(w, 0, now))
        pass_on(w, 1, now);
}

static bool turn(void)
{
    static struct wire *at[WIRES_MAX];
    unsigned count = 0, served = 0;
    polled[count++] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    for (unsigned i = 0; i < listener_count; i++)
        polled[count++] = (struct pollfd){.fd = listeners[i].fd, .events = POLLIN};
    unsigned first = count;
    for (unsigned i = 0; i < WIRES_MAX; i++)
        if (wires[i].open)
            at[served++] = &wires[i];
    int wait_ms = poll_wires(&count, now_us());
    if (poll(polled, count, wait_ms) < 0 && errno != EINTR)
        die("poll", "");
    uint64_t now = now_us();
    for (unsigned i = 0; i < served; i++)
        serve_wire(at[i], &polled[first + 2 * i], now);
    for (unsigned i = 0; i < listener_count; i++)
        if (polled[1 + i].revents)
            accept_one(&listeners[i]);
    return !polled[0].revents || read_commands();
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "Usage: fault-proxy NET NAMESPACE\n");
        return 64;
    }
    net = argv[1];
    open_namespaces(argv[2]);
    listen_everywhere();
    printf("ready\n");
    fflush(stdout);
    while (turn())
        ;
    return 0;
}
