/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stdio_fds.h"

#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static bool fails_with_ebadf(ssize_t n)
{
    return n == -1 && errno == EBADF;
}

/* In a child: 0, or the number of the line that was not right. `closed`: bit n for descriptor n. */
static int check_in_child(unsigned closed)
{
    char byte = 'x';
    for (int fd = 0; fd <= 2; fd++)
        if (closed & 1u << fd)
            close(fd);
    if (stdio_fds_open())
        return __LINE__;
    int next = open("/dev/null", O_RDONLY);
    if (next <= 2)
        return __LINE__;
    if ((closed & 1) && !fails_with_ebadf(read(0, &byte, 1)))
        return __LINE__;
    if ((closed & 2) && !fails_with_ebadf(write(1, &byte, 1)))
        return __LINE__;
    if ((closed & 4) && !fails_with_ebadf(write(2, &byte, 1)))
        return __LINE__;
    if (!(closed & 4) && fcntl(2, F_GETFL) < 0)
        return __LINE__;
    return 0;
}

static void test_each_that_is_closed(void **state)
{
    (void)state;
    for (unsigned closed = 0; closed < 8; closed++) {
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(check_in_child(closed));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status))
            fail_msg("closed %u: line %d", closed, WEXITSTATUS(status));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_that_is_closed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
