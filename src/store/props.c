/* SPDX-License-Identifier: Apache-2.0 */
#include "store/props.h"

void props_defaults(bool typed, struct bucket_props *out)
{
    const uint64_t absent = PROP_BIT(PROP_BACKEND) | PROP_BIT(PROP_SEARCH) | PROP_BIT(PROP_REPL) |
                            PROP_BIT(PROP_SEARCH_INDEX) | PROP_BIT(PROP_DATATYPE) | PROP_BIT(PROP_CONSISTENT) |
                            PROP_BIT(PROP_HLL_PRECISION) | PROP_BIT(PROP_TTL) | PROP_BIT(PROP_TTL_FROM) |
                            PROP_BIT(PROP_DVV_ENABLED) | PROP_BIT(PROP_NODE_CONFIRMS) | PROP_BIT(PROP_SYNC_ON_WRITE) |
                            (typed ? PROP_BIT(PROP_WRITE_ONCE) : 0);
    *out = (struct bucket_props){
        .set = (PROP_BIT(PROP_COUNT) - 1) & ~absent,
        .n_val = 3,
        .allow_mult = typed,
        .old_vclock = 86400,
        .young_vclock = 20,
        .big_vclock = 50,
        .small_vclock = 50,
        .r = QUORUM_QUORUM,
        .w = QUORUM_QUORUM,
        .dw = QUORUM_QUORUM,
        .rw = QUORUM_QUORUM,
        .notfound_ok = true,
        .chash_keyfun = {slice_str("riak_core_util"), slice_str("chash_std_keyfun")},
        .linkfun = {slice_str("riak_kv_wm_link_walker"), slice_str("mapreduce_linkfun")},
    };
}

void props_merge(struct bucket_props *into, const struct bucket_props *from)
{
#define TAKE(bit, field)                                                                                               \
    if (props_has(from, bit))                                                                                          \
    into->field = from->field
    TAKE(PROP_N_VAL, n_val);
    TAKE(PROP_ALLOW_MULT, allow_mult);
    TAKE(PROP_LAST_WRITE_WINS, last_write_wins);
    TAKE(PROP_PRECOMMIT, precommit);
    TAKE(PROP_POSTCOMMIT, postcommit);
    TAKE(PROP_CHASH_KEYFUN, chash_keyfun);
    TAKE(PROP_LINKFUN, linkfun);
    TAKE(PROP_OLD_VCLOCK, old_vclock);
    TAKE(PROP_YOUNG_VCLOCK, young_vclock);
    TAKE(PROP_BIG_VCLOCK, big_vclock);
    TAKE(PROP_SMALL_VCLOCK, small_vclock);
    TAKE(PROP_PR, pr);
    TAKE(PROP_R, r);
    TAKE(PROP_W, w);
    TAKE(PROP_PW, pw);
    TAKE(PROP_DW, dw);
    TAKE(PROP_RW, rw);
    TAKE(PROP_BASIC_QUORUM, basic_quorum);
    TAKE(PROP_NOTFOUND_OK, notfound_ok);
    TAKE(PROP_BACKEND, backend);
    TAKE(PROP_SEARCH, search);
    TAKE(PROP_REPL, repl);
    TAKE(PROP_SEARCH_INDEX, search_index);
    TAKE(PROP_DATATYPE, datatype);
    TAKE(PROP_CONSISTENT, consistent);
    TAKE(PROP_WRITE_ONCE, write_once);
    TAKE(PROP_HLL_PRECISION, hll_precision);
    TAKE(PROP_TTL, ttl_s);
    TAKE(PROP_TTL_FROM, ttl_from);
    TAKE(PROP_DVV_ENABLED, dvv_enabled);
    TAKE(PROP_NODE_CONFIRMS, node_confirms);
    TAKE(PROP_SYNC_ON_WRITE, sync_on_write);
#undef TAKE
    into->set |= from->set;
}

static bool same_fun(const struct mod_fun *a, const struct mod_fun *b)
{
    return slice_eq(a->module, b->module) && slice_eq(a->function, b->function);
}

static bool same_hooks(const struct commit_hooks *a, const struct commit_hooks *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = a->hook[i].has_modfun == b->hook[i].has_modfun && same_fun(&a->hook[i].modfun, &b->hook[i].modfun) &&
               slice_eq(a->hook[i].name, b->hook[i].name);
    return same;
}

static bool same_plain(const struct bucket_props *a, const struct bucket_props *b)
{
    return a->n_val == b->n_val && a->allow_mult == b->allow_mult && a->last_write_wins == b->last_write_wins &&
           a->basic_quorum == b->basic_quorum && a->notfound_ok == b->notfound_ok && a->search == b->search &&
           a->consistent == b->consistent && a->write_once == b->write_once && a->old_vclock == b->old_vclock &&
           a->young_vclock == b->young_vclock && a->big_vclock == b->big_vclock && a->small_vclock == b->small_vclock &&
           a->pr == b->pr && a->r == b->r && a->w == b->w && a->pw == b->pw && a->dw == b->dw && a->rw == b->rw &&
           a->repl == b->repl && a->hll_precision == b->hll_precision && a->ttl_s == b->ttl_s &&
           a->dvv_enabled == b->dvv_enabled && a->node_confirms == b->node_confirms;
}

bool props_include(const struct bucket_props *all, const struct bucket_props *fields)
{
    struct bucket_props merged = *all;
    props_merge(&merged, fields);
    return merged.set == all->set && same_plain(&merged, all) && same_fun(&merged.chash_keyfun, &all->chash_keyfun) &&
           same_fun(&merged.linkfun, &all->linkfun) && slice_eq(merged.backend, all->backend) &&
           slice_eq(merged.search_index, all->search_index) && slice_eq(merged.datatype, all->datatype) &&
           slice_eq(merged.ttl_from, all->ttl_from) && slice_eq(merged.sync_on_write, all->sync_on_write) &&
           same_hooks(&merged.precommit, &all->precommit) && same_hooks(&merged.postcommit, &all->postcommit);
}
