/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of users: the input is a row of them, each with a length (u16) in front. What decodes is written, decodes and
 * is written the same again; and is applied to a acl, out of which another is made by what the first tells. Every
 * input is given to the decoders of the list as well. */
#include "base/err.h"
#include "fuzz.h"
#include "security/acl.h"
#include "wire/frame.h"
#include "wire/security_msg.h"

static void fuzz_change(struct acl *r, struct slice body)
{
    static struct security_change c, again;
    struct buf b;
    int err = security_msg_decode_change(body, &c);
    ASSERT(err == 0 || err == E_MALFORMED || err == E_TOO_MANY);
    if (err)
        return;
    buf_init(&b, SIZE_MAX / 2);
    ASSERT(security_msg_encode_change(&b, &c) == 0);
    ASSERT(security_msg_decode_change(buf_slice(&b), &again) == 0 && memcmp(&c, &again, sizeof c) == 0);
    buf_fini(&b);
    err = acl_apply(r, &c);
    ASSERT((err == E_INVALID) == (security_change_refused(&c) != NULL));
}

static void copy(void *arg, const struct security_change *c)
{
    ASSERT(acl_apply(arg, c) == 0);
}

static void write(void *arg, const struct security_change *c)
{
    ASSERT(security_msg_encode_change(arg, c) == 0);
}

static void compare(const struct acl *a, const struct acl *b)
{
    struct buf x, y;
    buf_init(&x, SIZE_MAX / 2);
    buf_init(&y, SIZE_MAX / 2);
    acl_each_change(a, write, &x);
    acl_each_change(b, write, &y);
    ASSERT(slice_eq(buf_slice(&x), buf_slice(&y)));
    buf_fini(&x);
    buf_fini(&y);
}

static void fuzz_list(struct slice body)
{
    static struct security_list_resp l, again;
    struct security_list_req req;
    struct buf b;
    struct frame f;
    (void)security_msg_decode_list_req(body, &req);
    if (security_msg_decode_list(body, &l))
        return;
    buf_init(&b, SIZE_MAX / 2);
    ASSERT(security_msg_put_list(&b, &l) == 0);
    struct slice in = buf_slice(&b);
    ASSERT(frame_take(&in, UINT32_MAX, &f) == 1 && security_msg_decode_list(f.body, &again) == 0);
    ASSERT(memcmp(&l, &again, sizeof l) == 0);
    buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    struct acl *r, *twin;
    ASSERT(acl_create(&r) == 0 && acl_create(&twin) == 0);
    fuzz_list(in);
    while (in.len) {
        size_t len = (size_t)fuzz_number(&in, 2);
        fuzz_change(r, fuzz_take(&in, len));
    }
    acl_each_change(r, copy, twin);
    compare(r, twin);
    acl_destroy(&r);
    acl_destroy(&twin);
    return 0;
}
