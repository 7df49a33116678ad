/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/phase.h"

#define TO(phase) (1u << PHASE_##phase)

static const struct {
    const char *text;
    unsigned moves; /* bits of the phases that may follow */
} phases[PHASE_COUNT] = {
    [PHASE_SEEKING] = {"seeking", TO(FORMING) | TO(JOINING) | TO(ENDED)},
    [PHASE_FORMING] = {"forming", TO(MEMBER) | TO(STRANDED) | TO(SEEKING) | TO(ENDED)},
    [PHASE_JOINING] = {"joining", TO(MEMBER) | TO(SEEKING) | TO(ENDED)},
    [PHASE_MEMBER] = {"member", TO(STRANDED) | TO(LEAVING) | TO(SEEKING) | TO(ENDED)},
    [PHASE_STRANDED] = {"stranded", TO(MEMBER) | TO(FORMING) | TO(SEEKING) | TO(ENDED)},
    [PHASE_LEAVING] = {"leaving", TO(ENDED)},
    [PHASE_ENDED] = {"ended", 0},
};

bool phase_may_become(enum cluster_phase from, enum cluster_phase to)
{
    return phases[from].moves >> to & 1;
}

const char *phase_text(enum cluster_phase phase)
{
    return phases[phase].text;
}
