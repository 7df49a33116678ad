/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/cert_files.h"

#include "ephemeralctl/text.h"
#include "tls/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

int cert_files_path(const char *dir, const char *name, const char *ending, char out[CERT_PATH_MAX])
{
    int n = strchr(name, '/') || *name == '\0' || *name == '.'
                ? -1
                : snprintf(out, CERT_PATH_MAX, "%s/%s%s", dir, name, ending);
    if (n > 0 && n < CERT_PATH_MAX)
        return 0;
    text_error("'%s' cannot be the name of a file in %s", name, dir);
    return EX_USAGE;
}

static int fail_read(const char *what, const char *path)
{
    int e = errno;
    text_error("%s: cannot read %s: %s", what, path, strerror(e));
    return e == ENOENT || e == ENOTDIR ? EX_NOINPUT : e == EACCES || e == EPERM ? EX_NOPERM : EX_IOERR;
}

static int read_all(int fd, const char *what, const char *path, struct buf *out)
{
    uint8_t *room;
    if (buf_reserve(out, PEM_TEXT_MAX + 1, &room)) {
        text_error("out of memory");
        return EX_OSERR;
    }
    for (size_t len = 0; len <= PEM_TEXT_MAX;) {
        ssize_t n = read(fd, room + len, PEM_TEXT_MAX + 1 - len);
        if (n < 0 && errno != EINTR)
            return fail_read(what, path);
        if (n == 0)
            return 0;
        if (n > 0) {
            buf_commit(out, (size_t)n);
            len += (size_t)n;
        }
    }
    text_error("%s: %s has more than %zu bytes", what, path, PEM_TEXT_MAX);
    return EX_DATAERR;
}

int cert_files_read(const char *given, const char *what, struct buf *out)
{
    buf_init(out, PEM_TEXT_MAX + 1);
    if (pem_is_text(given))
        return buf_append_slice(out, slice_str(given)) ? EX_DATAERR : 0;
    int fd = open(given, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_read(what, given);
    int status = read_all(fd, what, given, out);
    close(fd);
    return status;
}

int cert_files_free(const char *const *paths, bool force)
{
    for (; !force && *paths; paths++)
        if (access(*paths, F_OK) == 0) {
            text_error("%s exists: give another --dir, or --force to replace it", *paths);
            return EX_CANTCREAT;
        }
    return 0;
}

static int fail_write(const char *path)
{
    text_error(errno == EEXIST ? "%s exists: give another --dir, or --force to replace it" : "cannot write %s: %s",
               path, strerror(errno));
    return EX_CANTCREAT;
}

static bool write_all(int fd, struct slice text)
{
    while (text.len) {
        ssize_t n = write(fd, text.data, text.len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            text = slice_skip(text, (size_t)n);
    }
    return fsync(fd) == 0 || errno == EINVAL;
}

/* Under another name first, so that nobody reads half of it; link(2), unlike rename(2), replaces nothing. */
static bool put_in_place(const char *draft, const char *path, bool force)
{
    return force ? rename(draft, path) == 0 : link(draft, path) == 0 && unlink(draft) == 0;
}

int cert_files_write(const char *path, struct slice text, bool secret, bool force)
{
    char draft[CERT_PATH_MAX + 16];
    snprintf(draft, sizeof draft, "%s.%d.new", path, (int)getpid());
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_write(path);
    bool ok = write_all(fd, text) && (secret || fchmod(fd, 0644) == 0);
    ok = close(fd) == 0 && ok;
    if (ok && put_in_place(draft, path, force))
        return 0;
    int status = fail_write(path);
    unlink(draft);
    return status;
}

bool cert_files_is_open(const char *path)
{
    struct stat st;
    return !pem_is_text(path) && stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0;
}
