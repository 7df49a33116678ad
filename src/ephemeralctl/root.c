/* SPDX-License-Identifier: Apache-2.0 */
#include "ephemeralctl/root.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

/* Empty is not set: a manifest may clear a variable so. */
static const char *variable(const char *name)
{
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

static bool can_read(const char *path)
{
    return access(path, R_OK) == 0;
}

static void take_root(struct options *o)
{
    o->root_cert = variable(OPTIONS_ROOT_CERT_VARIABLE);
    o->root_key = variable(OPTIONS_ROOT_KEY_VARIABLE);
    if (!o->root_cert && !o->root_key && can_read(ROOT_KUBERNETES_CERT) && can_read(ROOT_KUBERNETES_KEY)) {
        o->root_cert = ROOT_KUBERNETES_CERT;
        o->root_key = ROOT_KUBERNETES_KEY;
    }
}

/* An object, or an array of such: the daemon judges what else stands there. */
static void take_user(struct options *o)
{
    const char *text = variable(OPTIONS_USER_VARIABLE);
    if (!text)
        return;
    text += slice_bom_size(slice_str(text));
    json_t *root = json_loads(text, 0, NULL);
    const char *name = json_string_value(json_object_get(json_is_array(root) ? json_array_get(root, 0) : root, "name"));
    if (name && *name && strlen(name) < sizeof o->root_user) {
        strcpy(o->root_user, name);
        o->user = o->root_user;
    }
    json_decref(root);
}

void root_choose(struct options *o, bool needed)
{
    bool has_user_certificate = o->certs || o->cert || o->key;
    if (!o->root_cert && !o->root_key && (needed || !has_user_certificate))
        take_root(o);
    if ((o->root_cert || o->root_key) && !o->user)
        take_user(o);
}
