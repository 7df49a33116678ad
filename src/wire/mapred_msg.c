/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/mapred_msg.h"

#include "wire/pb.h"

int mapred_req_decode(struct slice body, struct mapred_req *out)
{
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    bool has_request = false, has_type = false, good = true;
    int more;
    *out = (struct mapred_req){0};
    while (good && (more = pb_next(&r, &f)) > 0) {
        if (f.number == 1)
            good = pb_to_bytes(&f, &out->request, &has_request);
        else if (f.number == 2)
            good = pb_to_bytes(&f, &out->content_type, &has_type);
    }
    return good && more == 0 && has_request && has_type ? 0 : E_MALFORMED;
}

int mapred_resp_encode(struct buf *out, uint32_t phase, struct slice response)
{
    size_t size = 1 + pb_varint_size(phase) + pb_bytes_size(response.len);
    uint8_t *p;
    int err = buf_reserve(out, size, &p);
    if (err)
        return err;
    pb_put_bytes(pb_put_uint(p, 1, phase), 2, response);
    buf_commit(out, size);
    return 0;
}

int mapred_done_encode(struct buf *out)
{
    static const uint8_t done[] = {3 << 3, 1};
    return buf_append(out, done, sizeof done);
}
