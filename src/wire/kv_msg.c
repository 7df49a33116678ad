/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/kv_msg.h"

#include "store/props.h"
#include "wire/frame.h"
#include "wire/pb.h"

static bool get_req_field(const struct pb_field *f, struct kv_get_req *out)
{
    switch (f->number) {
    case 1:
        return pb_to_bytes(f, &out->bucket, &out->has_bucket);
    case 2:
        return pb_to_bytes(f, &out->key, &out->has_key);
    case 3:
        return pb_to_u32(f, &out->r);
    case 4:
        return pb_to_u32(f, &out->pr);
    case 5:
        return pb_to_bool(f, &out->basic_quorum);
    case 6:
        return pb_to_bool(f, &out->notfound_ok);
    case 7:
        return pb_to_bytes(f, &out->if_modified, &out->has_if_modified);
    case 8:
        return pb_to_bool(f, &out->head);
    case 9:
        return pb_to_bool(f, &out->deletedvclock);
    case 10:
        return pb_to_u32(f, &out->timeout_ms);
    case 11: /* sloppy_quorum: every quorum here is a strict one */
        return pb_is_varint(f);
    case 12:
        out->has_n_val = true;
        return pb_to_u32(f, &out->n_val);
    case 13:
        return pb_to_bytes(f, &out->type, &out->has_type);
    case 14:
        return pb_to_u32(f, &out->node_confirms);
    }
    return true;
}

int kv_get_req_decode(struct slice body, struct kv_get_req *out)
{
    *out = (struct kv_get_req){.r = QUORUM_DEFAULT, .pr = QUORUM_DEFAULT, .notfound_ok = true};
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0)
        if (!get_req_field(&f, out))
            return E_MALFORMED;
    return more;
}

static bool content_field(const struct pb_field *f, struct kv_content *out)
{
    bool ignored;
    struct slice text;
    switch (f->number) {
    case 1:
        return pb_to_bytes(f, &out->value, &out->has_value);
    case 2:
        return pb_to_bytes(f, &out->content_type, &out->has_content_type);
    case 3:
        return pb_to_bytes(f, &out->charset, &out->has_charset);
    case 4:
        return pb_to_bytes(f, &out->content_encoding, &out->has_content_encoding);
    case 5: /* vtag: ours to give */
        return pb_to_bytes(f, &text, &ignored);
    case 6:
    case 9:
    case 10:
        return pb_to_bytes(f, &text, &out->has_lists);
    case 7: /* last_mod, last_mod_usecs: ours to give */
    case 8:
        return pb_is_varint(f);
    case 11:
        return pb_to_bool(f, &out->deleted);
    }
    return true;
}

/* The pairs and links inside are checked here, so that iterating what was accepted cannot fail. */
static int check_items(struct slice raw)
{
    struct kv_item item;
    int more;
    while ((more = kv_content_next(&raw, &item)) > 0)
        continue;
    return more;
}

static int content_decode(struct slice raw, struct kv_content *out)
{
    *out = (struct kv_content){.raw = raw};
    struct pb_reader r = pb_reader_of(raw);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0)
        if (!content_field(&f, out))
            return E_MALFORMED;
    if (more < 0)
        return more;
    return out->has_lists ? check_items(raw) : 0;
}

static bool put_req_content(const struct pb_field *f, struct kv_put_req *out)
{
    if (f->wire != PB_BYTES || out->has_content)
        return false;
    out->has_content = true;
    return content_decode(f->bytes, &out->content) == 0;
}

static bool put_req_field(const struct pb_field *f, struct kv_put_req *out)
{
    bool ignored;
    switch (f->number) {
    case 1:
        return pb_to_bytes(f, &out->bucket, &out->has_bucket);
    case 2:
        return pb_to_bytes(f, &out->key, &out->has_key);
    case 3:
        return pb_to_bytes(f, &out->vclock, &ignored);
    case 4:
        return put_req_content(f, out);
    case 5:
        return pb_to_u32(f, &out->w);
    case 6:
        return pb_to_u32(f, &out->dw);
    case 7:
        return pb_to_bool(f, &out->return_body);
    case 8:
        return pb_to_u32(f, &out->pw);
    case 9:
        return pb_to_bool(f, &out->if_not_modified);
    case 10:
        return pb_to_bool(f, &out->if_none_match);
    case 11:
        return pb_to_bool(f, &out->return_head);
    case 12:
        return pb_to_u32(f, &out->timeout_ms);
    case 13:
        return pb_to_bool(f, &out->asis);
    case 14: /* sloppy_quorum */
        return pb_is_varint(f);
    case 15:
        out->has_n_val = true;
        return pb_to_u32(f, &out->n_val);
    case 16:
        return pb_to_bytes(f, &out->type, &out->has_type);
    case 17:
        return pb_to_u32(f, &out->node_confirms);
    }
    return true;
}

int kv_put_req_decode(struct slice body, struct kv_put_req *out)
{
    *out = (struct kv_put_req){.w = QUORUM_DEFAULT, .dw = QUORUM_DEFAULT, .pw = QUORUM_DEFAULT};
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0)
        if (!put_req_field(&f, out))
            return E_MALFORMED;
    return more;
}

static bool del_req_field(const struct pb_field *f, struct kv_del_req *out)
{
    bool ignored;
    switch (f->number) {
    case 1:
        return pb_to_bytes(f, &out->bucket, &out->has_bucket);
    case 2:
        return pb_to_bytes(f, &out->key, &out->has_key);
    case 3:
        return pb_to_u32(f, &out->rw);
    case 4:
        return pb_to_bytes(f, &out->vclock, &ignored);
    case 5:
        return pb_to_u32(f, &out->r);
    case 6:
        return pb_to_u32(f, &out->w);
    case 7:
        return pb_to_u32(f, &out->pr);
    case 8:
        return pb_to_u32(f, &out->pw);
    case 9:
        return pb_to_u32(f, &out->dw);
    case 10:
        return pb_to_u32(f, &out->timeout_ms);
    case 11: /* sloppy_quorum */
        return pb_is_varint(f);
    case 12:
        out->has_n_val = true;
        return pb_to_u32(f, &out->n_val);
    case 13:
        return pb_to_bytes(f, &out->type, &out->has_type);
    }
    return true;
}

int kv_del_req_decode(struct slice body, struct kv_del_req *out)
{
    *out = (struct kv_del_req){.rw = QUORUM_DEFAULT,
                               .r = QUORUM_DEFAULT,
                               .w = QUORUM_DEFAULT,
                               .pr = QUORUM_DEFAULT,
                               .pw = QUORUM_DEFAULT,
                               .dw = QUORUM_DEFAULT};
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0)
        if (!del_req_field(&f, out))
            return E_MALFORMED;
    return more;
}

/* RpbPair {key 1, value 2}, RpbLink {bucket 1, key 2, tag 3}. */
static int item_decode(struct slice raw, struct kv_item *out)
{
    struct pb_reader r = pb_reader_of(raw);
    struct pb_field f;
    int more;
    bool has_key = false, ignored;
    while ((more = pb_next(&r, &f)) > 0) {
        bool ok = true;
        if (f.number == 1)
            ok = pb_to_bytes(&f, &out->key, &has_key);
        else if (f.number == 2)
            ok = pb_to_bytes(&f, &out->value, &out->has_value);
        else if (f.number == 3 && out->kind == KV_LINK)
            ok = pb_to_bytes(&f, &out->tag, &ignored);
        if (!ok)
            return E_MALFORMED;
    }
    return more < 0 || has_key || out->kind == KV_LINK ? more : E_MALFORMED;
}

int kv_content_next(struct slice *rest, struct kv_item *out)
{
    struct pb_reader r = pb_reader_of(*rest);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0) {
        if (f.number != KV_LINK && f.number != KV_USERMETA && f.number != KV_INDEX)
            continue;
        *out = (struct kv_item){.kind = (enum kv_item_kind)f.number};
        *rest = slice_make(r.p, (size_t)(r.end - r.p));
        int err = item_decode(f.bytes, out);
        return err ? err : 1;
    }
    return more;
}

int kv_meta_put_text(struct buf *meta, uint32_t number, struct slice text)
{
    uint8_t *p;
    size_t size = pb_bytes_size(text.len);
    int err = buf_reserve(meta, size, &p);
    if (err)
        return err;
    pb_put_bytes(p, number, text);
    buf_commit(meta, size);
    return 0;
}

static size_t item_size(const struct kv_item *item)
{
    bool link = item->kind == KV_LINK;
    return pb_bytes_size(item->key.len) + pb_bytes_size(item->value.len) + (link ? pb_bytes_size(item->tag.len) : 0);
}

int kv_meta_put_item(struct buf *meta, const struct kv_item *item)
{
    uint8_t *p;
    size_t inner = item_size(item), size = pb_bytes_size(inner);
    int err = buf_reserve(meta, size, &p);
    if (err)
        return err;
    p = pb_put_head(p, item->kind, inner);
    p = pb_put_bytes(p, 1, item->key);
    p = pb_put_bytes(p, 2, item->value);
    if (item->kind == KV_LINK)
        pb_put_bytes(p, 3, item->tag);
    buf_commit(meta, size);
    return 0;
}

#define FIELD_CONTENT 1

/* vtag, last_mod, last_mod_usecs and deleted; the largest varint of a u32 has 5 bytes. */
static size_t stamp_size(const struct kv_sibling *s)
{
    return pb_bytes_size(KV_VTAG_SIZE) + 1 + pb_varint_size((uint32_t)(s->last_mod_ms / 1000)) + 1 +
           pb_varint_size(s->last_mod_ms % 1000 * 1000) + (s->deleted ? 2 : 0);
}

static size_t sibling_inner_size(const struct kv_sibling *s)
{
    return s->meta.len + stamp_size(s) + pb_bytes_size(s->value.len);
}

size_t kv_sibling_size(const struct kv_sibling *s)
{
    return pb_bytes_size(sibling_inner_size(s));
}

size_t kv_resp_size(size_t siblings_size, struct slice vclock, struct slice key)
{
    return siblings_size + (vclock.len ? pb_bytes_size(vclock.len) : 0) + (key.len ? pb_bytes_size(key.len) : 0);
}

int kv_resp_begin(struct buf *out, uint8_t code, size_t body_len)
{
    uint8_t *p;
    int err = buf_reserve(out, FRAME_HEAD, &p);
    if (err)
        return err;
    frame_head_put(p, code, body_len);
    buf_commit(out, FRAME_HEAD);
    return 0;
}

int kv_sibling_put_head(struct buf *out, const struct kv_sibling *s)
{
    uint8_t *p;
    size_t inner = sibling_inner_size(s), head = pb_bytes_size(inner) - s->value.len;
    int err = buf_reserve(out, head, &p);
    if (err)
        return err;
    p = pb_put_head(p, FIELD_CONTENT, inner);
    if (s->meta.len)
        memcpy(p, s->meta.data, s->meta.len);
    p = pb_put_bytes(p + s->meta.len, 5, slice_make(s->vtag, KV_VTAG_SIZE));
    p = pb_put_uint(p, 7, (uint32_t)(s->last_mod_ms / 1000));
    p = pb_put_uint(p, 8, s->last_mod_ms % 1000 * 1000);
    if (s->deleted)
        p = pb_put_uint(p, 11, 1);
    pb_put_head(p, 1, s->value.len);
    buf_commit(out, head);
    return 0;
}

int kv_resp_end(struct buf *out, struct slice vclock, struct slice key)
{
    uint8_t *p;
    size_t size = kv_resp_size(0, vclock, key);
    int err = buf_reserve(out, size, &p);
    if (err)
        return err;
    if (vclock.len)
        p = pb_put_bytes(p, 2, vclock);
    if (key.len)
        pb_put_bytes(p, 3, key);
    buf_commit(out, size);
    return 0;
}

static void base62(uint64_t value, char out[KV_VTAG_SIZE / 2])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    /* Of 11 digits the last six and the five before them: neither waits for the other's divisions. */
    uint64_t low = value % 56800235584; /* 62 to the power of 6 */
    uint32_t high = (uint32_t)(value / 56800235584);
    for (int i = 5; i >= 0; i--) {
        out[i + 5] = digits[low % 62];
        low /= 62;
        if (i < 5) {
            out[i] = digits[high % 62];
            high /= 62;
        }
    }
}

void kv_vtag(uint64_t high, uint64_t low, char out[KV_VTAG_SIZE])
{
    base62(high, out);
    base62(low, out + KV_VTAG_SIZE / 2);
}

/* --- the client's direction --- */

struct writer {
    struct buf *out;
    size_t mark;
    int err;
};

static struct writer writer_begin(struct buf *out, uint8_t code)
{
    struct writer w = {.out = out};
    w.err = frame_begin(out, code, &w.mark);
    return w;
}

static void write_bytes(struct writer *w, uint32_t number, struct slice s)
{
    uint8_t *p;
    size_t size = pb_bytes_size(s.len) + 1; /* field numbers over 15 take two bytes of tag */
    if (!w->err)
        w->err = buf_reserve(w->out, size, &p);
    if (!w->err)
        buf_commit(w->out, (size_t)(pb_put_bytes(p, number, s) - p));
}

static void write_uint(struct writer *w, uint32_t number, uint64_t value, uint64_t absent)
{
    uint8_t *p;
    if (value == absent)
        return;
    if (!w->err)
        w->err = buf_reserve(w->out, 12, &p);
    if (!w->err)
        buf_commit(w->out, (size_t)(pb_put_uint(p, number, value) - p));
}

static int writer_end(struct writer *w)
{
    if (!w->err)
        frame_end(w->out, w->mark);
    return w->err;
}

int kv_get_req_encode(struct buf *out, const struct kv_get_req *req)
{
    struct writer w = writer_begin(out, MSG_GET_REQ);
    write_bytes(&w, 1, req->bucket);
    write_bytes(&w, 2, req->key);
    write_uint(&w, 3, req->r, QUORUM_DEFAULT);
    write_uint(&w, 4, req->pr, QUORUM_DEFAULT);
    write_uint(&w, 5, req->basic_quorum, 0);
    write_uint(&w, 6, req->notfound_ok, 1);
    if (req->has_if_modified)
        write_bytes(&w, 7, req->if_modified);
    write_uint(&w, 8, req->head, 0);
    write_uint(&w, 9, req->deletedvclock, 0);
    write_uint(&w, 10, req->timeout_ms, 0);
    if (req->has_n_val)
        write_uint(&w, 12, req->n_val, UINT64_MAX);
    if (req->has_type)
        write_bytes(&w, 13, req->type);
    write_uint(&w, 14, req->node_confirms, 0);
    return writer_end(&w);
}

static void write_content(struct writer *w, const struct kv_put_req *req, struct slice meta)
{
    size_t inner = pb_bytes_size(req->content.value.len) + meta.len, size = pb_bytes_size(inner);
    uint8_t *p;
    if (!w->err)
        w->err = buf_reserve(w->out, size, &p);
    if (w->err)
        return;
    p = pb_put_head(p, 4, inner);
    p = pb_put_bytes(p, 1, req->content.value);
    if (meta.len)
        memcpy(p, meta.data, meta.len);
    buf_commit(w->out, size);
}

int kv_put_req_encode(struct buf *out, const struct kv_put_req *req, struct slice meta)
{
    struct writer w = writer_begin(out, MSG_PUT_REQ);
    write_bytes(&w, 1, req->bucket);
    if (req->has_key)
        write_bytes(&w, 2, req->key);
    if (req->vclock.len)
        write_bytes(&w, 3, req->vclock);
    write_content(&w, req, meta);
    write_uint(&w, 5, req->w, QUORUM_DEFAULT);
    write_uint(&w, 6, req->dw, QUORUM_DEFAULT);
    write_uint(&w, 7, req->return_body, 0);
    write_uint(&w, 8, req->pw, QUORUM_DEFAULT);
    write_uint(&w, 9, req->if_not_modified, 0);
    write_uint(&w, 10, req->if_none_match, 0);
    write_uint(&w, 11, req->return_head, 0);
    write_uint(&w, 12, req->timeout_ms, 0);
    write_uint(&w, 13, req->asis, 0);
    if (req->has_n_val)
        write_uint(&w, 15, req->n_val, UINT64_MAX);
    if (req->has_type)
        write_bytes(&w, 16, req->type);
    write_uint(&w, 17, req->node_confirms, 0);
    return writer_end(&w);
}

int kv_del_req_encode(struct buf *out, const struct kv_del_req *req)
{
    struct writer w = writer_begin(out, MSG_DEL_REQ);
    write_bytes(&w, 1, req->bucket);
    write_bytes(&w, 2, req->key);
    write_uint(&w, 3, req->rw, QUORUM_DEFAULT);
    if (req->vclock.len)
        write_bytes(&w, 4, req->vclock);
    write_uint(&w, 5, req->r, QUORUM_DEFAULT);
    write_uint(&w, 6, req->w, QUORUM_DEFAULT);
    write_uint(&w, 7, req->pr, QUORUM_DEFAULT);
    write_uint(&w, 8, req->pw, QUORUM_DEFAULT);
    write_uint(&w, 9, req->dw, QUORUM_DEFAULT);
    write_uint(&w, 10, req->timeout_ms, 0);
    if (req->has_n_val)
        write_uint(&w, 12, req->n_val, UINT64_MAX);
    if (req->has_type)
        write_bytes(&w, 13, req->type);
    return writer_end(&w);
}

static int resp_content_decode(struct slice raw, struct kv_resp_content *out)
{
    *out = (struct kv_resp_content){0};
    int err = content_decode(raw, &out->content);
    struct pb_reader r = pb_reader_of(raw);
    struct pb_field f;
    while (!err && pb_next(&r, &f) > 0) {
        if (f.number == 5)
            out->vtag = f.bytes;
        else if (f.number == 7)
            out->last_mod = (uint32_t)f.value;
        else if (f.number == 8)
            out->last_mod_usecs = (uint32_t)f.value;
    }
    return err;
}

static int resp_add_content(const struct pb_field *f, struct kv_resp *out)
{
    if (f->wire != PB_BYTES)
        return E_MALFORMED;
    if (out->count == KV_RESP_SIBLINGS_MAX) {
        out->more++;
        return 0;
    }
    return resp_content_decode(f->bytes, &out->content[out->count++]);
}

static int resp_field(const struct pb_field *f, bool is_put, struct kv_resp *out)
{
    bool ignored, ok = true;
    if (f->number == 1)
        return resp_add_content(f, out);
    if (f->number == 2)
        ok = pb_to_bytes(f, &out->vclock, &ignored);
    else if (f->number == 3 && is_put)
        ok = pb_to_bytes(f, &out->key, &ignored);
    else if (f->number == 3)
        ok = pb_to_bool(f, &out->unchanged);
    return ok ? 0 : E_MALFORMED;
}

int kv_resp_decode(struct slice body, bool is_put, struct kv_resp *out)
{
    out->count = out->more = 0;
    out->vclock = out->key = slice_make(NULL, 0);
    out->unchanged = false;
    struct pb_reader r = pb_reader_of(body);
    struct pb_field f;
    int more;
    while ((more = pb_next(&r, &f)) > 0) {
        int err = resp_field(&f, is_put, out);
        if (err)
            return err;
    }
    return more;
}
