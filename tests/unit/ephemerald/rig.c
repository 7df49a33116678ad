/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include "ephemerald/options.h"

#include <stdlib.h>
#include <unistd.h>

/* Every variable that is looked at. */
static void clear_environment(void)
{
    static const char *const others[] = {"HOST",
                                         "MARATHON_APP_ID",
                                         "MARATHON_APP_RESOURCE_MEM",
                                         "KUBERNETES_SERVICE_HOST",
                                         "KUBERNETES_SERVICE_PORT",
                                         "POD_IP",
                                         "POD_NAME",
                                         "NAMESPACE",
                                         "HOSTNAME",
                                         "MESOS_TASK_ID"};
    char name[64];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        unsetenv(others[i]);
    for (size_t i = 0; i < daemon_option_count; i++)
        for (const char *p = daemon_options[i].environment; p && *p;) {
            size_t len = strcspn(p, " ");
            snprintf(name, sizeof name, "%.*s", (int)len, p);
            unsetenv(name);
            p += len + strspn(p + len, " ");
        }
}

void set(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

void rig_init_bare(struct rig *r)
{
    *r = (struct rig){.c = malloc(sizeof *r->c)};
    assert_non_null(r->c);
    clear_environment();
    fake_host_reset();
}

void rig_init(struct rig *r)
{
    rig_init_bare(r);
    set("EPHEMERAL_STORE_USER", USER);
    set("EPHEMERAL_STORE_ROOT_CA_CERT", CERT);
    set("EPHEMERAL_STORE_ROOT_CA_KEY", KEY);
    set("EPHEMERAL_STORE_PEERS", PEERS);
}

void rig_fini(struct rig *r)
{
    if (r->read)
        config_fini(r->c);
    if (*r->path)
        unlink(r->path);
    free(r->c);
    clear_environment();
}

#define FLAGS_MAX 16

int rig_read(struct rig *r, const char *const *flags)
{
    char *argv[FLAGS_MAX + 2] = {"ephemerald"};
    int argc = 1;
    for (; *flags && argc <= FLAGS_MAX; flags++)
        argv[argc++] = (char *)(uintptr_t)*flags;
    if (r->read)
        config_fini(r->c);
    r->read = true;
    return config_read(r->c, argc, argv, &r->wish, r->why, sizeof r->why);
}

void assert_good(const struct rig *r, int status)
{
    if (status)
        fail_msg("%d: %s", status, r->why);
    assert_string_equal(r->why, "");
    assert_int_equal(r->wish, CONFIG_RUN);
}

void assert_why(const struct rig *r, const char *part)
{
    if (!strstr(r->why, part))
        fail_msg("\"%s\" does not say \"%s\"", r->why, part);
}

const char *write_bytes(struct rig *r, const void *data, size_t len)
{
    if (*r->path)
        unlink(r->path);
    strcpy(r->path, "/tmp/ephemeral-config-XXXXXX");
    int fd = mkstemp(r->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
    return r->path;
}

const char *write_file(struct rig *r, const char *text)
{
    return write_bytes(r, text, strlen(text));
}
