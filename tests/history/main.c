/* SPDX-License-Identifier: Apache-2.0 */
/* history-check: judges histories in files (history.h says their form). */
#include "history/check.h"

#include <string.h>
#include <sysexits.h>

static const char usage[] = "Usage: history-check FILE...\n"
                            "\n"
                            "Says of each history whether a correct store can have it: its keys are linearizable, its "
                            "revisions never go back, and\n"
                            "nothing was read that nobody wrote. Exit status: 0 all can; 1 one cannot, and why is "
                            "told; 2 one could not be decided;\n"
                            "64 one is not in the form that tests/history/history.h describes.\n";

static int check_file(const char *name)
{
    struct history h;
    static struct check_report r;
    char why[256];
    FILE *f = fopen(name, "r");
    if (!f) {
        fprintf(stderr, "history-check: %s cannot be opened\n", name);
        return EX_USAGE;
    }
    history_init(&h);
    bool good = history_read(&h, f, why, sizeof why);
    fclose(f);
    if (!good) {
        fprintf(stderr, "history-check: %s: %s\n", name, why);
        history_fini(&h);
        return EX_USAGE;
    }
    enum check_verdict v = history_check(&h, &r);
    printf("%s: %zu operations on %zu keys: %s\n%s", name, r.operations, r.keys,
           v == CHECK_RIGHT   ? "linearizable"
           : v == CHECK_WRONG ? "WRONG"
                              : "undecided",
           r.story);
    history_fini(&h);
    return v == CHECK_RIGHT ? 0 : v == CHECK_WRONG ? 1 : 2;
}

int main(int argc, char **argv)
{
    int worst = 0;
    bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
    if (argc < 2 || help) {
        fputs(usage, help ? stdout : stderr);
        return help ? 0 : EX_USAGE;
    }
    for (int i = 1; i < argc; i++) {
        int status = check_file(argv[i]);
        if (status == EX_USAGE || worst == EX_USAGE)
            worst = EX_USAGE;
        else if (status == 1 || worst == 0)
            worst = status;
    }
    return worst;
}
