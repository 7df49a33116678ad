/* SPDX-License-Identifier: Apache-2.0 */
#include "client/props.h"

#include "base/err.h"

#include <errno.h>
#include <stdlib.h>

#define ROW(ID, KIND, FIELD, NAME)                                                                                     \
    {                                                                                                                  \
        PROP_##ID, CLIENT_PROP_##KIND, offsetof(struct bucket_props, FIELD), NAME                                      \
    }

static const struct client_prop table[] = {
    ROW(N_VAL, NUMBER, n_val, "n_val"),
    ROW(ALLOW_MULT, BOOL, allow_mult, "allow_mult"),
    ROW(LAST_WRITE_WINS, BOOL, last_write_wins, "last_write_wins"),
    ROW(TTL, NUMBER, ttl_s, "ttl"),
    ROW(TTL_FROM, TEXT, ttl_from, "ttl_from"),
    ROW(R, QUORUM, r, "r"),
    ROW(PR, QUORUM, pr, "pr"),
    ROW(W, QUORUM, w, "w"),
    ROW(PW, QUORUM, pw, "pw"),
    ROW(DW, QUORUM, dw, "dw"),
    ROW(RW, QUORUM, rw, "rw"),
    ROW(BASIC_QUORUM, BOOL, basic_quorum, "basic_quorum"),
    ROW(NOTFOUND_OK, BOOL, notfound_ok, "notfound_ok"),
    ROW(PRECOMMIT, HOOKS, precommit, "precommit"),
    ROW(POSTCOMMIT, HOOKS, postcommit, "postcommit"),
    ROW(CHASH_KEYFUN, FUNCTION, chash_keyfun, "chash_keyfun"),
    ROW(LINKFUN, FUNCTION, linkfun, "linkfun"),
    ROW(OLD_VCLOCK, NUMBER, old_vclock, "old_vclock"),
    ROW(YOUNG_VCLOCK, NUMBER, young_vclock, "young_vclock"),
    ROW(BIG_VCLOCK, NUMBER, big_vclock, "big_vclock"),
    ROW(SMALL_VCLOCK, NUMBER, small_vclock, "small_vclock"),
    ROW(BACKEND, TEXT, backend, "backend"),
    ROW(SEARCH, BOOL, search, "search"),
    ROW(SEARCH_INDEX, TEXT, search_index, "search_index"),
    ROW(REPL, NUMBER, repl, "repl"),
    ROW(DATATYPE, TEXT, datatype, "datatype"),
    ROW(CONSISTENT, BOOL, consistent, "consistent"),
    ROW(WRITE_ONCE, BOOL, write_once, "write_once"),
    ROW(HLL_PRECISION, NUMBER, hll_precision, "hll_precision"),
    ROW(DVV_ENABLED, BOOL, dvv_enabled, "dvv_enabled"),
    ROW(NODE_CONFIRMS, NUMBER, node_confirms, "node_confirms"),
    ROW(SYNC_ON_WRITE, TEXT, sync_on_write, "sync_on_write"),
};

static const struct {
    uint32_t number;
    const char *name;
} quorums[] = {{QUORUM_ONE, "one"}, {QUORUM_QUORUM, "quorum"}, {QUORUM_ALL, "all"}};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

const struct client_prop *client_prop_at(size_t i)
{
    return i < COUNT(table) ? &table[i] : NULL;
}

const char *client_quorum_name(uint32_t number)
{
    for (size_t i = 0; i < COUNT(quorums); i++)
        if (quorums[i].number == number)
            return quorums[i].name;
    return NULL;
}

static bool parse_number(const char *text, uint32_t *out)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    *out = (uint32_t)n;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && n <= UINT32_MAX;
}

static bool parse_quorum(const char *text, uint32_t *out)
{
    for (size_t i = 0; i < COUNT(quorums); i++)
        if (strcmp(quorums[i].name, text) == 0) {
            *out = quorums[i].number;
            return true;
        }
    return parse_number(text, out);
}

static bool parse_bool(const char *text, bool *out)
{
    *out = strcmp(text, "true") == 0;
    return *out || strcmp(text, "false") == 0;
}

static int parse_value(const struct client_prop *p, const char *text, void *field)
{
    switch (p->kind) {
    case CLIENT_PROP_NUMBER:
        return parse_number(text, field) ? 0 : E_INVALID;
    case CLIENT_PROP_QUORUM:
        return parse_quorum(text, field) ? 0 : E_INVALID;
    case CLIENT_PROP_BOOL:
        return parse_bool(text, field) ? 0 : E_INVALID;
    case CLIENT_PROP_TEXT:
        *(struct slice *)field = slice_str(text);
        return 0;
    case CLIENT_PROP_FUNCTION:
    case CLIENT_PROP_HOOKS:
        break;
    }
    return E_UNSUPPORTED;
}

int client_prop_parse(struct bucket_props *props, const char *name, const char *text)
{
    for (size_t i = 0; i < COUNT(table); i++) {
        if (strcmp(table[i].name, name) != 0)
            continue;
        int err = parse_value(&table[i], text, (char *)props + table[i].offset);
        if (!err)
            props->set |= PROP_BIT(table[i].id);
        return err;
    }
    return E_NOT_FOUND;
}
