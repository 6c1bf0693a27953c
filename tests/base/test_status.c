#include "base/status.h"

#include <string.h>

#include "tests/suite.h"

static void a_failure_is_returned_with_its_sentence(void)
{
    struct haq_diag d;
    CU_ASSERT_EQUAL(haq_fail(&d, HAQ_IO, "open %s: %s", "a.npz", "gone"),
                    HAQ_IO);
    CU_ASSERT_EQUAL(d.status, HAQ_IO);
    CU_ASSERT_STRING_EQUAL(d.text, "open a.npz: gone");
    CU_ASSERT_EQUAL(haq_fail(NULL, HAQ_NOMEM, "no words wanted"), HAQ_NOMEM);
}

static void a_caller_can_put_the_place_in_front(void)
{
    struct haq_diag d;
    haq_fail(&d, HAQ_FORMAT, "bad magic");
    CU_ASSERT_EQUAL(haq_fail_in(&d, HAQ_FORMAT, "model.onnx"), HAQ_FORMAT);
    CU_ASSERT_STRING_EQUAL(d.text, "model.onnx: bad magic");
    CU_ASSERT_EQUAL(haq_fail_in(&d, HAQ_OK, "elsewhere"), HAQ_OK);
    CU_ASSERT_STRING_EQUAL(d.text, "model.onnx: bad magic");
}

static void long_sentences_are_cut_not_overrun(void)
{
    struct haq_diag d;
    char where[2 * sizeof d.text];
    memset(where, 'w', sizeof where);
    where[sizeof where - 1] = 0;
    haq_fail(&d, HAQ_IO, "%s", where);
    CU_ASSERT_EQUAL(strlen(d.text), sizeof d.text - 1);
    haq_fail_in(&d, HAQ_IO, "place");
    CU_ASSERT_EQUAL(strlen(d.text), sizeof d.text - 1);
    CU_ASSERT_EQUAL(strncmp(d.text, "place: ww", 9), 0);
    haq_fail_in(&d, HAQ_IO, where);
    CU_ASSERT_EQUAL(strlen(d.text), sizeof d.text - 1);
}

static void exit_codes_are_those_of_the_manual(void)
{
    CU_ASSERT_EQUAL(haq_status_exit(HAQ_OK), 0);
    CU_ASSERT_EQUAL(haq_status_exit(HAQ_IO), 1);
    CU_ASSERT_EQUAL(haq_status_exit(HAQ_USAGE), 2);
    CU_ASSERT_EQUAL(haq_status_exit(HAQ_FORMAT), 3);
    CU_ASSERT_EQUAL(haq_status_exit(HAQ_UNREACHABLE), 4);
    CU_ASSERT_EQUAL(haq_status_exit(HAQ_INTERRUPTED), 130);
    CU_ASSERT_STRING_EQUAL(haq_status_text(HAQ_NOMEM), "out of memory");
}

int main(void)
{
    CU_TestInfo tests[] = {HAQ_TEST(a_failure_is_returned_with_its_sentence),
                           HAQ_TEST(a_caller_can_put_the_place_in_front),
                           HAQ_TEST(long_sentences_are_cut_not_overrun),
                           HAQ_TEST(exit_codes_are_those_of_the_manual),
                           CU_TEST_INFO_NULL};
    return run_suite("status", tests);
}
