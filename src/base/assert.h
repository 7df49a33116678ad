/* SPDX-License-Identifier: Apache-2.0 */
/* ASSERT: guards our own mistakes and stays in release builds. Never used for what a peer, a client or a file can
 * cause: that is an error code. A failed assertion prints where and what, and aborts. */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

_Noreturn void assert_fail(const char *expression, const char *file, int line, const char *function);

#define ASSERT(x)                                                                                                      \
    do {                                                                                                               \
        if (__builtin_expect(!(x), 0))                                                                                 \
            assert_fail(#x, __FILE__, __LINE__, __func__);                                                             \
    } while (0)

#endif
