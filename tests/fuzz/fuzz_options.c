/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file, with the daemon's own table; then the same lines as flags; then every value read as what its
 * row says it is. */
#include "fuzz.h"
#include "base/err.h"
#include "ephemerald/options.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FLAGS_MAX 64
#define WHY_SIZE  512

static void read_values(const struct option_set *s)
{
    char why[WHY_SIZE];
    uint64_t number;
    bool flag;
    for (size_t i = 0; i < s->count; i++) {
        const struct option *o = &s->table[i];
        if (!option_text(s, o->name))
            continue;
        if (o->type == OPTION_FLAG)
            (void)option_flag(s, o->name, &flag, why, sizeof why);
        else if (o->type != OPTION_TEXT && option_number(s, o->name, &number, why, sizeof why) == 0)
            ASSERT(number >= o->min && number <= o->max);
    }
}

static void fuzz_file(struct slice text)
{
    static int fd = -1;
    char path[64], why[WHY_SIZE] = "";
    struct option_set s;
    if (fd < 0)
        fd = memfd_create("options", MFD_CLOEXEC);
    ASSERT(fd >= 0 && ftruncate(fd, 0) == 0);
    ASSERT(pwrite(fd, text.data, text.len, 0) == (ssize_t)text.len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ASSERT(option_set_init(&s, daemon_options, daemon_option_count) == 0);
    int err = option_read_file(&s, "config", path, why, sizeof why);
    ASSERT(err == 0 ? *why == '\0' : *why != '\0' && strlen(why) < sizeof why);
    read_values(&s);
    option_set_fini(&s);
}

/* Each line is one argument. */
static void fuzz_flags(struct slice text)
{
    char *argv[FLAGS_MAX] = {(char[]){"ephemerald"}};
    char *copy = malloc(text.len + 1), *at = copy, why[WHY_SIZE] = "";
    int argc = 1;
    struct option_set s;
    ASSERT(copy);
    if (text.len)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    while (at && argc < FLAGS_MAX)
        argv[argc++] = strsep(&at, "\n");
    ASSERT(option_set_init(&s, daemon_options, daemon_option_count) == 0);
    int err = option_read_flags(&s, argc, argv, why, sizeof why);
    ASSERT(err == 0 ? *why == '\0' : *why != '\0' && strlen(why) < sizeof why);
    read_values(&s);
    option_set_fini(&s);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_file(slice_make(data, size));
    fuzz_flags(slice_make(data, size));
    return 0;
}
