/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "client/socket.h"
#include "support.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* A port where nobody listens: it was free a moment ago. */
static uint16_t closed_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(s >= 0);
    assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(s, (struct sockaddr *)&a, &len), 0);
    close(s);
    return ntohs(a.sin_port);
}

/* Whoever failed owns nothing: to close it once more would close what another thread has opened meanwhile. */
static void test_refused_leaves_no_socket(void **state)
{
    int fd = -1;
    char why[256] = "";
    (void)state;
    assert_int_equal(client_socket_connect("127.0.0.1", closed_port(), client_now_ms() + 5000, &fd, why, sizeof why),
                     E_CLOSED);
    assert_int_equal(fd, -1);
    assert_true(why[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused_leaves_no_socket)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
