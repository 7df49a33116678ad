/* SPDX-License-Identifier: Apache-2.0 */
/* The machine as the configuration sees it, made up by the test: the files that an orchestrator mounts and the kernel
 * shows, and the host's name. All other files are the real ones. */
#ifndef FAKE_HOST_H
#define FAKE_HOST_H

/* No made-up files, the name "node-7". */
void fake_host_reset(void);
/* A file under /riak-bootstrap, /var/run/secrets or /sys/fs/cgroup, or /proc/self/cgroup or mountinfo. Both are
 * borrowed until the reset. */
void fake_host_add_file(const char *path, const char *text);
/* NULL: there is none. Borrowed likewise. */
void fake_host_set_name(const char *name);

#endif
