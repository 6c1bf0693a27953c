/* Recorded machines are hostile: whatever is in their files, the answer is a
 * machine or a sentence that names the file. */
#include "hwprofiles/source.h"

#include "tests/hwprofiles/fixture.h"

static const char *spoiled_folder; /* of the running case, for failures */

static void expect_refused(const char *folder, const char *file,
                           const char *words)
{
    struct haq_machine m;
    struct haq_diag d = {HAQ_OK, ""};
    haq_status s = haq_sources_run(&m, folder, NULL, &d);

    CU_ASSERT_EQUAL(haq_status_exit(s), 3);
    bool told = strstr(d.text, file) && strstr(d.text, words);
    CU_ASSERT(told);
    if (!told)
        printf("\n  %s, \"%s\": %s\n", spoiled_folder, words, d.text);
    if (s == HAQ_OK)
        haq_machine_fini(&m);
}

static void files_that_make_no_sense_are_named(void)
{
    static const struct {
        const char *machine, *file, *text, *words;
    } cases[] = {
        {"haswell", "topology.xml", "", "without PUs"},
        {"haswell", "topology.xml", "PK\003\004", "without PUs"},
        {"haswell", "topology.xml", "<html></html>", "no <topology>"},
        {"haswell", "topology.xml", "<topology></topology>", "format 1"},
        {"haswell", "topology.xml", "<topology version=\"3.0\"></topology>",
         "format 3.0"},
        {"haswell", "topology.xml",
         "<topology version=\"2.0\"><object type=\"Machine\"/></topology>",
         "without PUs"},
        {"haswell", "topology.xml",
         "<topology version=\"2.0\"><object type=\"PU\" "
         "os_index=\"4000000000\"/></topology>",
         "below 8192"},
        {"haswell", "topology.xml",
         "<topology version=\"2.0\"><object type=\"PU\" "
         "os_index=\"-1\"/></topology>",
         "os_index=\"-1\""},
        {"haswell", "topology.xml",
         "<topology version=\"2.0\"><object type=\"PU\"/></topology>",
         "without a number"},
        {"haswell", "topology.xml",
         "<topology version=\"2.0\"><object type=\"Machine\"><object "
         "type=\"PU\" os_index=\"1\"/><object type=\"PU\" os_index=\"1\"/>"
         "</object></topology>",
         "two PUs"},
        {"haswell", "topology.xml",
         "<topology version=\"2.0\"><object type=\"PU\" os_index=\"0\"/>"
         "<object type=\"PU\" os_index=\"1\"/></topology>",
         "second machine"},
        {"haswell", "topology.xml",
         "<topology version=\"2.0\"><object type=\"L2Cache\" "
         "cache_size=\"99999999999999999999\"/></topology>",
         "cache_size="},
        {"haswell", "topology.xml",
         "<topology version=\"2.0\"><object/></topology>", "without a type"},
        {"haswell", "topology.xml",
         "<topology version=\"2.0\"><object type=\"PU\" os_index=\"0\"/>"
         "<cpukind cpuset=\"0xf...f\"/></topology>",
         "cpukind"},
        {"haswell", "topology.xml",
         "<topology version=\"2.0\"><object type=\"PU\" os_index=\"77\"/>"
         "</topology>",
         "none of its CPUs"},
        {"haswell", "cpuid.txt", "00000007 0 1 2 3\n", "line 1"},
        {"haswell", "cpuid.txt", "# x\nhello\n", "line 2"},
        {"haswell", "cpuid.txt", "00000007 0 1 2 3 100000000\n", "line 1"},
        {"haswell", "cpuid.txt", "xcr0 zz\n", "line 1"},
        {"haswell", "machine.txt", "", "architecture"},
        {"haswell", "machine.txt", "arch x86\n", "lines are"},
        {"haswell", "opencl.json", "[", "line 1"},
        {"haswell", "opencl.json", "{}", "not a list"},
        {"haswell", "opencl.json", "[{\"platform\":1}]", "not a text"},
        {"haswell", "opencl.json", "[{\"platform\":\"a\",\"gpu\":1}]",
         "has no \"gpu\""},
        {"haswell", "runtimes.txt", "/etc/passwd\n", "no runtime known"},
        {"haswell", "proc/meminfo", "MemTotal: lots\n", "MemTotal"},
        {"haswell", "proc/meminfo", "Buffers: 1 kB\n", "MemTotal"},
        {"haswell", "proc/thread-self/status", "Cpus_allowed_list:\t0-x\n",
         "Cpus_allowed_list"},
        {"haswell", "proc/thread-self/status",
         "Cpus_allowed_list:\t0-99999999\n", "Cpus_allowed_list"},
        {"haswell", "sys/kernel/mm/transparent_hugepage/enabled", "always\n",
         "brackets"},
        {"haswell", "sys/devices/system/cpu/intel_pstate/no_turbo", "maybe\n",
         "neither 0 nor 1"},
        {"rk3588", "proc/cpuinfo", "processor : 9999\n", "\"processor\""},
        {"rk3588", "proc/cpuinfo", "processor : 1\nCPU part : 0xfffff\n",
         "\"CPU part\""},
        {"rk3588", "proc/cpuinfo", "", "no \"processor\""},
        {"container-quota", "sys/fs/cgroup/docker/0123/cpu.max", "fast\n",
         "QUOTA"},
        {"container-quota", "sys/fs/cgroup/docker/0123/cpu.max",
         "99999999999999999999 1\n", "QUOTA"},
        {"container-quota", "sys/fs/cgroup/docker/0123/cpu.max", "1000 0\n",
         "QUOTA"},
        {"container-quota", "sys/fs/cgroup/docker/0123/inner/memory.max",
         "2 GiB\n", "bytes"},
        {"container-quota", "proc/self/cgroup", "hello\n", "NUMBER"},
        {"pod-2-of-64",
         "sys/fs/cgroup/kubepods.slice/pod1.slice/box.scope/"
         "cpuset.cpus.effective",
         "all\n", "list of CPUs"},
        {"v1-affinity", "sys/fs/cgroup/cpu/lab/job7/cpu.cfs_quota_us", "?\n",
         "microseconds"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char folder[64];
        const char *name = strrchr(cases[i].file, '/');
        copy_machine(folder, cases[i].machine);
        spoiled_folder = cases[i].machine;
        put(folder, cases[i].file, cases[i].text);
        expect_refused(folder, name ? name + 1 : cases[i].file, cases[i].words);
        remove_machine(folder);
    }
}

/* Each prefix of a whole recording's XML, so that every state of the reader
 * meets the end. */
static void a_truncated_topology_is_refused_wherever_it_ends(void)
{
    char folder[64];
    char *xml = get(MACHINES "/offline-core", "topology.xml");
    size_t len = strlen(xml);

    copy_machine(folder, "offline-core");
    spoiled_folder = "offline-core, cut";
    while (len && xml[len - 1] != '<') /* a cut behind the last tag is whole */
        len--;
    for (; len; len -= len > 97 ? 97 : len) {
        xml[len] = 0;
        put(folder, "topology.xml", xml);
        expect_refused(folder, "topology.xml", "");
    }
    free(xml);
    remove_machine(folder);
}

/* One byte changed at a time: a machine or a sentence, and nothing else. */
static void no_changed_byte_does_harm(void)
{
    static const char *const files[] = {
        "topology.xml", "cpuid.txt", "proc/thread-self/status", "proc/meminfo"};
    static const char bytes[] = "<>\"&9-/\n x";
    uint64_t seed = 7;
    char folder[64];

    copy_machine(folder, "offline-core");
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        char *whole = get(folder, files[f]);
        size_t len = strlen(whole);
        for (int i = 0; i < 300; i++) {
            struct haq_machine m;
            struct haq_diag d = {HAQ_OK, ""};
            size_t at = next_random(&seed) % len;
            char kept = whole[at];
            whole[at] = bytes[next_random(&seed) % (sizeof bytes - 1)];
            put(folder, files[f], whole);
            haq_status s = haq_sources_run(&m, folder, NULL, &d);
            CU_ASSERT(s == HAQ_OK || haq_status_exit(s) == 3);
            CU_ASSERT(s == HAQ_OK || strstr(d.text, folder));
            if (s == HAQ_OK)
                haq_machine_fini(&m);
            whole[at] = kept;
        }
        put(folder, files[f], whole);
        free(whole);
    }
    remove_machine(folder);
}

static void too_many_objects_are_refused(void)
{
    enum { OBJECTS = 140000 };
    static const char one[] = "<object type=\"Group\"/>";
    char folder[64];
    char *xml = malloc(OBJECTS * sizeof one + 200), *to;

    CU_ASSERT_PTR_NOT_NULL_FATAL(xml);
    to = xml + sprintf(xml, "<topology version=\"2.0\"><object "
                            "type=\"Machine\">");
    for (size_t i = 0; i < OBJECTS; i++)
        to = stpcpy(to, one);
    strcpy(to, "</object></topology>");
    copy_machine(folder, "haswell");
    spoiled_folder = "haswell, many objects";
    put(folder, "topology.xml", xml);
    expect_refused(folder, "topology.xml", "more objects");
    free(xml);
    remove_machine(folder);
}

static void what_is_no_file_is_not_opened(void)
{
    char folder[64], path[200];
    copy_machine(folder, "haswell");
    spoiled_folder = "haswell, odd files";

    snprintf(path, sizeof path, "%s/proc/meminfo", folder);
    unlink(path);
    CU_ASSERT_EQUAL(mkfifo(path, 0600), 0); /* would block for ever */
    expect_refused(folder, "meminfo", "Invalid argument");
    unlink(path);
    CU_ASSERT_EQUAL(symlink("/proc/meminfo", path), 0);
    expect_refused(folder, "meminfo", "symbolic link");
    unlink(path);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    expect_refused(folder, "meminfo", "directory");
    remove_machine(folder);
}

static void a_group_cannot_lead_out_of_the_folder(void)
{
    char folder[64];
    struct haq_machine m;
    copy_machine(folder, "container-quota");
    put(folder, "proc/self/cgroup", "0::/../../../../../../etc\n");
    CU_ASSERT_EQUAL_FATAL(haq_sources_run(&m, folder, NULL, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(m.quota_milli, 0); /* the mount itself has no limit */
    haq_machine_fini(&m);
    remove_machine(folder);
}

static void a_file_that_is_missing_is_listed_by_name(void)
{
    char folder[64], path[200];
    struct haq_machine m;
    copy_machine(folder, "haswell");
    snprintf(path, sizeof path, "%s/proc/meminfo", folder);
    unlink(path);
    CU_ASSERT_EQUAL_FATAL(haq_sources_run(&m, folder, NULL, NULL), HAQ_OK);
    const struct haq_unknown *u = m.unknown.item;
    CU_ASSERT_EQUAL_FATAL(m.unknown.n, 1);
    CU_ASSERT_STRING_EQUAL(u->what, "memory");
    CU_ASSERT_STRING_EQUAL(u->file, "proc/meminfo");
    CU_ASSERT_STRING_EQUAL(u->reason, "No such file or directory");
    /* The topology knows what is installed. */
    CU_ASSERT_EQUAL(m.memory_bytes, UINT64_C(16) << 30);
    haq_machine_fini(&m);
    remove_machine(folder);
}

static void texts_cannot_talk_to_the_terminal(void)
{
    char folder[64];
    struct haq_machine m;
    copy_machine(folder, "hidden-cores");
    put(folder, "proc/cpuinfo",
        "processor : 0\nmodel name : \x1b[31mRed\xc3\n");
    CU_ASSERT_EQUAL_FATAL(haq_sources_run(&m, folder, NULL, NULL), HAQ_OK);
    CU_ASSERT_STRING_EQUAL(m.model, "?[31mRed?");
    haq_machine_fini(&m);
    remove_machine(folder);
}

static void a_folder_that_is_no_machine_is_refused(void)
{
    spoiled_folder = "/";
    expect_refused("/nowhere", "machine.txt", "no recorded");
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(files_that_make_no_sense_are_named),
        HAQ_TEST(a_truncated_topology_is_refused_wherever_it_ends),
        HAQ_TEST(no_changed_byte_does_harm),
        HAQ_TEST(too_many_objects_are_refused),
        HAQ_TEST(what_is_no_file_is_not_opened),
        HAQ_TEST(a_group_cannot_lead_out_of_the_folder),
        HAQ_TEST(a_file_that_is_missing_is_listed_by_name),
        HAQ_TEST(texts_cannot_talk_to_the_terminal),
        HAQ_TEST(a_folder_that_is_no_machine_is_refused),
        CU_TEST_INFO_NULL};
    return run_suite("hwprofiles/source", tests);
}
