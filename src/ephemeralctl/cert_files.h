/* SPDX-License-Identifier: Apache-2.0 */
/* Files with certificates and keys. All functions say on stderr what went wrong, and return 0 or an exit status. */
#ifndef EPHEMERALCTL_CERT_FILES_H
#define EPHEMERALCTL_CERT_FILES_H

#include "base/buf.h"
#include "ephemeralctl/options.h"

#define CERT_PATH_MAX 4096

/* DIR/NAME with this ending, such as ".crt". */
int cert_files_path(const char *dir, const char *name, const char *ending, char out[CERT_PATH_MAX]);

/* The contents of a file, or `given` itself where it is a PEM. `out` takes its room once, for pem_wipe(); `what` begins
 * the error: "the root's key". */
int cert_files_read(const char *given, const char *what, struct buf *out);

/* Whether all of these may be written: with `force`, or as they do not exist. NULL ends the list. */
int cert_files_free(const char *const *paths, bool force);

/* Writes it whole or not at all. `secret`: for its owner alone (0600), else for all to read (0644). */
int cert_files_write(const char *path, struct slice text, bool secret, bool force);

/* Others than its owner may read the file. */
bool cert_files_is_open(const char *path);

#endif
