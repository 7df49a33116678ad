/* SPDX-License-Identifier: Apache-2.0 */
/* The properties of a bucket or of a bucket type: every field of RpbBucketProps (riak-protocol.md section 9), the ones
 * that rule the store (allow_mult, last_write_wins, ttl, datatype, ...) and the ones that are only kept and given back.
 *
 * A struct bucket_props is a set of fields: only those whose bit is in `set` have a meaning, so the same shape serves
 * as a request to change, as an override and as a resolved whole. Not validation: that is store/props_check.h. */
#ifndef STORE_PROPS_H
#define STORE_PROPS_H

#include "base/slice.h"

/* Symbolic quorum values as they stand on the wire (riak-protocol.md section 5). */
#define QUORUM_ONE     4294967294u
#define QUORUM_QUORUM  4294967293u
#define QUORUM_ALL     4294967292u
#define QUORUM_DEFAULT 4294967291u

enum bucket_prop {
    PROP_N_VAL,
    PROP_ALLOW_MULT,
    PROP_LAST_WRITE_WINS,
    PROP_PRECOMMIT,
    PROP_POSTCOMMIT,
    PROP_CHASH_KEYFUN,
    PROP_LINKFUN,
    PROP_OLD_VCLOCK,
    PROP_YOUNG_VCLOCK,
    PROP_BIG_VCLOCK,
    PROP_SMALL_VCLOCK,
    PROP_PR,
    PROP_R,
    PROP_W,
    PROP_PW,
    PROP_DW,
    PROP_RW,
    PROP_BASIC_QUORUM,
    PROP_NOTFOUND_OK,
    PROP_BACKEND,
    PROP_SEARCH,
    PROP_REPL,
    PROP_SEARCH_INDEX,
    PROP_DATATYPE,
    PROP_CONSISTENT,
    PROP_WRITE_ONCE,
    PROP_HLL_PRECISION,
    PROP_TTL,
    PROP_TTL_FROM,
    PROP_DVV_ENABLED,
    PROP_NODE_CONFIRMS,
    PROP_SYNC_ON_WRITE,
    PROP_COUNT
};

#define PROP_BIT(p) (UINT64_C(1) << (p))

#define PROPS_HOOKS_MAX 16   /* commit hooks in one list; Riak's users have one or two */
#define PROPS_TEXT_MAX  1024 /* bytes of one text property, or of a name in one (props_check.h) */
#define PROPS_TTL_MAX_S (10u * 366 * 86400)

#define PROPS_TTL_FROM_WRITE  "write"  /* the key's last write: the default */
#define PROPS_TTL_FROM_CREATE "create" /* the write that created the key */

struct mod_fun {
    struct slice module, function;
};

/* Either an Erlang function or the name of a JavaScript one; kept and given back, never run. */
struct commit_hook {
    bool has_modfun;
    struct mod_fun modfun;
    struct slice name; /* empty when absent */
};

struct commit_hooks {
    size_t count;
    const struct commit_hook *hook; /* borrowed */
};

/* Slices and hooks are borrowed from where the fields came from (a request, a catalog entry). Numbers are as on the
 * wire. */
struct bucket_props {
    uint64_t set; /* PROP_BIT of each field that is given */
    uint32_t n_val;
    bool allow_mult, last_write_wins, basic_quorum, notfound_ok, search, consistent, write_once;
    uint32_t old_vclock, young_vclock, big_vclock, small_vclock;
    uint32_t pr, r, w, pw, dw, rw;
    uint32_t repl;
    uint32_t hll_precision;
    uint32_t ttl_s; /* a key's life, in seconds; 0: it does not expire. RpbBucketProps field 1000 */
    struct mod_fun chash_keyfun, linkfun;
    struct slice backend, search_index, datatype;
    struct slice ttl_from; /* PROPS_TTL_FROM_...: from when ttl_s counts; field 1001 */
    /* Riak's properties without a field in Riak's message: kept and given back. Fields 1002 to 1004. */
    bool dvv_enabled;
    uint32_t node_confirms;
    struct slice sync_on_write;
    struct commit_hooks precommit, postcommit;
};

static inline bool props_has(const struct bucket_props *p, enum bucket_prop which)
{
    return (p->set & PROP_BIT(which)) != 0;
}

/* What a Riak node answers for a bucket that nobody touched; `typed`: of a custom type (allow_mult true). */
void props_defaults(bool typed, struct bucket_props *out);
/* Every field that `from` has replaces the one of `into`. Slices stay borrowed from their origins. */
void props_merge(struct bucket_props *into, const struct bucket_props *from);
/* Whether every field of `fields` is in `all` with the same value. */
bool props_include(const struct bucket_props *all, const struct bucket_props *fields);

#endif
