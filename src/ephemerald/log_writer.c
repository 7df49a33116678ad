/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/log_writer.h"

#include "base/assert.h"
#include "base/err.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROOM_FOR_ALL (LOG_WRITER_BYTES / 4 * 3) /* the rest is for warnings and errors */

struct loss {
    uint64_t lines, severe; /* severe: warnings and errors among them */
    int error;              /* of the last write that failed; 0: there was no room */
};

/* Stands in the ring before the bytes of its line, which end with a newline. */
struct record {
    size_t len;
    bool severe;
    struct loss before; /* what was lost between the line before and this one */
};

struct log_writer {
    int fd;
    pthread_t thread;
    pthread_mutex_t mutex; /* of all that follows */
    pthread_cond_t work, ended_cond;
    bool ending, ended;
    bool failing;     /* the last write failed: the next line is the next attempt */
    struct loss loss; /* since the last line that was taken */
    uint8_t ring[LOG_WRITER_BYTES];
    size_t head, used; /* bytes */
};

/* --- the ring; the mutex is held --- */

static void ring_put(struct log_writer *w, const void *data, size_t len)
{
    size_t tail = (w->head + w->used) % LOG_WRITER_BYTES, first = LOG_WRITER_BYTES - tail;
    ASSERT(len <= LOG_WRITER_BYTES - w->used);
    if (first > len)
        first = len;
    memcpy(w->ring + tail, data, first);
    memcpy(w->ring, (const uint8_t *)data + first, len - first);
    w->used += len;
}

static void ring_take(struct log_writer *w, void *data, size_t len)
{
    size_t first = LOG_WRITER_BYTES - w->head;
    ASSERT(len <= w->used);
    if (first > len)
        first = len;
    memcpy(data, w->ring + w->head, first);
    memcpy((uint8_t *)data + first, w->ring, len - first);
    w->head = (w->head + len) % LOG_WRITER_BYTES;
    w->used -= len;
}

static void lose(struct log_writer *w, const struct loss *more)
{
    w->loss.lines += more->lines;
    w->loss.severe += more->severe;
    w->loss.error = more->error;
}

static struct loss loss_of_line(bool severe, int error)
{
    return (struct loss){1, severe, error};
}

void log_writer_put(void *arg, enum log_level level, const char *line)
{
    struct log_writer *w = arg;
    struct record r = {.len = strlen(line) + 1, .severe = level <= LOG_WARN};
    pthread_mutex_lock(&w->mutex);
    if (w->used + sizeof r + r.len > (r.severe ? LOG_WRITER_BYTES : ROOM_FOR_ALL)) {
        struct loss this = loss_of_line(r.severe, 0);
        lose(w, &this);
    } else {
        r.before = w->loss;
        w->loss = (struct loss){0};
        ring_put(w, &r, sizeof r);
        ring_put(w, line, r.len - 1);
        ring_put(w, "\n", 1);
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->mutex);
}

/* --- the thread --- */

/* 0 or an errno. The descriptor may be non-blocking by another process's doing. */
static int write_all(int fd, const char *data, size_t len)
{
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EAGAIN)
            poll(&room, 1, -1);
        else if (n < 0 && errno != EINTR)
            return errno;
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

struct notice {
    int fd, error;
};

static void write_notice(void *arg, enum log_level level, const char *line)
{
    struct notice *n = arg;
    char text[LOG_LINE_MAX + 1];
    size_t len = strlen(line);
    (void)level;
    memcpy(text, line, len);
    text[len] = '\n';
    n->error = write_all(n->fd, text, len + 1);
}

static int write_loss(int fd, const struct loss *l)
{
    struct notice n = {.fd = fd};
    struct log log;
    log_init(&log, LOG_WARN, write_notice, &n);
    log_warn(&log, "log", "%llu line(s) of this log were lost here, %llu of them warnings or errors: %s",
             (unsigned long long)l->lines, (unsigned long long)l->severe,
             l->error ? strerror(l->error) : "whatever reads standard error did not read, or too slowly");
    return n.error;
}

/* What cannot be written is lost from now on, and not tried again. */
static void write_record(struct log_writer *w, const struct record *r, const char *line)
{
    struct loss lost = r->before;
    int error = lost.lines ? write_loss(w->fd, &lost) : 0;
    if (!error)
        lost = (struct loss){0};
    if (!error && r->len)
        error = write_all(w->fd, line, r->len);
    pthread_mutex_lock(&w->mutex);
    w->failing = error != 0;
    if (error) {
        struct loss this = loss_of_line(r->severe, error);
        lost.error = error;
        if (lost.lines)
            lose(w, &lost);
        if (r->len)
            lose(w, &this);
    }
    pthread_mutex_unlock(&w->mutex);
}

/* The next line, or what was lost after the last one. False: the end. */
static bool take_record(struct log_writer *w, struct record *r, char *line)
{
    bool taken = true;
    pthread_mutex_lock(&w->mutex);
    while (!w->used && (!w->loss.lines || w->failing) && !w->ending)
        pthread_cond_wait(&w->work, &w->mutex);
    *r = (struct record){0};
    if (w->used) {
        ring_take(w, r, sizeof *r);
        ring_take(w, line, r->len);
    } else if (w->loss.lines && !w->failing) {
        r->before = w->loss;
        w->loss = (struct loss){0};
    } else {
        taken = false;
    }
    pthread_mutex_unlock(&w->mutex);
    return taken;
}

static void *run(void *arg)
{
    struct log_writer *w = arg;
    struct record r;
    char line[LOG_LINE_MAX + 1];
    while (take_record(w, &r, line))
        write_record(w, &r, line);
    pthread_mutex_lock(&w->mutex);
    w->ended = true;
    pthread_cond_signal(&w->ended_cond);
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* --- life --- */

static int start_thread(struct log_writer *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err ? E_NOMEM : 0;
}

static void init_conditions(struct log_writer *w)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->work, NULL);
    pthread_cond_init(&w->ended_cond, &attr);
    pthread_condattr_destroy(&attr);
}

static void free_writer(struct log_writer *w)
{
    pthread_cond_destroy(&w->ended_cond);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

int log_writer_create(int fd, struct log_writer **out)
{
    struct log_writer *w = *out = calloc(1, sizeof *w);
    if (!w)
        return E_NOMEM;
    w->fd = fd;
    init_conditions(w);
    int err = start_thread(w);
    if (err) {
        free_writer(w);
        *out = NULL;
    }
    return err;
}

static bool await_end(struct log_writer *w, unsigned linger_ms)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += linger_ms / 1000;
    end.tv_nsec += (long)(linger_ms % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_nsec -= 1000000000;
        end.tv_sec++;
    }
    pthread_mutex_lock(&w->mutex);
    w->ending = true;
    pthread_cond_signal(&w->work);
    while (!w->ended && pthread_cond_timedwait(&w->ended_cond, &w->mutex, &end) == 0)
        ;
    bool ended = w->ended;
    pthread_mutex_unlock(&w->mutex);
    return ended;
}

uint64_t log_writer_lost(struct log_writer *w)
{
    pthread_mutex_lock(&w->mutex);
    uint64_t lines = w->loss.lines;
    pthread_mutex_unlock(&w->mutex);
    return lines;
}

void log_writer_destroy(struct log_writer **w, unsigned linger_ms)
{
    if (!*w)
        return;
    if (await_end(*w, linger_ms)) {
        pthread_join((*w)->thread, NULL);
        free_writer(*w);
    }
    *w = NULL;
}
