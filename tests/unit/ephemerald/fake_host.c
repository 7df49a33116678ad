/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_host.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILES_MAX 8

/* The linker's --wrap sends the calls of the program to these. */
FILE *__real_fopen(const char *path, const char *mode);
int __real_access(const char *path, int mode);

FILE *__wrap_fopen(const char *path, const char *mode);
int __wrap_access(const char *path, int mode);
int __wrap_gethostname(char *name, size_t size);

static struct fake_file {
    const char *path, *text;
} files[FILES_MAX];
static size_t file_count;
static const char *host_name;

void fake_host_reset(void)
{
    file_count = 0;
    fake_host_set_name("node-7");
}

void fake_host_add_file(const char *path, const char *text)
{
    files[file_count++] = (struct fake_file){path, text};
}

void fake_host_set_name(const char *name)
{
    host_name = name;
}

static bool is_made_up(const char *path)
{
    static const char *const folders[] = {"/riak-bootstrap", "/var/run/secrets", "/sys/fs/cgroup", "/proc/self/cgroup",
                                          "/proc/self/mountinfo"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (strncmp(path, folders[i], strlen(folders[i])) == 0)
            return true;
    return false;
}

static const struct fake_file *find(const char *path)
{
    for (size_t i = 0; i < file_count; i++)
        if (strcmp(files[i].path, path) == 0)
            return &files[i];
    errno = ENOENT;
    return NULL;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    if (!is_made_up(path))
        return __real_fopen(path, mode);
    const struct fake_file *f = find(path);
    return f ? fmemopen((void *)(size_t)f->text, strlen(f->text), "r") : NULL;
}

int __wrap_access(const char *path, int mode)
{
    if (!is_made_up(path))
        return __real_access(path, mode);
    return find(path) ? 0 : -1;
}

int __wrap_gethostname(char *name, size_t size)
{
    if (!host_name)
        return -1;
    snprintf(name, size, "%s", host_name);
    return 0;
}
