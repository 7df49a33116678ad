/* SPDX-License-Identifier: Apache-2.0 */
/* The memory that the kernel lets this process have: the limits of its control group and of every group above it that
 * can be seen, in version 1 and version 2 of the interface (and in both at once, as some systems have them).
 *
 * /proc/self/cgroup says which group, /proc/self/mountinfo where groups are mounted, and which group is the root of
 * the mount. Containers see their own group, or one above it, as that root; what is further up is hidden from them. */
#ifndef EPHEMERALD_CGROUP_H
#define EPHEMERALD_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#define CGROUP_PATH_MAX 512

struct cgroup_limit {
    uint64_t bytes;
    char file[CGROUP_PATH_MAX]; /* where the kernel says so */
};

/* The smallest limit. memory.high counts like memory.max: over it the kernel slows a process down until it is of no
 * use. False: there is none; out->bytes is UINT64_MAX then. */
bool cgroup_memory_limit(struct cgroup_limit *out);

#endif
