/* SPDX-License-Identifier: BSD-3-Clause */
/** @file
 *  How many cores are ours, by affinity mask and control group, whatever the system says of them. The linker leads the
 *  library's calls here (--wrap). */
#define _GNU_SOURCE /* CPU_SET */
#include "kernels/cpu.h"
#include "suite.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* The system of a test. */
static struct {
    int allowed;              /* CPUs of the mask; 0: the call fails */
    const char *group;        /* /proc/self/cgroup; NULL: no such file */
    const char *path, *quota; /* of the group: of its file, and what it says; NULL: no such file */
    const char *root;         /* what the root's file says */
    int opened;               /* files of it that were read */
} fake;

int __wrap_open64(const char *path, int flags, ...);
int __wrap_sched_getaffinity(pid_t process, size_t size, cpu_set_t *mask);

static const char *contents_of(const char *path)
{
    if (strcmp(path, "/proc/self/cgroup") == 0)
        return fake.group;
    if (strcmp(path, "/sys/fs/cgroup/cpu.max") == 0)
        return fake.root;
    return fake.path && strcmp(path, fake.path) == 0 ? fake.quota : NULL;
}

int __wrap_open64(const char *path, int flags, ...)
{
    const char *contents = contents_of(path);
    int ends[2];
    (void)flags;
    if (contents == NULL || pipe(ends) != 0) {
        errno = ENOENT;
        return -1;
    }
    ck_assert_int_eq(write(ends[1], contents, strlen(contents)), (ssize_t)strlen(contents));
    close(ends[1]);
    fake.opened++;
    return ends[0];
}

int __wrap_sched_getaffinity(pid_t process, size_t size, cpu_set_t *mask)
{
    (void)process;
    if (fake.allowed == 0)
        return -1;
    for (int i = 0; i < fake.allowed; i++)
        CPU_SET_S((size_t)i * 3, size, mask);
    return 0;
}

static void ck_cores(int expected)
{
    int cores = tn_cpu_cores();
    ck_assert_msg(cores == expected, "%d cores of %d allowed, group %s, quota %s, root's %s; expected %d", cores,
                  fake.allowed, fake.group ? fake.group : "-", fake.quota ? fake.quota : "-",
                  fake.root ? fake.root : "-", expected);
}

START_TEST(test_no_quota)
{
    fake.allowed = 6;
    fake.group = fake.path = fake.quota = fake.root = NULL;
    ck_cores(6);
    static const char *const none[] = {"",           "max 100000\n", "0 100000\n",         "-1 100000\n",
                                       "100000 0\n", "nonsense",     "9000000000000 100\n"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        fake.root = none[i];
        ck_cores(6);
    }
    fake.allowed = 0; /* then all that are there */
    ck_cores((int)sysconf(_SC_NPROCESSORS_ONLN));
}
END_TEST

START_TEST(test_quota)
{
    fake.allowed = 6;
    fake.group = "0::/user.slice/one\n";
    fake.path = "/sys/fs/cgroup/user.slice/one/cpu.max";
    fake.quota = "200000 100000\n";
    fake.root = "100000 100000\n";
    ck_cores(2); /* the group's own, not the root's */
    fake.quota = "250000 100000\n";
    ck_cores(3);
    fake.quota = "1000 100000\n";
    ck_cores(1);
    fake.quota = "900000 100000\n"; /* more than the mask allows */
    ck_cores(6);
    fake.quota = "max 100000\n"; /* then the root's, as a container sees it */
    ck_cores(1);
    fake.quota = NULL;
    ck_cores(1);
    fake.group = "12:cpu:/user.slice/one\n"; /* of version 1 */
    fake.quota = "200000 100000\n";
    ck_cores(1);
}
END_TEST

/* A group's path that does not fit is one without a quota. */
START_TEST(test_long_path)
{
    char group[600] = "0::/";
    memset(group + 4, 'x', sizeof group - 5);
    fake.allowed = 6;
    fake.group = group;
    fake.path = fake.quota = NULL;
    fake.root = "300000 100000\n";
    fake.opened = 0;
    ck_cores(3);
    ck_assert_int_eq(fake.opened, 2);
}
END_TEST

TN_SUITE("cores", {test_no_quota}, {test_quota}, {test_long_path})
