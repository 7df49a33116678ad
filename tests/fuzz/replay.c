/* SPDX-License-Identifier: Apache-2.0 */
/* The main() of a fuzz target that is built without libFuzzer: runs the target over every file of a directory, which is
 * how the committed corpus is a test on every machine. An empty directory is a failure: it would test nothing. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INPUT_MAX ((off_t)16 * 1024 * 1024) /* a corpus is small; more is a mistake */

/* The file's bytes in a block of just their size; NULL when it cannot be read. */
static uint8_t *load(const char *path, size_t *size)
{
    struct stat st;
    uint8_t *data = NULL;
    FILE *f = fopen(path, "re");
    if (!f)
        return NULL;
    if (fstat(fileno(f), &st) == 0 && st.st_size <= INPUT_MAX) {
        *size = (size_t)st.st_size;
        data = malloc(*size ? *size : 1);
    }
    if (data && fread(data, 1, *size, f) != *size) {
        free(data);
        data = NULL;
    }
    fclose(f);
    return data;
}

static int replay_file(const char *path)
{
    size_t size = 0;
    uint8_t *data = load(path, &size);
    if (!data) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return -1;
    }
    /* Named before it is run: when it crashes, the last line says which one it was. */
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

static int is_input(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **entries;
    char path[4096];
    int failed = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
        return 2;
    }
    int count = scandir(argv[1], &entries, is_input, alphasort);
    if (count <= 0) {
        fprintf(stderr, "%s: no inputs\n", argv[1]);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        failed |= replay_file(path);
        free(entries[i]);
    }
    free(entries);
    printf("%d inputs run\n", count);
    return failed ? 1 : 0;
}
