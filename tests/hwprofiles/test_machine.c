#include "hwprofiles/machine.h"

#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "tests/suite.h"

static void this_machine_has_a_processor(void)
{
    struct haq_machine m;
    CU_ASSERT_EQUAL_FATAL(haq_machine_probe(&m, NULL), HAQ_OK);
    CU_ASSERT(m.cores >= 1 && m.allowed_cores >= 1);
    CU_ASSERT(m.pus >= m.cores);
    CU_ASSERT_EQUAL(m.pus, (size_t)sysconf(_SC_NPROCESSORS_ONLN));
    CU_ASSERT_EQUAL(m.isa, haq_cpu_isa());
    CU_ASSERT(strlen(m.model) > 0);
    haq_machine_fini(&m);
}

static void the_fingerprint_changes_with_what_changes_speed(void)
{
    struct haq_machine m;
    char same[HAQ_HASH_HEX], again[HAQ_HASH_HEX], less[HAQ_HASH_HEX];

    CU_ASSERT_EQUAL_FATAL(haq_machine_probe(&m, NULL), HAQ_OK);
    haq_machine_fingerprint(&m, m.isa, 1, same, NULL);
    m.host = "another name";
    haq_machine_fingerprint(&m, m.isa, 1, again, NULL);
    CU_ASSERT_STRING_EQUAL(same, again);
    haq_machine_fingerprint(&m, m.isa, 2, less, NULL);
    CU_ASSERT_STRING_NOT_EQUAL(same, less);
    m.l2_bytes++;
    haq_machine_fingerprint(&m, m.isa, 1, less, NULL);
    CU_ASSERT_STRING_NOT_EQUAL(same, less);
    haq_machine_fini(&m);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(this_machine_has_a_processor),
        HAQ_TEST(the_fingerprint_changes_with_what_changes_speed),
        CU_TEST_INFO_NULL};
    return run_suite("hwprofiles/machine", tests);
}
