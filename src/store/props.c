#include "store/props.h"

void props_defaults(bool typed, struct bucket_props *out)
{
    const uint64_t absent = PROP_BIT(PROP_BACKEND) | PROP_BIT(PROP_SEARCH) | PROP_BIT(PROP_REPL) |
                            PROP_BIT(PROP_SEARCH_INDEX) | PROP_BIT(PROP_DATATYPE) | PROP_BIT(PROP_CONSISTENT) |
                            PROP_BIT(PROP_HLL_PRECISION) | PROP_BIT(PROP_TTL) | (typed ? PROP_BIT(PROP_WRITE_ONCE) : 0);
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
#undef TAKE
    into->set |= from->set;
}
