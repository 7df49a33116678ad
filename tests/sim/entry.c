/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/main.h"

int main(int argc, char **argv)
{
    return sim_main(argc, argv);
}
