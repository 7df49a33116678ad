/* SPDX-License-Identifier: Apache-2.0 */
#include "riak/mapred/mapred_list.h"

#include "riak/mapred/json_scan.h"
#include "riak/mapred/mapred_term.h"

/* A bucket with its type begins with a text, as no input does. */
void mapred_list_of_json(struct mapred_list *l, struct slice text)
{
    struct slice inside = slice_skip(text, 1), ahead = inside;
    bool is_bucket = json_scan_char(&ahead, '"');
    *l = (struct mapred_list){.given = !is_bucket, .json = inside};
}

bool mapred_list_of_terms(struct mapred_list *l, struct etf_reader *r)
{
    uint32_t n;
    if (!etf_list(r, &n))
        return false;
    *l = (struct mapred_list){.given = true, .terms = true, .etf = *r, .left = n};
    for (uint32_t i = 0; i < n; i++)
        if (!etf_skip(r))
            return false;
    return etf_list_end(r, n);
}

static enum mapred_list_next next_term(struct mapred_list *l, json_t **out)
{
    struct etf_reader ahead = l->etf;
    if (l->left == 0)
        return MAPRED_LIST_END;
    l->left--;
    if (!etf_skip(&ahead) || l->etf.left - ahead.left > MAPRED_VALUES_MAX)
        return MAPRED_LIST_BAD;
    *out = mapred_term_input(&l->etf);
    return *out ? MAPRED_LIST_ONE : MAPRED_LIST_BAD;
}

enum mapred_list_next mapred_list_next(struct mapred_list *l, json_t **out)
{
    struct slice value;
    *out = NULL;
    if (l->terms)
        return next_term(l, out);
    l->ended = l->ended || json_scan_char(&l->json, ']');
    if (l->ended)
        return MAPRED_LIST_END;
    if (l->begun && !json_scan_char(&l->json, ','))
        return MAPRED_LIST_BAD;
    l->begun = true;
    if (!json_scan_value(&l->json, &value) || json_scan_count(value) > MAPRED_VALUES_MAX)
        return MAPRED_LIST_BAD;
    *out = json_scan_decode(value);
    return *out ? MAPRED_LIST_ONE : MAPRED_LIST_BAD;
}
