/* tests/support/cunit/CUnit/Basic.h - the part of CUnit that our tests use, for
 * builds for a machine whose CUnit is not at hand (HAQ_CORE_ONLY).
 *
 * One suite per program; a fatal assertion ends the program.
 */
#ifndef HAQ_TESTS_CUNIT_BASIC_H
#define HAQ_TESTS_CUNIT_BASIC_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct CU_TestInfo {
    const char *pName;
    void (*pTestFunc)(void);
} CU_TestInfo;

typedef struct CU_SuiteInfo {
    const char *pName;
    CU_TestInfo *pTests;
} CU_SuiteInfo;

#define CU_TEST_INFO_NULL                                                      \
    {                                                                          \
        NULL, NULL                                                             \
    }
#define CU_SUITE_INFO_NULL                                                     \
    {                                                                          \
        NULL, NULL                                                             \
    }

enum { CU_BRM_NORMAL };

/* The state of the one run of a program. */
static struct {
    const CU_SuiteInfo *suites;
    unsigned asserts, failures;
} cu_run;

static inline void cu_assert(int good, const char *what, const char *file,
                             int line, int fatal)
{
    cu_run.asserts++;
    if (good)
        return;
    cu_run.failures++;
    printf("\n    %s:%d: %s", file, line, what);
    if (fatal) {
        printf("\n");
        exit(1);
    }
}

#define CU_CHECK_(good, what, fatal)                                           \
    cu_assert((good), what, __FILE__, __LINE__, fatal)
#define CU_FAIL(what) CU_CHECK_(0, what, 0)
#define CU_ASSERT(x) CU_CHECK_((x) != 0, #x, 0)
#define CU_ASSERT_FATAL(x) CU_CHECK_((x) != 0, #x, 1)
#define CU_ASSERT_FALSE(x) CU_CHECK_(!(x), "not " #x, 0)
#define CU_ASSERT_EQUAL(a, b) CU_CHECK_((a) == (b), #a " == " #b, 0)
#define CU_ASSERT_EQUAL_FATAL(a, b) CU_CHECK_((a) == (b), #a " == " #b, 1)
#define CU_ASSERT_PTR_EQUAL(a, b) CU_ASSERT_EQUAL(a, b)
#define CU_ASSERT_PTR_NULL(p) CU_CHECK_(!(p), #p " is NULL", 0)
#define CU_ASSERT_PTR_NOT_NULL(p) CU_CHECK_((p) != NULL, #p " != NULL", 0)
#define CU_ASSERT_PTR_NOT_NULL_FATAL(p) CU_CHECK_((p) != NULL, #p " != NULL", 1)
#define CU_ASSERT_STRING_EQUAL(a, b) CU_CHECK_(!strcmp(a, b), #a " is " #b, 0)
#define CU_ASSERT_DOUBLE_EQUAL(a, b, by)                                       \
    CU_CHECK_(fabs((double)(a) - (b)) <= (by), #a " near " #b, 0)

static inline int CU_initialize_registry(void)
{
    return 0;
}

static inline void CU_cleanup_registry(void)
{
}

static inline int CU_register_suites(const CU_SuiteInfo *suites)
{
    cu_run.suites = suites;
    return 0;
}

static inline void CU_basic_set_mode(int mode)
{
    (void)mode;
}

static inline unsigned CU_get_number_of_failures(void)
{
    return cu_run.failures;
}

static inline int CU_basic_run_tests(void)
{
    for (const CU_SuiteInfo *s = cu_run.suites; s->pName; s++) {
        printf("suite %s\n", s->pName);
        for (const CU_TestInfo *t = s->pTests; t->pName; t++) {
            unsigned before = cu_run.failures;
            printf("  %s ... ", t->pName);
            fflush(stdout);
            t->pTestFunc();
            puts(cu_run.failures == before ? "passed" : "\n  FAILED");
        }
    }
    printf("%u assertions, %u failures\n", cu_run.asserts, cu_run.failures);
    return 0;
}

#endif
