#include "net/curl.h"

#include "base/err.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

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

int curl_load(struct curl *c, char *why, size_t why_size)
{
    if (c->loaded)
        return 0;
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
    return 0;
}

void curl_unload(struct curl *c)
{
    if (c->loaded)
        c->global_cleanup();
    c->loaded = false;
}
