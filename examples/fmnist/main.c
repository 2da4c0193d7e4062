/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The main function of both programs; the build names the one it is compiled for in FMNIST_PROGRAM. */
#include "fmnist.h"

int main(int argc, char **argv)
{
    return fmnist_main(&FMNIST_PROGRAM, argc, argv);
}
