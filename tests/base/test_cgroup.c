#include "base/cgroup.h"

#include <stdio.h>
#include <string.h>

#include "tests/suite.h"

/* Files of a machine as pairs of path and text. */
struct files {
    const char *const (*file)[2]; /* ends with NULL */
    char text[4][2048];           /* texts given out, by turns */
    size_t reads;
    char bad[300]; /* "path: reason" of the last malformed one */
};

static haq_status read_file(void *arg, const char *path, char **text,
                            struct haq_diag *d)
{
    struct files *f = arg;
    (void)d;
    *text = NULL;
    for (size_t i = 0; f->file[i][0]; i++)
        if (!strcmp(f->file[i][0], path)) {
            /* The first stays: it is that of proc/self/cgroup. */
            *text = f->text[f->reads ? 1 + f->reads % 3 : 0];
            strcpy(*text, f->file[i][1]);
            f->reads++;
        }
    return HAQ_OK;
}

static haq_status malformed(void *arg, const char *path, const char *reason,
                            struct haq_diag *d)
{
    struct files *f = arg;
    (void)d;
    snprintf(f->bad, sizeof f->bad, "%s: %s", path, reason);
    return HAQ_OK;
}

static struct haq_cgroup limits(const char *const (*file)[2], char bad[300])
{
    struct files f = {.file = file};
    struct haq_cgroup g;
    const struct haq_cgroup_reader r = {read_file, malformed, &f};
    CU_ASSERT_EQUAL(haq_cgroup_limits(&g, &r, NULL), HAQ_OK);
    if (bad)
        strcpy(bad, f.bad);
    else
        CU_ASSERT_STRING_EQUAL(f.bad, "");
    return g;
}

static void the_smallest_limit_on_the_way_binds(void)
{
    static const char *const files[][2] = {
        {"proc/self/cgroup", "0::/a/b\n"},
        {"sys/fs/cgroup/a/b/cpu.max", "400000 100000\n"},
        {"sys/fs/cgroup/a/cpu.max", "250000 100000\n"},
        {"sys/fs/cgroup/cpu.max", "max 100000\n"},
        {"sys/fs/cgroup/a/b/memory.max", "max\n"},
        {"sys/fs/cgroup/memory.max", "1000000\n"},
        {"sys/fs/cgroup/a/b/cpuset.cpus.effective", "2-3\n"},
        {"sys/fs/cgroup/a/cpuset.cpus.effective", "0-7\n"},
        {NULL, NULL}};
    struct haq_cgroup g = limits(files, NULL);
    CU_ASSERT_EQUAL(g.version, 2);
    CU_ASSERT_EQUAL(g.quota_milli, 2500);
    CU_ASSERT_EQUAL(g.memory, 1000000);
    CU_ASSERT_STRING_EQUAL(g.cpus, "2-3");
}

/* A container sees its path on the host, and its own group as the mount. */
static void a_namespace_hides_the_path(void)
{
    static const char *const files[][2] = {
        {"proc/self/cgroup", "0::/docker/1234\n"},
        {"sys/fs/cgroup/cpu.max", "50000 100000\n"},
        {NULL, NULL}};
    struct haq_cgroup g = limits(files, NULL);
    CU_ASSERT_EQUAL(g.quota_milli, 500);
}

static void version_one_has_a_folder_for_each_controller(void)
{
    static const char *const files[][2] = {
        {"proc/self/cgroup",
         "7:cpuset:/\n6:cpu,cpuacct:/x\n2:memory:/\n0::/\n"},
        {"sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "15000\n"},
        {"sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "10000\n"},
        {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
        {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"},
        {"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"},
        {"sys/fs/cgroup/cpuset/cpuset.effective_cpus", "0,2\n"},
        {NULL, NULL}};
    struct haq_cgroup g = limits(files, NULL);
    CU_ASSERT_EQUAL(g.version, 1);
    CU_ASSERT_EQUAL(g.quota_milli, 1500);
    CU_ASSERT_EQUAL(g.memory, 0);
    CU_ASSERT_STRING_EQUAL(g.cpus, "0,2");
}

static void a_tiny_quota_is_still_one(void)
{
    static const char *const files[][2] = {
        {"proc/self/cgroup", "0::/\n"},
        {"sys/fs/cgroup/cpu.max", "1 1000000\n"},
        {NULL, NULL}};
    CU_ASSERT_EQUAL(limits(files, NULL).quota_milli, 1);
}

static void no_groups_are_no_limits(void)
{
    static const char *const none[][2] = {{NULL, NULL}};
    static const char *const empty[][2] = {{"proc/self/cgroup", ""},
                                           {NULL, NULL}};
    CU_ASSERT_EQUAL(limits(none, NULL).version, 0);
    CU_ASSERT_EQUAL(limits(empty, NULL).quota_milli, 0);
}

static void nonsense_is_named_and_is_no_limit(void)
{
    static const char *const texts[] = {"fast",
                                        "0 100000",
                                        "1 0",
                                        "1",
                                        "-5 10000",
                                        "1 2 3",
                                        "9999999999999999999 1"};
    char bad[300];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *const files[][2] = {{"proc/self/cgroup", "0::/\n"},
                                        {"sys/fs/cgroup/cpu.max", texts[i]},
                                        {NULL, NULL}};
        CU_ASSERT_EQUAL(limits(files, bad).quota_milli, 0);
        CU_ASSERT_PTR_NOT_NULL(strstr(bad, "sys/fs/cgroup/cpu.max: not"));
    }
    static const char *const lines[][2] = {{"proc/self/cgroup", "0:\n"},
                                           {NULL, NULL}};
    limits(lines, bad);
    CU_ASSERT_PTR_NOT_NULL(strstr(bad, "NUMBER:CONTROLLERS:PATH"));
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(the_smallest_limit_on_the_way_binds),
        HAQ_TEST(a_namespace_hides_the_path),
        HAQ_TEST(version_one_has_a_folder_for_each_controller),
        HAQ_TEST(a_tiny_quota_is_still_one),
        HAQ_TEST(no_groups_are_no_limits),
        HAQ_TEST(nonsense_is_named_and_is_no_limit),
        CU_TEST_INFO_NULL};
    return run_suite("base/cgroup", tests);
}
