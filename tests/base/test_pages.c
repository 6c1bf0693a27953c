#include "base/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

static void blocks_are_aligned_and_whole(void)
{
    static const size_t sizes[] = {
        1, 63, 4097, HAQ_HUGE_PAGE - 1, HAQ_HUGE_PAGE, 3 * HAQ_HUGE_PAGE + 5};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *m = haq_pages_alloc(sizes[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(m);
        CU_ASSERT_EQUAL((uintptr_t)m % 64, 0);
        CU_ASSERT(sizes[i] < HAQ_HUGE_PAGE ||
                  (uintptr_t)m % HAQ_HUGE_PAGE == 0);
        memset(m, 7, sizes[i]);
        free(m);
    }
}

static void what_cannot_be_is_refused(void)
{
    CU_ASSERT_PTR_NULL(haq_pages_alloc(SIZE_MAX));
    CU_ASSERT_PTR_NULL(haq_pages_alloc(SIZE_MAX / 2));
}

int main(void)
{
    CU_TestInfo tests[] = {HAQ_TEST(blocks_are_aligned_and_whole),
                           HAQ_TEST(what_cannot_be_is_refused),
                           CU_TEST_INFO_NULL};
    return run_suite("base/pages", tests);
}
