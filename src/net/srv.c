/* SPDX-License-Identifier: Apache-2.0 */
#include "net/srv.h"

#include "base/err.h"

#include <arpa/nameser.h>
#include <resolv.h>
#include <stdbool.h>

#define SRV_FIXED 6 /* priority, weight, port: two bytes each, then the target */

/* Letters, digits, '-', '_' and the dots between: no escapes, which the text form has for all other bytes. */
static bool is_host(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-' ||
              *p == '_' || *p == '.'))
            return false;
    return *name && strcmp(name, ".") != 0;
}

static bool parse_record(const ns_msg *message, const ns_rr *record, struct srv *out)
{
    const unsigned char *data = ns_rr_rdata(*record);
    if (ns_rr_type(*record) != ns_t_srv || ns_rr_class(*record) != ns_c_in || ns_rr_rdlen(*record) <= SRV_FIXED)
        return false;
    out->port = (uint16_t)(data[4] << 8 | data[5]);
    int n = ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message), data + SRV_FIXED, out->target,
                               sizeof out->target);
    return n > 0 && out->port && is_host(out->target);
}

int srv_parse(struct slice answer, struct srv *out, size_t max)
{
    ns_msg message;
    ns_rr record;
    size_t count = 0;
    if (answer.len > NS_MAXMSG || ns_initparse(answer.data, (int)answer.len, &message))
        return E_MALFORMED;
    for (int i = 0; i < ns_msg_count(message, ns_s_an) && count < max; i++) {
        if (ns_parserr(&message, ns_s_an, i, &record))
            return E_MALFORMED;
        count += parse_record(&message, &record, &out[count]);
    }
    return (int)count;
}
