#include "base/cpu.h"

#include <string.h>

#include "tests/suite.h"

/* The kernel lists what processor and operating system agree on. */
static int kernel_lists(const char *flag)
{
    char line[8192], word[32];
    int found = 0;
    FILE *f = fopen("/proc/cpuinfo", "r");
    snprintf(word, sizeof word, " %s ", flag);
    while (f && !found && fgets(line, sizeof line, f)) {
        char *end = strchr(line, '\n');
        if (end)
            *end = ' ';
        found = !strncmp(line, "flags", 5) && strstr(line, word);
    }
    if (f)
        fclose(f);
    return found;
}

static void the_mask_is_what_the_kernel_lists(void)
{
    unsigned isa = haq_cpu_isa();
    CU_ASSERT_EQUAL(!!(isa & HAQ_ISA_AVX2), kernel_lists("avx2"));
    CU_ASSERT_EQUAL(!!(isa & HAQ_ISA_AVX512), kernel_lists("avx512bw"));
    CU_ASSERT_EQUAL(!!(isa & HAQ_ISA_VNNI), kernel_lists("avx512_vnni"));
}

/* Where tiles are offered, asking for them must make them usable: a program
 * that uses them without would be killed. */
static void tiles_are_claimed_when_the_system_hands_them_out(void)
{
    unsigned isa = haq_cpu_isa(), below;
    if (!kernel_lists("amx_int8"))
        CU_ASSERT_EQUAL(isa & HAQ_ISA_AMX, 0);
    if (!(isa & HAQ_ISA_AMX))
        return;
    CU_ASSERT_EQUAL(haq_cpu_isa(), isa);
    CU_ASSERT_EQUAL(haq_cpu_isa_parse("avx512vnni", &below, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(below, isa & ~(unsigned)HAQ_ISA_AMX);
}

static void a_name_means_that_set_and_all_below(void)
{
    unsigned isa = haq_cpu_isa(), got = 99;
    struct haq_diag d;

    CU_ASSERT_EQUAL(haq_cpu_isa_parse("none", &got, &d), HAQ_OK);
    CU_ASSERT_EQUAL(got, HAQ_ISA_NONE);
    CU_ASSERT_EQUAL(haq_cpu_isa_parse(haq_cpu_isa_name(isa), &got, &d), HAQ_OK);
    CU_ASSERT_EQUAL(got, isa);
    if (isa & HAQ_ISA_AVX2) {
        CU_ASSERT_EQUAL(haq_cpu_isa_parse("avx2", &got, &d), HAQ_OK);
        CU_ASSERT_EQUAL(got, HAQ_ISA_AVX2);
        CU_ASSERT_EQUAL(haq_cpu_isa_parse("neon", &got, &d), HAQ_USAGE);
    }
    CU_ASSERT_EQUAL(haq_cpu_isa_parse("sse9", &got, &d), HAQ_USAGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "none, avx2, avx512, avx512vnni"));
}

static void the_model_has_a_name_that_is_cut_to_fit(void)
{
    char name[128], cut[4];
    haq_cpu_model(name, sizeof name);
    haq_cpu_model(cut, sizeof cut);
    CU_ASSERT(strlen(name) > 3);
    CU_ASSERT_EQUAL(strlen(cut), 3);
    CU_ASSERT_EQUAL(strncmp(name, cut, 3), 0);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(the_mask_is_what_the_kernel_lists),
        HAQ_TEST(tiles_are_claimed_when_the_system_hands_them_out),
        HAQ_TEST(a_name_means_that_set_and_all_below),
        HAQ_TEST(the_model_has_a_name_that_is_cut_to_fit), CU_TEST_INFO_NULL};
    return run_suite("cpu", tests);
}
