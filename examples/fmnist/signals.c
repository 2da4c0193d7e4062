/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  The handler does two things that are allowed in one: it notes the signal and requests the stop. */
#include "signals.h"

#include <signal.h>
#include <stddef.h>

static tn_stop *volatile stop_handle;
static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    if (!caught)
        caught = number;
    tn_stop_request(stop_handle);
}

/* SIGINT is caught also if it was ignored at the start: a script's `program &` can then be ended with kill -INT. */
static void catch_one(int number, bool keep_ignored)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)}, before;
    sigemptyset(&action.sa_mask);
    if (keep_ignored && sigaction(number, NULL, &before) == 0 && before.sa_handler == SIG_IGN)
        return;
    sigaction(number, &action, NULL);
}

void signals_catch(tn_stop *stop)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    stop_handle = stop;
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);
    catch_one(SIGINT, false);
    catch_one(SIGTERM, false);
    catch_one(SIGHUP, true);
}

int signals_caught(void)
{
    return caught;
}
