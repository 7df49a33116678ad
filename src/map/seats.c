/* SPDX-License-Identifier: Apache-2.0 */
#include "map/seats.h"

#include "base/rule.h"

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* R-SEATS. The quorum of what this gives is one more than `others`, and with Qmin more than N. */
unsigned seats_count(unsigned n, unsigned configured)
{
    unsigned smallest_quorum = seats_quorum(configured); /* Qmin: no meta group has ever had fewer seats than E0 */
    unsigned others = rule_holds(RULE_SEATS) && n > smallest_quorum ? n - smallest_quorum : 0;
    return 2 * larger(others, larger(configured, n) / 2) + 1;
}

unsigned seats_count_after(unsigned n, unsigned configured, unsigned lowered)
{
    unsigned seats = seats_count(n, configured);
    return lowered && rule_holds(RULE_SEATS) ? larger(seats, seats_count(n, lowered)) : seats;
}

unsigned seats_least(unsigned configured, unsigned members)
{
    return larger(configured, members) | 1;
}

unsigned seats_of_all(unsigned nodes)
{
    return 2 * (nodes / 2) + 1;
}
