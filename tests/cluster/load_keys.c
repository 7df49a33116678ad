/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOUBTS_MAX 100000u
#define NUMBER_MAX 16 /* digits of a value, with a NUL */

static void name_key(struct load_key *k, unsigned slot)
{
    snprintf(k->name, sizeof k->name, "key-%u-%u", slot, k->generation);
}

void load_keys_init(struct load *l)
{
    l->key = load_alloc(l->options.keys, sizeof *l->key);
    l->doubt = load_alloc(DOUBTS_MAX, sizeof *l->doubt);
    for (unsigned i = 0; i < l->options.keys; i++) {
        name_key(&l->key[i], i);
        l->key[i].success_ms = l->begin_ms;
    }
}

int load_get_number(const struct load *l, struct client *c, const char *name, uint32_t *out)
{
    static const struct kv_resp none;
    struct kv_resp resp = none;
    char text[NUMBER_MAX] = "";
    struct kv_get_req req = client_get_request(slice_str(""), slice_str(l->options.bucket), slice_str(name));
    int err = client_get(c, &req, &resp);
    *out = 0;
    if (err)
        return err == E_NOT_FOUND ? 0 : err;
    struct slice value = resp.content[0].content.value;
    if (resp.count != 1 || value.len < l->options.size)
        return 0;
    memcpy(text, value.data, value.len < sizeof text ? value.len : sizeof text - 1);
    *out = (uint32_t)strtoul(text, NULL, 10);
    return 0;
}

int load_put_number(const struct load *l, struct client *c, const char *name, uint32_t number, bool create)
{
    struct kv_resp resp;
    char digits[NUMBER_MAX], *text;
    int len = snprintf(digits, sizeof digits, "%u", number);
    size_t size = (size_t)len > l->options.size ? (size_t)len : l->options.size;
    text = load_alloc(size, 1);
    memset(text, ' ', size);
    memcpy(text, digits, (size_t)len);
    struct kv_put_req req =
        client_put_request(slice_str(""), slice_str(l->options.bucket), slice_str(name), slice_make(text, size));
    req.if_none_match = create;
    int err = client_put(c, &req, slice_str(""), &resp);
    free(text);
    return err;
}

static void succeeded(struct load_key *k, uint64_t now_ms)
{
    uint64_t gap = now_ms - k->success_ms;
    if (gap > k->gap_ms)
        k->gap_ms = gap;
    k->success_ms = now_ms;
}

/* Nobody knows whether the last number was written, or will be: it is left alone, and its slot gets another key. */
static void give_up(struct load *l, struct load_key *k)
{
    if (l->doubts == DOUBTS_MAX)
        load_die("more than %u writes whose outcome is not known", DOUBTS_MAX);
    struct load_doubt *d = &l->doubt[l->doubts++];
    memcpy(d->name, k->name, sizeof d->name);
    d->floor = k->floor;
    d->tried = k->tried;
    k->generation++;
    k->floor = k->tried = 0;
    name_key(k, (unsigned)(k - l->key));
    l->unsure++;
}

void load_keys_write(struct load_worker *w)
{
    struct load *l = w->load;
    unsigned workers = l->options.hosts * l->options.workers_per_host;
    unsigned own = (l->options.keys - w->number - 1) / workers + 1; /* slots number, number + workers, ... */
    struct load_key *k = &l->key[w->number + w->next_key++ % own * workers];
    pthread_mutex_lock(&l->lock);
    uint32_t number = ++k->tried;
    pthread_mutex_unlock(&l->lock);
    int err = load_put_number(l, w->client, k->name, number, false); /* only its writer changes the name */
    pthread_mutex_lock(&l->lock);
    if (!err) {
        l->written++;
        k->floor = number;
        succeeded(k, client_now_ms());
    } else if (load_refused(w->client)) {
        l->refused++;
    } else {
        give_up(l, k);
    }
    pthread_mutex_unlock(&l->lock);
    if (err)
        load_failed(l, w->host, &w->client, err);
    w->answered = !err;
}

static void judge_read(struct load_worker *w, struct load_key *k, const struct load_key *before, uint32_t got)
{
    struct load *l = w->load;
    bool same = k->generation == before->generation;
    l->read++;
    if (got < before->floor)
        load_violation(l, "key %s: read %u through %s, but %u was acknowledged or read before", before->name, got,
                       l->options.host[w->host], before->floor);
    if (same && got > k->tried)
        load_violation(l, "key %s: read %u through %s, but nobody wrote more than %u", before->name, got,
                       l->options.host[w->host], k->tried);
    if (same && got > k->floor)
        k->floor = got;
    if (same)
        succeeded(k, client_now_ms());
}

void load_keys_read(struct load_worker *w)
{
    struct load *l = w->load;
    uint32_t got;
    w->chance = w->chance * 6364136223846793005u + 1442695040888963407u;
    struct load_key *k = &l->key[(w->chance >> 33) % l->options.keys];
    pthread_mutex_lock(&l->lock);
    struct load_key before = *k;
    pthread_mutex_unlock(&l->lock);
    int err = load_get_number(l, w->client, before.name, &got);
    if (err) {
        load_failed(l, w->host, &w->client, err);
        return;
    }
    pthread_mutex_lock(&l->lock);
    judge_read(w, k, &before, got);
    pthread_mutex_unlock(&l->lock);
}

static void verify_one(struct load_reader *r, const char *name, uint32_t floor, uint32_t tried)
{
    struct load *l = r->load;
    uint32_t got;
    bool answered = load_reader_get(r, name, &got);
    pthread_mutex_lock(&l->lock);
    l->lost += answered && got < floor;
    if (!answered)
        load_violation(l, "key %s: no node answered within %u s", name, l->options.patience_s);
    else if (got < floor && !l->options.may_lose)
        load_violation(l, "LOST: key %s: %u was acknowledged or read, now it is %u", name, floor, got);
    else if (got > tried)
        load_violation(l, "key %s: read %u, but nobody wrote more than %u", name, got, tried);
    pthread_mutex_unlock(&l->lock);
}

void load_keys_verify(struct load *l)
{
    struct load_reader r;
    uint64_t now_ms = client_now_ms();
    load_reader_init(&r, l);
    for (unsigned i = 0; i < l->options.keys; i++)
        succeeded(&l->key[i], now_ms); /* what has had none to the end counts too */
    for (unsigned i = 0; i < l->options.keys; i++)
        verify_one(&r, l->key[i].name, l->key[i].floor, l->key[i].tried);
    for (size_t i = 0; i < l->doubts; i++)
        if (l->doubt[i].floor)
            verify_one(&r, l->doubt[i].name, l->doubt[i].floor, l->doubt[i].tried);
    load_reader_fini(&r);
}
