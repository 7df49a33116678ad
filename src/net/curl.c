/* SPDX-License-Identifier: Apache-2.0 */
#include "net/curl.h"

#include "base/err.h"

#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LIBRARY "libcurl.so.4"

static int fail(int err, char *why, size_t why_size, const char *text)
{
    snprintf(why, why_size, "%s cannot be used: %s; install it (package libcurl4, or libcurl4t64)", LIBRARY, text);
    return err;
}

static bool find(void *library, const char *name, void *function, size_t size)
{
    void *found = dlsym(library, name);
    memcpy(function, &found, size);
    return found != NULL;
}

/* --- what the loading leaves in memory --- */

/* Libraries in the order of their loading. */
struct library_walk {
    size_t seen;
    size_t known; /* that were there before */
};

static int count_library(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)info;
    (void)size;
    ((struct library_walk *)arg)->known++;
    return 0;
}

/* What is never written is in the file, and comes back from there when it is used. */
static int give_back(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct library_walk *w = arg;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)size;
    if (w->seen++ < w->known)
        return 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uintptr_t begin = (info->dlpi_addr + p->p_vaddr) & ~(page - 1);
        uintptr_t end = (info->dlpi_addr + p->p_vaddr + p->p_memsz) & ~(page - 1);
        if (p->p_type == PT_LOAD && !(p->p_flags & PF_W) && end > begin)
            madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

/* --- loading --- */

int curl_load(struct curl *c, char *why, size_t why_size)
{
    struct library_walk walk = {.known = 0};
    if (c->loaded)
        return 0;
    dl_iterate_phdr(count_library, &walk);
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return fail(E_UNSUPPORTED, why, why_size, dlerror());
#define X(name)                                                                                                        \
    if (!find(library, "curl_" #name, &c->name, sizeof c->name))                                                       \
        return fail(E_UNSUPPORTED, why, why_size, "it has no curl_" #name "()");
    CURL_FUNCTIONS(X)
#undef X
    if (c->global_init(CURL_GLOBAL_SSL))
        return fail(E_NOMEM, why, why_size, "it could not be initialized");
    c->loaded = true;
    /* To relocate and initialize some thirty libraries, two megabytes of them are read that nobody needs again. */
    dl_iterate_phdr(give_back, &walk);
    return 0;
}

void curl_unload(struct curl *c)
{
    if (c->loaded)
        c->global_cleanup();
    c->loaded = false;
}
