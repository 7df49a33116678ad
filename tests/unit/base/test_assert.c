/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"

#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child whose standard error is that descriptor fails an assertion: what wait() says of it. */
static int status_of_child(int standard_error)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(30); /* its signal, should the child hang */
        dup2(standard_error, STDERR_FILENO);
        assert_fail("1 == 2", "some.c", 7, "some_function");
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void assert_aborted(int status)
{
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void test_what_is_said(void **state)
{
    int fd[2];
    char text[512];
    (void)state;
    assert_int_equal(pipe(fd), 0);
    assert_aborted(status_of_child(fd[1]));
    ssize_t n = read(fd[0], text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = '\0';
    assert_string_equal(text, "assertion failed: 1 == 2 at some.c:7 in some_function(): this is a bug of ours, please "
                              "report it\n");
    close(fd[0]);
    close(fd[1]);
}

/* A process that must end does not wait for a reader. */
static void test_nobody_reads(void **state)
{
    static const char zeros[4096];
    int fd[2];
    (void)state;
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
    while (write(fd[1], zeros, sizeof zeros) > 0)
        ;
    assert_int_equal(fcntl(fd[1], F_SETFL, 0), 0);
    assert_aborted(status_of_child(fd[1]));
    close(fd[0]);
    close(fd[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_said),
        cmocka_unit_test(test_nobody_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
