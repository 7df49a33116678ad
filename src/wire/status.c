/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/status.h"

const char *status_node_state_text(enum status_node_state state)
{
    static const char *const names[] = {
        [STATUS_SEEKING] = "seeking", [STATUS_FORMING] = "forming",   [STATUS_JOINING] = "joining",
        [STATUS_MEMBER] = "member",   [STATUS_STRANDED] = "stranded", [STATUS_LEAVING] = "leaving"};
    return state >= STATUS_SEEKING && state <= STATUS_LEAVING ? names[state] : "unknown";
}

const char *status_candidate_state_text(enum status_candidate_state state)
{
    static const char *const names[] = {
        [STATUS_CANDIDATE_NEW] = "not tried yet", [STATUS_CANDIDATE_SELF] = "this node",
        [STATUS_CANDIDATE_MEMBER] = "member",     [STATUS_CANDIDATE_SILENT] = "not reached",
        [STATUS_CANDIDATE_REFUSED] = "refused",   [STATUS_CANDIDATE_ALIAS] = "alias",
        [STATUS_CANDIDATE_ONE_WAY] = "one way",   [STATUS_CANDIDATE_SEEKING] = "seeking",
        [STATUS_CANDIDATE_WAITING] = "waiting",   [STATUS_CANDIDATE_FORMING] = "forming",
        [STATUS_CANDIDATE_STRANDED] = "stranded", [STATUS_CANDIDATE_OTHER] = "in another cluster"};
    return state >= STATUS_CANDIDATE_NEW && state <= STATUS_CANDIDATE_OTHER ? names[state] : "unknown";
}

const char *status_health_text(enum status_health health)
{
    static const char *const names[] = {
        [STATUS_HEALTHY] = "healthy", [STATUS_DEGRADED] = "degraded", [STATUS_NO_QUORUM] = "no quorum"};
    return health >= STATUS_HEALTHY && health <= STATUS_NO_QUORUM ? names[health] : "unknown";
}
