/* SPDX-License-Identifier: Apache-2.0 */
#include "datatype/hyperloglog.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/hash.h"
#include "datatype/code.h"

#include <math.h>
#include <stdlib.h>

#define ENTRY 3 /* bytes of a register that stands alone */

/* The registers, unpacked. */
struct hll {
    unsigned precision;
    uint8_t *rank; /* 2^precision of them; owned */
};

static size_t registers(unsigned precision)
{
    return (size_t)1 << precision;
}

static bool is_sparse(struct slice payload)
{
    return payload.len - 1 != registers(payload.data[0]);
}

static unsigned rank_max(unsigned precision)
{
    return 64 - precision + 1;
}

static bool entries_check(const uint8_t *p, size_t count, unsigned precision)
{
    for (size_t i = 0; i < count; i++, p += ENTRY) {
        bool rises = i == 0 || bytes_get(p - ENTRY, 2) < bytes_get(p, 2);
        if (!rises || bytes_get(p, 2) >= registers(precision) || p[2] == 0 || p[2] > rank_max(precision))
            return false;
    }
    return true;
}

bool hll_check(struct slice payload)
{
    if (payload.len == 0 || payload.data[0] < HLL_PRECISION_MIN || payload.data[0] > HLL_PRECISION_MAX)
        return false;
    unsigned precision = payload.data[0];
    size_t size = payload.len - 1;
    if (is_sparse(payload))
        return size % ENTRY == 0 && size < registers(precision) &&
               entries_check(payload.data + 1, size / ENTRY, precision);
    for (size_t i = 1; i <= size; i++)
        if (payload.data[i] > rank_max(precision))
            return false;
    return true;
}

/* --- registers --- */

static int unpack(struct slice payload, unsigned precision, struct hll *out)
{
    *out = (struct hll){payload.len ? payload.data[0] : precision, NULL};
    out->rank = calloc(registers(out->precision), 1);
    if (!out->rank)
        return E_NOMEM;
    if (payload.len && !is_sparse(payload))
        memcpy(out->rank, payload.data + 1, payload.len - 1);
    else
        for (size_t i = 1; i + ENTRY <= payload.len; i += ENTRY)
            out->rank[bytes_get(payload.data + i, 2)] = payload.data[i + 2];
    return 0;
}

static int pack(const struct hll *h, struct buf *out)
{
    size_t used = 0;
    for (size_t i = 0; i < registers(h->precision); i++)
        used += h->rank[i] != 0;
    int err = put_byte(out, (uint8_t)h->precision);
    if (err || used * ENTRY > registers(h->precision))
        return err ? err : buf_append(out, h->rank, registers(h->precision));
    for (size_t i = 0; !err && i < registers(h->precision); i++) {
        uint8_t entry[ENTRY] = {(uint8_t)(i >> 8), (uint8_t)i, h->rank[i]};
        if (h->rank[i])
            err = buf_append(out, entry, ENTRY);
    }
    return err;
}

/* The same on every node of every cluster: a state outlives the node that hashed into it. */
static void add(struct hll *h, struct slice element)
{
    static const struct hash_key key = {0x65706865, 0x6d6572616c};
    uint64_t hash = hash_bytes(&key, element), low = hash << h->precision;
    size_t i = (size_t)(hash >> (64 - h->precision));
    unsigned rank = low ? (unsigned)__builtin_clzll(low) + 1 : rank_max(h->precision);
    if (h->rank[i] < rank)
        h->rank[i] = (uint8_t)rank;
}

/* To fewer registers: what the dropped bits of a register's number say is the beginning of the rank. */
static void reduce(struct hll *h, unsigned precision)
{
    unsigned by = h->precision - precision;
    for (size_t i = 0; i < registers(h->precision); i++) {
        size_t dropped = i & (((size_t)1 << by) - 1), to = i >> by;
        unsigned rank = dropped ? by - (63 - (unsigned)__builtin_clzll(dropped)) : h->rank[i] + by;
        uint8_t had = i == to ? 0 : h->rank[to];
        if (h->rank[i] == 0)
            rank = 0;
        /* `to` was read before: it is at or before i. */
        h->rank[to] = i == (to << by) || rank > had ? (uint8_t)rank : had;
    }
    h->precision = precision;
}

int hll_apply(struct slice payload, struct slice op, struct buf *out)
{
    struct reader r = reader_of(op);
    struct items adds = {0};
    struct hll h = {0};
    unsigned precision = read_byte(&r);
    if (r.bad || precision < HLL_PRECISION_MIN || precision > HLL_PRECISION_MAX)
        return E_MALFORMED;
    int err = items_read(&r, false, false, &adds);
    if (!err && reader_more(&r))
        err = E_MALFORMED;
    if (!err)
        err = unpack(payload, precision, &h);
    if (!err && h.precision > precision)
        reduce(&h, precision);
    for (size_t i = 0; !err && i < adds.count; i++)
        add(&h, adds.at[i].name);
    if (!err)
        err = pack(&h, out);
    free(h.rank);
    items_fini(&adds);
    return err;
}

/* --- the estimator (Ertl 2017, chapter 4: sigma, tau and algorithm 6) --- */

static double sigma(double x)
{
    if (x == 1)
        return INFINITY;
    double y = 1, z = x, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double tau(double x)
{
    if (x == 0 || x == 1)
        return 0;
    double y = 1, z = 1 - x, before;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

/* How many registers have each rank. */
static void count_ranks(struct slice payload, size_t count[66])
{
    unsigned precision = payload.data[0];
    memset(count, 0, 66 * sizeof *count);
    if (is_sparse(payload)) {
        count[0] = registers(precision) - (payload.len - 1) / ENTRY;
        for (size_t i = 1; i + ENTRY <= payload.len; i += ENTRY)
            count[payload.data[i + 2]]++;
    } else {
        for (size_t i = 1; i < payload.len; i++)
            count[payload.data[i]]++;
    }
}

uint64_t hll_estimate(struct slice payload)
{
    size_t count[66];
    if (!hll_check(payload))
        return 0;
    unsigned precision = payload.data[0], q = 64 - precision;
    double m = (double)registers(precision);
    count_ranks(payload, count);
    double z = m * tau(1 - (double)count[q + 1] / m);
    for (unsigned k = q; k >= 1; k--)
        z = 0.5 * (z + (double)count[k]);
    z += m * sigma((double)count[0] / m);
    return (uint64_t)llround(m * m / (2 * M_LN2 * z));
}
