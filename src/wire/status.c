#include "wire/status.h"

const char *status_node_state_text(enum status_node_state state)
{
    static const char *const names[] = {
        [STATUS_SEEKING] = "seeking", [STATUS_FORMING] = "forming",   [STATUS_JOINING] = "joining",
        [STATUS_MEMBER] = "member",   [STATUS_STRANDED] = "stranded", [STATUS_LEAVING] = "leaving"};
    return state >= STATUS_SEEKING && state <= STATUS_LEAVING ? names[state] : "unknown";
}

const char *status_health_text(enum status_health health)
{
    static const char *const names[] = {
        [STATUS_HEALTHY] = "healthy", [STATUS_DEGRADED] = "degraded", [STATUS_NO_QUORUM] = "no quorum"};
    return health >= STATUS_HEALTHY && health <= STATUS_NO_QUORUM ? names[health] : "unknown";
}
