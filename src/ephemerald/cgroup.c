/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemerald/cgroup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE           UINT64_MAX
#define UNLIMITED_FROM (UINT64_MAX / 4) /* version 1 says "no limit" by a number like this */

struct version {
    const char *type;       /* of the mount, as mountinfo calls it */
    const char *controller; /* among the mount's options and in /proc/self/cgroup; empty: of version 2, which has all */
    const char *files[2];
    const char *usual_mount; /* where /proc says nothing */
};

static const struct version versions[] = {
    {"cgroup2", "", {"memory.max", "memory.high"}, "/sys/fs/cgroup"},
    {"cgroup", "memory", {"memory.limit_in_bytes", NULL}, "/sys/fs/cgroup/memory"},
};

/* --- one group --- */

static uint64_t read_bytes(const char *path)
{
    FILE *f = fopen(path, "re");
    unsigned long long value;
    bool ok = f && fscanf(f, "%llu", &value) == 1; /* "max" is none */
    if (f)
        fclose(f);
    return ok && value < UNLIMITED_FROM ? value : NONE;
}

static void take_limits(const struct version *v, const char *group, struct cgroup_limit *least)
{
    char path[CGROUP_PATH_MAX];
    for (size_t i = 0; i < sizeof v->files / sizeof v->files[0] && v->files[i]; i++) {
        if (snprintf(path, sizeof path, "%s/%s", group, v->files[i]) >= (int)sizeof path)
            continue;
        uint64_t bytes = read_bytes(path);
        if (bytes < least->bytes) {
            least->bytes = bytes;
            strcpy(least->file, path);
        }
    }
}

/* The group at `mount` + `path`, and those above it up to the mount. */
static void take_hierarchy(const struct version *v, const char *mount, const char *path, struct cgroup_limit *least)
{
    char group[CGROUP_PATH_MAX];
    size_t root = strlen(mount);
    if (snprintf(group, sizeof group, "%s%s", mount, path) >= (int)sizeof group)
        group[root] = '\0';
    for (;;) {
        take_limits(v, group, least);
        char *last = strrchr(group, '/');
        if (strlen(group) <= root || !last)
            return;
        *last = '\0';
    }
}

/* --- which group --- */

static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = list; *p; p += strspn(p, ",")) {
        size_t n = strcspn(p, ",");
        if (n == len && memcmp(p, word, len) == 0)
            return true;
        p += n;
    }
    return !*list && !*word;
}

/* A line of /proc/self/cgroup: "4:cpu,memory:/a/b". NULL: of another hierarchy. */
static const char *path_in_line(const struct version *v, char *line)
{
    char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return NULL;
    *path++ = '\0';
    path[strcspn(path, "\n")] = '\0';
    return has_word(controllers + 1, v->controller) ? path : NULL;
}

/* `out` is empty where it is the root, or not known. */
static void read_own_path(const struct version *v, char out[CGROUP_PATH_MAX])
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    char *line = NULL;
    size_t size = 0;
    *out = '\0';
    while (f && getline(&line, &size, f) > 0) {
        const char *path = path_in_line(v, line);
        if (path && strcmp(path, "/") != 0 && strlen(path) < CGROUP_PATH_MAX)
            strcpy(out, path);
    }
    free(line);
    if (f)
        fclose(f);
}

/* --- where it is mounted --- */

struct mount {
    char *root, *point, *type, *options;
};

static int octal(const char *p)
{
    int value = 0;
    for (int i = 0; i < 3; i++) {
        if (p[i] < '0' || p[i] > '7')
            return -1;
        value = value * 8 + (p[i] - '0');
    }
    return value;
}

/* In place: blanks and backslashes are written as \040 and the like. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        int value = *p == '\\' ? octal(p + 1) : -1;
        *to++ = value > 0 ? (char)value : *p;
        if (value > 0)
            p += 3;
    }
    *to = '\0';
}

/* A line of /proc/self/mountinfo: "36 35 98:0 ROOT POINT options tags... - TYPE source OPTIONS". */
static bool parse_mount(char *line, struct mount *out)
{
    char *rest = line, *word, *end = strstr(line, " - ");
    if (!end)
        return false;
    *end = '\0';
    *out = (struct mount){0};
    for (int i = 0; (word = strsep(&rest, " ")); i++)
        if (i == 3)
            out->root = word;
        else if (i == 4)
            out->point = word;
    rest = end + 3;
    out->type = strsep(&rest, " ");
    strsep(&rest, " ");
    out->options = rest ? rest : end;
    out->options[strcspn(out->options, "\n")] = '\0';
    if (!out->point)
        return false;
    unescape(out->root);
    unescape(out->point);
    return true;
}

/* The part of `path` below the mount's root. Where the one does not begin with the other, as in a namespace, the root
 * is the nearest that can be seen. */
static const char *below_root(const char *path, const char *root)
{
    size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(path, root, len) != 0 || (path[len] && path[len] != '/') || strncmp(path, "/..", 3) == 0)
        return "";
    return path + len;
}

static bool is_of(const struct version *v, const struct mount *m)
{
    return strcmp(m->type, v->type) == 0 && (!*v->controller || has_word(m->options, v->controller));
}

static void take_version(const struct version *v, struct cgroup_limit *least)
{
    char path[CGROUP_PATH_MAX], *line = NULL;
    size_t size = 0;
    bool mounted = false;
    FILE *f = fopen("/proc/self/mountinfo", "re");
    read_own_path(v, path);
    while (f && getline(&line, &size, f) > 0) {
        struct mount m;
        if (!parse_mount(line, &m) || !is_of(v, &m))
            continue;
        mounted = true;
        take_hierarchy(v, m.point, below_root(path, m.root), least);
    }
    if (!mounted)
        take_hierarchy(v, v->usual_mount, "", least);
    free(line);
    if (f)
        fclose(f);
}

bool cgroup_memory_limit(struct cgroup_limit *out)
{
    *out = (struct cgroup_limit){.bytes = NONE};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        take_version(&versions[i], out);
    return out->bytes != NONE;
}
