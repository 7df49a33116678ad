/* SPDX-License-Identifier: Apache-2.0 */
/* Users, groups and grants, for operators (wire/security_msg.h). */
#include "api/ask.h"
#include "api/security_admin.h"

#include "api/answer.h"
#include "riak/dispatch.h"
#include "riak/error_reply.h"
#include "wire/security_msg.h"

static const struct riak_words change_words = {
    .subject = "to change users",
    .unknown = "the change is made: look before making it again",
    .prefix = "Security change refused: ",
    .text =
        {
            [OUTCOME_EXISTS] = "Security change refused: there is one of that name already",
            [OUTCOME_NOT_FOUND] = "Security change refused: there is no user or group of that name",
            [OUTCOME_NOT_PRESENT] =
                "Security change refused: what is to be taken away is not there (a permission is revoked with the very "
                "type and bucket with which it was granted), or a group that is named is not",
            [OUTCOME_TOO_MANY] = "Security change refused: there are as many users, groups, grants or sources as there "
                                 "may be",
        },
};

static void on_changed(struct router_request *q, int err, const struct store_result *result)
{
    struct session *s = session_of(q);
    struct outcome refused;
    (void)result;
    if (answer_of_security(err, q->timeout_ms, &refused))
        riak_reply_empty(s, MSG_SECURITY_CHANGE_RESP);
    else
        riak_refuse(s, &change_words, &refused);
    session_finish(s);
}

void users_change(struct session *s, struct slice body)
{
    struct security_change c;
    struct outcome refused;
    if (security_msg_decode_change(body, &c)) {
        riak_refuse_malformed(s, "EphSecurityChange");
        return;
    }
    if (!security_admin_check(&s->server->api, &s->who, &c, &refused)) {
        riak_refuse(s, &change_words, &refused);
        return;
    }
    struct router_request *q = session_ask(s, 0, on_changed);
    router_deliver(q, ask_change_security(&s->server->api, q, &c));
}

/* --- the list --- */

struct page {
    uint32_t from;
    struct security_list_resp resp;
};

static void take(void *arg, const struct security_change *c)
{
    struct page *p = arg;
    if (p->resp.total++ >= p->from && p->resp.count < SECURITY_PAGE_MAX)
        p->resp.change[p->resp.count++] = *c;
}

void users_list(struct session *s, struct slice body)
{
    static const struct riak_words words = {.subject = "to list users"};
    struct security_list_req req;
    struct outcome refused;
    if (security_msg_decode_list_req(body, &req)) {
        riak_refuse_malformed(s, "EphSecurityListReq");
        return;
    }
    struct page p = {.from = req.from};
    if (!security_admin_list(&s->server->api, &s->who, take, &p, &refused)) {
        riak_refuse(s, &words, &refused);
        return;
    }
    int err = security_msg_put_list(session_out(s), &p.resp);
    if (err)
        session_broken(s, err);
}
