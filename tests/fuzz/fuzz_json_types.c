/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of bucket types, as an environment variable holds it. What is accepted, a catalog takes. */
#include "fuzz.h"
#include "base/err.h"
#include "ephemerald/json.h"
#include "store/catalog.h"
#include "store/props_check.h"

#include <stdlib.h>

#define WHY_SIZE 256

static struct config config; /* 100 KB */

static void check_types(void)
{
    const struct hash_key key = {1, 2};
    struct store_memory memory = {0, SIZE_MAX / 2};
    struct catalog *catalog;
    ASSERT(catalog_create(&memory, &key, &catalog) == 0);
    for (size_t i = 0; i < config.bucket_type_count; i++) {
        const struct config_bucket_type *t = &config.bucket_types[i];
        char text[512];
        ASSERT(props_check_type(&t->props, text, sizeof text));
        ASSERT(catalog_create_type(catalog, slice_str(t->name), &t->props) == 0);
    }
    catalog_destroy(&catalog);
    ASSERT(memory.used == 0);
}

/* As config_fini() and a new start do. */
static void forget_types(void)
{
    json_free(&config);
    for (size_t i = 0; i < config.bucket_type_count; i++)
        free(config.bucket_types[i].name);
    memset(config.bucket_types, 0, (config.bucket_type_count + 1) * sizeof config.bucket_types[0]);
    config.bucket_type_count = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[WHY_SIZE] = "";
    char *text = malloc(size + 1);
    ASSERT(text);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    int err = json_read_types(&config, text, why, sizeof why);
    ASSERT(err == 0 || *why != '\0');
    ASSERT(config.bucket_type_count < CONFIG_TYPES_MAX && strlen(why) < sizeof why);
    free(text); /* nothing borrows from it */
    if (err == 0)
        check_types();
    forget_types();
    return 0;
}
