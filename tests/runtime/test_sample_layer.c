/* Networks of one layer, and the table of what they cost. */
#include "runtime/sample_layer.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "runtime/peaks.h"
#include "tests/suite.h"

static const struct haq_layer_shape *shape(const char *name)
{
    for (const struct haq_layer_shape *s = haq_layer_shapes; s->name; s++)
        if (!strcmp(s->name, name))
            return s;
    return NULL;
}

static void operations_are_two_a_multiply_add(void)
{
    CU_ASSERT_DOUBLE_EQUAL(haq_layer_ops(shape("128x768x768")),
                           2.0 * 128 * 768 * 768, 0);
    CU_ASSERT_DOUBLE_EQUAL(haq_layer_ops(shape("3x3 56x56x64->64")),
                           2.0 * 56 * 56 * 64 * 64 * 9, 0);
    CU_ASSERT_DOUBLE_EQUAL(haq_layer_ops(shape("7x7s2 224x224x3->64")),
                           2.0 * 112 * 112 * 64 * 3 * 49, 0);
    CU_ASSERT_DOUBLE_EQUAL(haq_layer_ops(shape("depthwise 3x3s2 112x112x96")),
                           2.0 * 56 * 56 * 96 * 9, 0);
}

static void runs(const struct haq_layer_shape *s, const char *weights)
{
    struct haq_sample_layer *l;
    struct haq_layer_run *r;
    struct haq_diag d = {0};

    CU_ASSERT_EQUAL_FATAL(haq_sample_layer_new(&l, s, weights, &d), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_layer_run_new(&r, l, NULL, haq_cpu_isa(), &d),
                          HAQ_OK);
    CU_ASSERT(haq_layer_run(r) > 0);
    CU_ASSERT(strlen(haq_layer_run_kernel(r)) > 0);
    haq_layer_run_free(r);
    haq_sample_layer_free(l);
}

static void layers_run_in_every_format(void)
{
    static const char *const weights[] = {NULL, "int8:channel", "int3:channel",
                                          "binary:channel", "int4:group32"};
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        runs(shape("3x3 8x8x64->64"), weights[i]);
        runs(shape("1x1024x1024"), weights[i]);
    }
    runs(shape("depthwise 3x3 14x14x384"), "int8:channel");
}

static void bytes_are_those_of_the_codes_and_scales(void)
{
    static const struct haq_layer_shape s = {
        .name = "t", .m = 1, .n = 64, .k = 256};
    struct haq_sample_layer *l;

    CU_ASSERT_EQUAL_FATAL(haq_sample_layer_new(&l, &s, NULL, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(haq_sample_layer_bytes(l), 64 * 256 * 4);
    haq_sample_layer_free(l);
    CU_ASSERT_EQUAL_FATAL(haq_sample_layer_new(&l, &s, "int4:group32", NULL),
                          HAQ_OK);
    CU_ASSERT_EQUAL(haq_sample_layer_bytes(l),
                    64 * 256 / 2 + 64 * 256 / 32 * 2);
    haq_sample_layer_free(l);
}

static void an_unknown_format_is_refused(void)
{
    struct haq_sample_layer *l;
    struct haq_diag d = {0};
    CU_ASSERT_EQUAL(haq_sample_layer_new(&l, shape("1x1024x1024"), "int9", &d),
                    HAQ_USAGE);
    CU_ASSERT_PTR_NULL(l);
    CU_ASSERT(strstr(d.text, "int9") != NULL);
}

/* Whatever the machine: reads get no faster further out (with room for noise),
 * and what is not there is not measured. */
static void roofs_are_measured(void)
{
    struct haq_cache_sizes caches = {32 << 10, 1 << 20, 0};
    struct haq_peaks *p;
    struct haq_diag d = {0};

    CU_ASSERT_EQUAL_FATAL(haq_peaks_new(&p, NULL, haq_cpu_isa(), &caches, &d),
                          HAQ_OK);
    CU_ASSERT(haq_peaks_run(p, HAQ_ROOF_F32) > 0);
    CU_ASSERT(haq_peaks_run(p, HAQ_ROOF_DOT) > 0);
    CU_ASSERT_DOUBLE_EQUAL(haq_peaks_run(p, HAQ_ROOF_L3), 0, 0);
    double near = haq_peaks_run(p, HAQ_ROOF_L1),
           far = haq_peaks_run(p, HAQ_ROOF_MEMORY4);
    CU_ASSERT(near > 0 && far > 0 && far < 2 * near);
    double spinning = -1, sleeping = -1;
    haq_peaks_wake(p, &spinning, &sleeping);
    CU_ASSERT_DOUBLE_EQUAL(spinning + sleeping, 0, 0);
    haq_peaks_free(p);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(operations_are_two_a_multiply_add),
        HAQ_TEST(layers_run_in_every_format),
        HAQ_TEST(bytes_are_those_of_the_codes_and_scales),
        HAQ_TEST(an_unknown_format_is_refused),
        HAQ_TEST(roofs_are_measured),
        CU_TEST_INFO_NULL,
    };
    return run_suite("sample layers", tests);
}
