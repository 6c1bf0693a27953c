/* tests/suite.h - one executable per tested capability, one CUnit suite in
 * each. */
#ifndef HAQ_TESTS_SUITE_H
#define HAQ_TESTS_SUITE_H

#include <CUnit/Basic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HAQ_TEST(fn)                                                           \
    {                                                                          \
#fn, fn                                                                \
    }

/* Run a list that ends with CU_TEST_INFO_NULL; the result is main's. */
static inline int run_suite(const char *name, CU_TestInfo *tests)
{
    CU_SuiteInfo suites[] = {{.pName = name, .pTests = tests},
                             CU_SUITE_INFO_NULL};
    if (CU_initialize_registry() || CU_register_suites(suites))
        return 2;
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    int bad = CU_get_number_of_failures() != 0;
    CU_cleanup_registry();
    return bad;
}

/* splitmix64: a failing case is reproduced from the seed it printed. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Folder of the shared models and data, or NULL (say so and skip): the
 * environment's HAQ_DATA, else ../shared/data beside the checkout. */
static inline const char *shared_data(void)
{
    const char *dir = getenv("HAQ_DATA");
    if (!dir)
        dir = "../shared/data";
    if (access(dir, R_OK)) {
        printf("\n    skipped: no models under %s\n", dir);
        return NULL;
    }
    return dir;
}

#endif
