/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that say nothing: COUNT to each of the given places, held open, and made again when they are closed.
 *
 *   cluster-hold FROM COUNT ADDRESS:PORT...
 *
 * FROM is the local address. Prints "holding" when each has stood once; ends when its standard input does. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS     10
#define BEGIN_MAX   20 /* connections begun in one tick: 2,000 a second leave the machine to the nodes */
#define CONNECT_MAX 65536

struct held {
    struct sockaddr_in to;
    bool stood;
};

static struct sockaddr_in from;
static struct held *held;
static struct pollfd *fds; /* [count] is the standard input */
static size_t count, stood;

static void die(const char *what)
{
    fprintf(stderr, "cluster-hold: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_in address(const char *text)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    char host[INET_ADDRSTRLEN] = "";
    const char *colon = strchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : strlen(text);
    if (len < sizeof host)
        memcpy(host, text, len);
    if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
        die(text);
    a.sin_port = htons((uint16_t)(colon ? atoi(colon + 1) : 0));
    return a;
}

static void begin(size_t i)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0)
        die("socket");
    if (bind(fd, (const struct sockaddr *)&from, sizeof from))
        die("bind");
    if (connect(fd, (const struct sockaddr *)&held[i].to, sizeof held[i].to) && errno != EINPROGRESS) {
        close(fd);
        return;
    }
    fds[i] = (struct pollfd){.fd = fd, .events = held[i].stood ? POLLIN : POLLOUT};
}

static void note_stands(size_t i)
{
    fds[i].events = POLLIN;
    if (held[i].stood)
        return;
    held[i].stood = true;
    if (++stood == count) {
        puts("holding");
        fflush(stdout);
    }
}

static void look(size_t i)
{
    char byte;
    if (fds[i].fd < 0 || !fds[i].revents)
        return;
    if (fds[i].revents & POLLOUT) {
        note_stands(i);
    } else if (recv(fds[i].fd, &byte, 1, MSG_DONTWAIT) <= 0 && errno != EAGAIN) {
        close(fds[i].fd);
        fds[i].fd = -1;
    }
}

static void hold(void)
{
    size_t next = 0;
    while (!fds[count].revents) {
        unsigned begun = 0;
        for (size_t n = 0; n < count && begun < BEGIN_MAX; n++, next = (next + 1) % count)
            if (fds[next].fd < 0) {
                begin(next);
                begun++;
            }
        usleep(TICK_MS * 1000);
        if (poll(fds, count + 1, 0) < 0)
            die("poll");
        for (size_t i = 0; i < count; i++)
            look(i);
    }
}

int main(int argc, char **argv)
{
    size_t each = argc > 3 ? (size_t)atoi(argv[2]) : 0, places = (size_t)argc - 3;
    count = each * places;
    if (!each || count > CONNECT_MAX) {
        fprintf(stderr, "usage: cluster-hold FROM COUNT ADDRESS:PORT...\n");
        return 64;
    }
    struct rlimit limit = {count + 64, count + 64};
    if (setrlimit(RLIMIT_NOFILE, &limit))
        die("ulimit -n");
    from = address(argv[1]);
    held = calloc(count, sizeof *held);
    fds = calloc(count + 1, sizeof *fds);
    if (!held || !fds)
        die("memory");
    for (size_t i = 0; i < count; i++) {
        held[i].to = address(argv[3 + i % places]);
        fds[i].fd = -1;
    }
    fds[count] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    hold();
    return 0;
}
