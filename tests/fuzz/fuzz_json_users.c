/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of users, as an environment variable holds it. */
#include "fuzz.h"
#include "base/err.h"
#include "ephemerald/json.h"

#include <stdlib.h>

#define WHY_SIZE 256

static struct config config; /* 100 KB */

static void check_user(const char *name)
{
    size_t len = strlen(name);
    ASSERT(len >= 1 && len <= 255);
    for (const char *p = name; *p; p++)
        ASSERT((unsigned char)*p > ' ' && *p != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[WHY_SIZE] = "";
    char *text = malloc(size + 1);
    ASSERT(text);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    config.user_count = 0;
    int err = json_read_users(&config, text, why, sizeof why);
    ASSERT(err == 0 ? config.user_count > 0 : *why != '\0');
    ASSERT(config.user_count <= CONFIG_USERS_MAX && strlen(why) < sizeof why);
    for (size_t i = 0; i < config.user_count; i++) {
        check_user(config.user_names[i]);
        free(config.user_names[i]);
    }
    free(text);
    return 0;
}
