/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/root_files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One look, on a worker thread: it works on what it was given, and the loop takes the result. */
struct root_look {
    struct root_files *files;
    const struct config *config;
    struct root_file_mark seen[2], taken[2], now[2];
    bool asked; /* read whatever it is */
    bool did_read;
    int status;
    struct config_pem cert, key;
    char why[1024];
};

static int64_t ns_of(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct root_file_mark mark_of(const char *path)
{
    struct stat st;
    if (!path || stat(path, &st))
        return (struct root_file_mark){0};
    return (struct root_file_mark){.device = st.st_dev,
                                   .inode = st.st_ino,
                                   .size = (uint64_t)st.st_size,
                                   .modified_ns = ns_of(st.st_mtim),
                                   .changed_ns = ns_of(st.st_ctim)};
}

static void take_marks(const struct config *c, struct root_file_mark out[2])
{
    out[0] = mark_of(c->root_ca_cert.path);
    out[1] = mark_of(c->root_ca_key.path);
}

static bool same(const struct root_file_mark a[2], const struct root_file_mark b[2])
{
    return memcmp(a, b, 2 * sizeof a[0]) == 0;
}

static void look_on_worker(uv_work_t *work)
{
    struct root_look *l = work->data;
    take_marks(l->config, l->now);
    bool settled = same(l->now, l->seen) && !same(l->now, l->taken);
    if (!l->asked && !settled)
        return;
    l->did_read = true;
    l->status = config_reread_root(l->config, &l->cert, &l->key, l->why, sizeof l->why);
}

/* Soon again where something has changed that was not read yet. */
static uint64_t next_look_ms(const struct root_files *f)
{
    return f->asked ? 1 : same(f->seen, f->taken) ? ROOT_FILES_LOOK_MS : ROOT_FILES_SETTLE_MS;
}

static void hand_over(struct root_files *f, struct root_look *l)
{
    memcpy(f->seen, l->now, sizeof f->seen);
    if (!l->did_read)
        return;
    memcpy(f->taken, l->now, sizeof f->taken);
    if (l->status)
        f->config.failed(f->config.arg, l->why);
    else
        f->config.read(f->config.arg, &l->cert, &l->key, l->asked);
}

static void looked(uv_work_t *work, int status)
{
    struct root_look *l = work->data;
    struct root_files *f = l->files;
    f->looking = false;
    if (!f->ended && !status) {
        hand_over(f, l);
        timer_start(&f->config.loop->timers, &f->look, next_look_ms(f));
    }
    config_pem_fini(&l->cert);
    config_pem_fini(&l->key);
    free(l);
}

static bool begin(struct root_files *f)
{
    struct root_look *l = calloc(1, sizeof *l);
    if (!l)
        return false;
    l->files = f;
    l->config = f->config.config;
    l->asked = f->asked;
    memcpy(l->seen, f->seen, sizeof l->seen);
    memcpy(l->taken, f->taken, sizeof l->taken);
    f->work.data = l;
    f->looking = uv_queue_work(&f->config.loop->uv, &f->work, look_on_worker, looked) == 0;
    if (!f->looking)
        free(l);
    return f->looking;
}

static void on_look(struct timer *t)
{
    struct root_files *f = LIST_ENTRY(t, struct root_files, look);
    if (f->looking)
        return;
    if (begin(f))
        f->asked = false;
    else
        timer_start(&f->config.loop->timers, &f->look, ROOT_FILES_LOOK_MS);
}

void root_files_init(struct root_files *f, const struct root_files_config *config)
{
    *f = (struct root_files){.config = *config};
    timer_init(&f->look, on_look);
}

bool root_files_exist(const struct root_files *f)
{
    return f->config.config->root_ca_cert.path || f->config.config->root_ca_key.path;
}

/* What was read at the start may have changed since: the marks are zeros, so that the first look reads once more. */
void root_files_start(struct root_files *f)
{
    if (root_files_exist(f))
        timer_start(&f->config.loop->timers, &f->look, ROOT_FILES_SETTLE_MS);
}

void root_files_read(struct root_files *f)
{
    if (f->ended || !root_files_exist(f))
        return;
    f->asked = true;
    if (!f->looking)
        timer_start(&f->config.loop->timers, &f->look, 1);
}

void root_files_end(struct root_files *f)
{
    f->ended = true;
    timer_stop(&f->config.loop->timers, &f->look);
}
