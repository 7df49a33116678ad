#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void assert_fail(const char *expression, const char *file, int line, const char *function)
{
    fprintf(stderr, "assertion failed: %s at %s:%d in %s(): this is a bug of ours, please report it\n", expression,
            file, line, function);
    abort();
}
