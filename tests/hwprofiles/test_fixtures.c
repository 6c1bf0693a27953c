/* Recorded machines are found to be what somebody who knows them says they are
 * (expect.json of each), and what hwloc itself reads from the same file. */
#include <hwloc.h>

#include "base/json.h"
#include "hwprofiles/source.h"
#include "tests/hwprofiles/fixture.h"

/* ---- expectations ---------------------------------------------------------
 */

static bool contains(const json_t *have, const json_t *want, char *where,
                     size_t len);

static bool contains_members(const json_t *have, const json_t *want,
                             char *where, size_t len)
{
    union {
        const json_t *in;
        json_t *out;
    } w = {.in = want};
    const char *key;
    json_t *value;
    json_object_foreach(w.out, key, value)
    {
        json_t *got = json_object_get(have, key);
        size_t used = strlen(where);
        snprintf(where + used, len - used, ".%s", key);
        /* null: it must not be there */
        if (json_is_null(value) ? got != NULL
                                : !got || !contains(got, value, where, len))
            return false;
        where[used] = 0;
    }
    return true;
}

static bool contains_items(const json_t *have, const json_t *want, char *where,
                           size_t len)
{
    if (json_array_size(have) != json_array_size(want))
        return false;
    for (size_t i = 0; i < json_array_size(want); i++) {
        size_t used = strlen(where);
        snprintf(where + used, len - used, "[%zu]", i);
        if (!contains(json_array_get(have, i), json_array_get(want, i), where,
                      len))
            return false;
        where[used] = 0;
    }
    return true;
}

/* `where` names the first place that differs. */
static bool contains(const json_t *have, const json_t *want, char *where,
                     size_t len)
{
    if (json_is_object(want))
        return contains_members(have, want, where, len);
    if (json_is_array(want))
        return contains_items(have, want, where, len);
    return json_equal(have, want);
}

static void expect_machine(const char *name)
{
    char folder[300], file[400], where[300] = "machine";
    struct haq_machine m;
    struct haq_diag d = {HAQ_OK, ""};
    json_t *want, *have;

    snprintf(folder, sizeof folder, MACHINES "/%s", name);
    snprintf(file, sizeof file, "%s/expect.json", folder);
    CU_ASSERT_EQUAL_FATAL(haq_json_read(file, &want, NULL), HAQ_OK);
    haq_status s = haq_sources_run(&m, folder, NULL, &d);
    if (s != HAQ_OK)
        printf("\n  %s: %s\n", name, d.text);
    CU_ASSERT_EQUAL_FATAL(s, HAQ_OK);
    have = haq_machine_to_json(&m);
    bool same =
        contains(have, json_object_get(want, "machine"), where, sizeof where);
    if (!same)
        printf("\n  %s: %s is not as expected\n", name, where);
    CU_ASSERT(same);
    CU_ASSERT_EQUAL((json_int_t)haq_machine_usable_cores(&m),
                    json_integer_value(json_object_get(want, "usable_cores")));
    CU_ASSERT(m.origin && strlen(m.origin) > 20);
    json_decref(want);
    json_decref(have);
    haq_machine_fini(&m);
}

static void machines_are_what_they_are_expected_to_be(void)
{
    CU_ASSERT(each_machine(expect_machine) >= 10);
}

/* ---- hwloc's own reading --------------------------------------------------
 */

static void same_count(hwloc_topology_t t, hwloc_obj_type_t type, uint64_t ours)
{
    int n = hwloc_get_nbobjs_by_type(t, type);
    CU_ASSERT_EQUAL((uint64_t)(n > 0 ? n : 0), ours);
}

static uint64_t caches_of(const struct haq_machine *m, uint64_t level)
{
    const struct haq_cache *c = m->caches.item;
    uint64_t n = 0;
    for (size_t i = 0; i < m->caches.n; i++)
        if (c[i].level == level && c[i].type != HAQ_CACHE_CODE)
            n += c[i].count;
    return n;
}

static void compare_with_hwloc(const char *name)
{
    char folder[300], file[400];
    struct haq_machine m;
    hwloc_topology_t t;

    snprintf(folder, sizeof folder, MACHINES "/%s", name);
    snprintf(file, sizeof file, "%s/topology.xml", folder);
    CU_ASSERT_EQUAL_FATAL(haq_sources_run(&m, folder, NULL, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(hwloc_topology_init(&t), 0);
    CU_ASSERT_EQUAL_FATAL(hwloc_topology_set_xml(t, file), 0);
    hwloc_topology_set_flags(t, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    hwloc_topology_set_io_types_filter(t, HWLOC_TYPE_FILTER_KEEP_ALL);
    CU_ASSERT_EQUAL_FATAL(hwloc_topology_load(t), 0);
    same_count(t, HWLOC_OBJ_PACKAGE, m.packages);
    same_count(t, HWLOC_OBJ_PU, m.pus);
    same_count(t, HWLOC_OBJ_NUMANODE, m.numa.n);
    same_count(t, HWLOC_OBJ_L1CACHE, caches_of(&m, 1));
    same_count(t, HWLOC_OBJ_L2CACHE, caches_of(&m, 2));
    same_count(t, HWLOC_OBJ_L3CACHE, caches_of(&m, 3));
    if (hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_CORE) > 0)
        same_count(t, HWLOC_OBJ_CORE, m.cores);
    if (hwloc_cpukinds_get_nr(t, 0) > 0)
        CU_ASSERT_EQUAL((size_t)hwloc_cpukinds_get_nr(t, 0), m.kinds.n);
    hwloc_topology_destroy(t);
    haq_machine_fini(&m);
}

static void hwloc_reads_the_same_from_the_file(void)
{
    each_machine(compare_with_hwloc);
}

/* ---- recording ------------------------------------------------------------
 */

static void what_is_recorded_here_reads_back_as_this_machine(void)
{
    char folder[] = "/tmp/haq-record-XXXXXX", a[HAQ_HASH_HEX], b[HAQ_HASH_HEX];
    struct haq_machine here, back;

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    CU_ASSERT_EQUAL_FATAL(haq_sources_run(&here, NULL, folder, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_sources_run(&back, folder, NULL, NULL), HAQ_OK);
    CU_ASSERT_PTR_NOT_NULL(back.origin);
    CU_ASSERT_EQUAL(back.isa, here.isa);
    haq_machine_fingerprint(&here, here.isa, 0, a, NULL);
    haq_machine_fingerprint(&back, back.isa, 0, b, NULL);
    CU_ASSERT_STRING_EQUAL(a, b);
    back.origin = NULL;
    json_t *x = haq_machine_to_json(&here), *y = haq_machine_to_json(&back);
    CU_ASSERT(json_equal(x, y));
    json_decref(x), json_decref(y);
    haq_machine_fini(&here), haq_machine_fini(&back);
    remove_machine(folder);
}

/* ---- fingerprints of machines that changed --------------------------------
 */

static void print(const char *folder, char out[HAQ_HASH_HEX])
{
    struct haq_machine m;
    CU_ASSERT_EQUAL_FATAL(haq_sources_run(&m, folder, NULL, NULL), HAQ_OK);
    haq_machine_fingerprint(&m, m.isa, 0, out, NULL);
    haq_machine_fini(&m);
}

static void other_cores_of_the_same_kind_are_the_same_machine(void)
{
    char folder[64], a[HAQ_HASH_HEX], b[HAQ_HASH_HEX];
    copy_machine(folder, "skylake-2s");
    print(folder, a);
    /* The other socket. */
    put(folder, "proc/thread-self/status",
        "Name:\tx\nCpus_allowed_list:\t16-31,48-63\n");
    print(folder, b);
    CU_ASSERT_STRING_EQUAL(a, b);
    /* Half of each. */
    put(folder, "proc/thread-self/status",
        "Cpus_allowed_list:\t0-7,16-23,32-39,48-55\n");
    print(folder, b);
    CU_ASSERT_STRING_NOT_EQUAL(a, b);
    remove_machine(folder);
}

static void a_cgroup_that_shrinks_is_another_machine(void)
{
    char folder[64], a[HAQ_HASH_HEX], b[HAQ_HASH_HEX];
    copy_machine(folder, "container-quota");
    print(folder, a);
    put(folder, "sys/fs/cgroup/docker/cpu.max", "100000 100000\n");
    print(folder, b);
    CU_ASSERT_STRING_NOT_EQUAL(a, b);
    remove_machine(folder);
}

static void big_cores_are_not_small_ones(void)
{
    char folder[64], small[HAQ_HASH_HEX], big[HAQ_HASH_HEX];
    copy_machine(folder, "rk3588");
    put(folder, "proc/thread-self/status", "Cpus_allowed_list:\t0-3\n");
    print(folder, small);
    put(folder, "proc/thread-self/status", "Cpus_allowed_list:\t4-7\n");
    print(folder, big);
    CU_ASSERT_STRING_NOT_EQUAL(small, big);
    remove_machine(folder);
}

/* ---- changes, by name -----------------------------------------------------
 */

static void expect_changes(const char *name, const char *file, const char *text,
                           const char *words)
{
    char folder[64];
    struct haq_machine was, is;
    copy_machine(folder, name);
    CU_ASSERT_EQUAL_FATAL(haq_sources_run(&was, folder, NULL, NULL), HAQ_OK);
    put(folder, file, text);
    CU_ASSERT_EQUAL_FATAL(haq_sources_run(&is, folder, NULL, NULL), HAQ_OK);
    char *told = haq_machine_changes(&was, &is);
    CU_ASSERT_STRING_EQUAL(told, words);
    free(told);
    haq_machine_fini(&was), haq_machine_fini(&is);
    remove_machine(folder);
}

static void what_changed_is_told_by_name(void)
{
    expect_changes("container-quota", "sys/fs/cgroup/docker/cpu.max",
                   "100000 100000\n", "CPU quota (1/1000 CPU) 1500 -> 1000");
    expect_changes("haswell", "sys/devices/system/cpu/intel_pstate/no_turbo",
                   "0\n", "boost \"off\" -> \"on\"");
    expect_changes("nehalem",
                   "sys/devices/system/cpu/cpu3/cpufreq/scaling_governor",
                   "performance\n", "governor \"ondemand\" -> \"several\"");
    expect_changes("haswell", "proc/thread-self/status",
                   "Cpus_allowed_list:\t0-2\n",
                   "allowed cores, caches, NUMA nodes");
    expect_changes("haswell", "machine.txt", "arch: x86_64\nhost: other\n", "");

    /* A core goes offline: the topology loses it. */
    char *xml = get(MACHINES "/offline-core", "topology.xml");
    expect_changes("haswell", "topology.xml", xml,
                   "allowed cores, caches, NUMA nodes");
    free(xml);
}

static char prints[32][HAQ_HASH_HEX];
static size_t n_prints;

static void keep_print(const char *name)
{
    char folder[300];
    snprintf(folder, sizeof folder, MACHINES "/%s", name);
    CU_ASSERT_FATAL(n_prints < 32);
    print(folder, prints[n_prints]);
    for (size_t i = 0; i < n_prints; i++)
        CU_ASSERT_STRING_NOT_EQUAL(prints[i], prints[n_prints]);
    n_prints++;
}

static void no_two_machines_share_a_fingerprint(void)
{
    each_machine(keep_print);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(machines_are_what_they_are_expected_to_be),
        HAQ_TEST(hwloc_reads_the_same_from_the_file),
        HAQ_TEST(what_is_recorded_here_reads_back_as_this_machine),
        HAQ_TEST(other_cores_of_the_same_kind_are_the_same_machine),
        HAQ_TEST(a_cgroup_that_shrinks_is_another_machine),
        HAQ_TEST(big_cores_are_not_small_ones),
        HAQ_TEST(what_changed_is_told_by_name),
        HAQ_TEST(no_two_machines_share_a_fingerprint),
        CU_TEST_INFO_NULL};
    return run_suite("hwprofiles/fixtures", tests);
}
