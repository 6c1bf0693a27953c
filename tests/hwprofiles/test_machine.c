#include "hwprofiles/machine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/json.h"
#include "base/thread.h"
#include "tests/suite.h"

static void this_machine_has_a_processor(void)
{
    struct haq_machine m;
    CU_ASSERT_EQUAL_FATAL(haq_machine_probe(&m, NULL), HAQ_OK);
    CU_ASSERT(m.cores >= 1 && m.allowed_cores >= 1);
    CU_ASSERT(m.pus >= m.cores);
    CU_ASSERT_EQUAL(m.pus, (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
    CU_ASSERT_EQUAL(m.isa, haq_cpu_isa());
    CU_ASSERT(strlen(m.model) > 0);
    CU_ASSERT(m.memory_bytes > 0);
    haq_machine_fini(&m);
}

static void pools_use_the_cores_that_the_machine_allows(void)
{
    struct haq_machine m;
    CU_ASSERT_EQUAL_FATAL(haq_machine_probe(&m, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(haq_machine_usable_cores(&m), haq_cores_allowed());
    haq_machine_fini(&m);
}

static void a_quota_is_used_in_whole_cores(void)
{
    static const struct {
        uint64_t allowed, quota_milli, usable;
    } cases[] = {{8, 0, 8},    {8, 1500, 1}, {8, 2000, 2},
                 {8, 2999, 2}, {8, 300, 1},  {2, 64000, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct haq_machine m = {.allowed_cores = cases[i].allowed,
                                .quota_milli = cases[i].quota_milli};
        CU_ASSERT_EQUAL(haq_machine_usable_cores(&m), cases[i].usable);
    }
}

/* ---- fingerprint ----------------------------------------------------------
 */

static struct haq_core_kind kind = {"Core X", 4, 8, 4, 8, 3000, 0};
static struct haq_cache cache = {2, HAQ_CACHE_UNIFIED, 1 << 20, 64, 8, 2, 4, 4};
static struct haq_numa_node node = {0, UINT64_C(8) << 30, 4, 4};

static struct haq_machine example(void)
{
    return (struct haq_machine){.arch = "x86_64",
                                .vendor = "GenuineIntel",
                                .model = "Core X",
                                .host = "here",
                                .packages = 1,
                                .cores = 4,
                                .pus = 8,
                                .allowed_cores = 4,
                                .allowed_pus = 8,
                                .allowed_cpus = "0-7",
                                .memory_bytes = UINT64_C(8) << 30,
                                .kinds = {&kind, 1},
                                .caches = {&cache, 1},
                                .numa = {&node, 1},
                                .governor = "performance"};
}

static void print(const struct haq_machine *m, char out[HAQ_HASH_HEX])
{
    CU_ASSERT_EQUAL(haq_machine_fingerprint(m, m->isa, 0, out, NULL), HAQ_OK);
}

/* One change at a time, each of which changes performance. */
static void change_model(struct haq_machine *m)
{
    m->model = "Core Y";
}
static void change_stepping(struct haq_machine *m)
{
    m->stepping++;
}
static void change_quota(struct haq_machine *m)
{
    m->quota_milli = 1500;
}
static void change_governor(struct haq_machine *m)
{
    m->governor = "powersave";
}
static void change_boost(struct haq_machine *m)
{
    m->boost = "off";
}
static void change_pages(struct haq_machine *m)
{
    m->huge_pages = "never";
}
static void change_isa(struct haq_machine *m)
{
    m->isa = HAQ_ISA_AVX2;
}
static void change_memory(struct haq_machine *m)
{
    m->memory_bytes *= 2;
}
static void change_cache(struct haq_machine *m)
{
    static struct haq_cache other;
    other = cache;
    other.bytes *= 2;
    m->caches.item = &other;
}
static void change_sharing(struct haq_machine *m)
{
    static struct haq_cache other;
    other = cache;
    other.pus *= 2;
    other.count = other.allowed = 2;
    m->caches.item = &other;
}
static void change_smt(struct haq_machine *m)
{
    static struct haq_core_kind other;
    other = kind;
    other.allowed_pus = 4;
    m->kinds.item = &other;
}
static void change_cores(struct haq_machine *m)
{
    static struct haq_core_kind other;
    other = kind;
    other.allowed_cores = 2;
    m->allowed_cores = 2;
    m->kinds.item = &other;
}
static void change_nodes(struct haq_machine *m)
{
    static struct haq_numa_node two[2];
    two[0] = two[1] = node;
    two[0].allowed_cores = two[1].allowed_cores = 2;
    m->numa.item = two;
    m->numa.n = 2;
}

static void the_fingerprint_changes_with_what_changes_speed(void)
{
    typedef void change_fn(struct haq_machine *);
    static change_fn *const changes[] = {
        change_model, change_stepping, change_quota, change_governor,
        change_boost, change_pages,    change_isa,   change_memory,
        change_cache, change_sharing,  change_smt,   change_cores,
        change_nodes};
    enum { N = sizeof changes / sizeof *changes };
    char seen[N + 1][HAQ_HASH_HEX];
    struct haq_machine m = example();

    print(&m, seen[N]);
    for (size_t i = 0; i < N; i++) {
        m = example();
        changes[i](&m);
        print(&m, seen[i]);
        for (size_t k = 0; k < i; k++)
            CU_ASSERT_STRING_NOT_EQUAL(seen[i], seen[k]);
        CU_ASSERT_STRING_NOT_EQUAL(seen[i], seen[N]);
    }
    m = example();
    haq_machine_fingerprint(&m, m.isa, 2, seen[0], NULL);
    CU_ASSERT_STRING_NOT_EQUAL(seen[0], seen[N]);
}

static void the_fingerprint_keeps_with_what_does_not(void)
{
    static struct haq_runtime runtime = {"ONNX Runtime", "/lib/x.so", NULL};
    char before[HAQ_HASH_HEX], after[HAQ_HASH_HEX];
    struct haq_machine m = example();

    print(&m, before);
    m.host = "there";
    m.origin = "recorded";
    m.allowed_cpus = "8-15"; /* four other cores of the same kind */
    m.memory_bytes -= 123 << 20;
    m.memory_limit = 1 << 30;
    m.runtimes = (struct haq_list){&runtime, 1};
    m.cgroup = "v2";
    print(&m, after);
    CU_ASSERT_STRING_EQUAL(before, after);
}

static void nodes_count_in_any_order(void)
{
    struct haq_numa_node one[2] = {{0, 1 << 30, 4, 4}, {1, 1 << 30, 4, 2}};
    struct haq_numa_node other[2] = {{0, 1 << 30, 4, 2}, {1, 1 << 30, 4, 4}};
    char a[HAQ_HASH_HEX], b[HAQ_HASH_HEX];
    struct haq_machine m = example();

    m.numa = (struct haq_list){one, 2};
    print(&m, a);
    m.numa = (struct haq_list){other, 2};
    print(&m, b);
    CU_ASSERT_STRING_EQUAL(a, b);
}

/* ---- JSON -----------------------------------------------------------------
 */

static void json_reads_back_to_the_same_bytes(void)
{
    struct haq_machine here, back;
    char a[HAQ_HASH_HEX], b[HAQ_HASH_HEX];
    size_t len;

    CU_ASSERT_EQUAL_FATAL(haq_machine_probe(&here, NULL), HAQ_OK);
    json_t *first = haq_machine_to_json(&here);
    CU_ASSERT_EQUAL_FATAL(haq_machine_from_json(&back, first, "m", NULL),
                          HAQ_OK);
    json_t *second = haq_machine_to_json(&back);
    char *x = haq_json_canonical(first, &len);
    char *y = haq_json_canonical(second, &len);
    CU_ASSERT_STRING_EQUAL(x, y);
    print(&here, a);
    print(&back, b);
    CU_ASSERT_STRING_EQUAL(a, b);
    free(x), free(y);
    json_decref(first), json_decref(second);
    haq_machine_fini(&here), haq_machine_fini(&back);
}

/* The example with one member put another way. */
static void expect_refused(const char *key, json_t *value, const char *words)
{
    struct haq_machine m = example(), back;
    struct haq_diag d = {HAQ_OK, ""};
    json_t *j = haq_machine_to_json(&m);

    json_object_set_new(j, key, value);
    CU_ASSERT_EQUAL(haq_machine_from_json(&back, j, "m", &d), HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, words));
    if (!strstr(d.text, words))
        printf("\n  %s\n", d.text);
    json_decref(j);
}

static void foreign_json_is_refused_with_its_place(void)
{
    expect_refused("cores", json_integer(-1), "m.cores: not a count");
    expect_refused("cores", json_integer(1 << 30), "m.cores: 1073741824");
    expect_refused("cores", json_string("4"), "m.cores: not a count");
    expect_refused("model", json_string("a\x1b[31mb"), "control characters");
    expect_refused("surprise", json_true(), "has no \"surprise\"");
    expect_refused("isa", json_pack("[s]", "sse9"), "\"sse9\" is not known");
    expect_refused("caches", json_pack("[{s:i}]", "level", 1),
                   "m.caches[0].type: missing");
    expect_refused("kinds", json_array(), "without cores");
    expect_refused("allowed_cores", json_integer(0), "without cores");
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(this_machine_has_a_processor),
        HAQ_TEST(pools_use_the_cores_that_the_machine_allows),
        HAQ_TEST(a_quota_is_used_in_whole_cores),
        HAQ_TEST(the_fingerprint_changes_with_what_changes_speed),
        HAQ_TEST(the_fingerprint_keeps_with_what_does_not),
        HAQ_TEST(nodes_count_in_any_order),
        HAQ_TEST(json_reads_back_to_the_same_bytes),
        HAQ_TEST(foreign_json_is_refused_with_its_place),
        CU_TEST_INFO_NULL};
    return run_suite("hwprofiles/machine", tests);
}
