/* SPDX-License-Identifier: Apache-2.0 */
/* The root's certificate and key, where they were given as files: read again when a file changes, and on request
 * (SIGHUP).
 *
 * The files are looked at every few seconds with stat(2), which follows symbolic links, so that a swapped link is seen
 * too: Kubernetes updates a mounted secret by swapping the link `..data` of its folder. A watch on the folder
 * (inotify) would miss changes of the target of a symbolic link and on network file systems, and would need the look
 * as a fallback anyway. A change is taken once the files have stayed the same for a moment: certificate and key may be
 * two files that change one after the other. A worker thread does the file system's part, so that a slow one never
 * holds up the loop. */
#ifndef EPHEMERALD_ROOT_FILES_H
#define EPHEMERALD_ROOT_FILES_H

#include "ephemerald/config.h"
#include "net/loop.h"

#define ROOT_FILES_LOOK_MS   ((uint64_t)5000)
#define ROOT_FILES_SETTLE_MS ((uint64_t)1000)

/* What tells one content of a file from another; zeros: there is no such file, or it is not a file's. */
struct root_file_mark {
    uint64_t device, inode, size;
    int64_t modified_ns, changed_ns;
};

struct root_files_config {
    const struct config *config; /* borrowed until root_files_end() */
    struct net_loop *loop;
    /* The contents, which the function takes over. `asked`: root_files_read() asked for it. */
    void (*read)(void *arg, struct config_pem *cert, struct config_pem *key, bool asked);
    void (*failed)(void *arg, const char *why); /* a file could not be read */
    void *arg;
};

struct root_files {
    struct root_files_config config;
    struct timer look;
    uv_work_t work;
    struct root_file_mark seen[2], taken[2]; /* certificate and key: at the last look, and as they were read */
    bool looking, asked, ended;
};

void root_files_init(struct root_files *f, const struct root_files_config *config);
/* False: both parts were given as texts, which cannot change. */
bool root_files_exist(const struct root_files *f);
/* Begins to look. Nothing happens where there are no files. */
void root_files_start(struct root_files *f);
/* Reads the files now, whether they have changed or not. */
void root_files_read(struct root_files *f);
/* No function of the configuration is called any more. The loop may still wait for a worker. */
void root_files_end(struct root_files *f);

#endif
