#include "quant/calib.h"
#include "tests/suite.h"

static struct haq_act_spec act(const char *text)
{
    struct haq_act_spec s = {0};
    CU_ASSERT_EQUAL_FATAL(haq_act_spec_parse(&s, text, NULL), HAQ_OK);
    return s;
}

/* Constants from NumPy, float64 rounded to float32. */
static void ranges_give_the_scale_and_zero_point_of_onnx(void)
{
    static const struct {
        float lo, hi, scale;
        int zero;
        float symmetric;
    } want[] = {
        {-1.0f, 3.0f, 0x1.010102p-6f, 64, 0x1.83060cp-6f},
        {0.5f, 2.0f, 0x1.010102p-7f, 0, 0x1.020408p-6f},
        {-2.0f, -0.5f, 0x1.010102p-7f, 255, 0x1.020408p-6f},
        {-0.3f, 0.7f, 0x1.010102p-8f, 76, 0x1.6938d8p-8f},
    };
    struct haq_act_spec u8 = act("uint8"), s8 = act("int8");
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct haq_act_params p =
            haq_act_params_from_range(&u8, want[i].lo, want[i].hi);
        CU_ASSERT_EQUAL(p.scale, want[i].scale);
        CU_ASSERT_EQUAL(p.zero, want[i].zero);
        CU_ASSERT(p.qlo == 0 && p.qhi == 255);
        p = haq_act_params_from_range(&s8, want[i].lo, want[i].hi);
        CU_ASSERT_EQUAL(p.scale, want[i].symmetric);
        CU_ASSERT_EQUAL(p.zero, 128);
        CU_ASSERT(p.qlo == 1 && p.qhi == 255);
    }
}

static void narrow_formats_use_fewer_codes_of_the_same_container(void)
{
    struct haq_act_spec u4 = act("uint4"), s4 = act("int4");
    struct haq_act_params p = haq_act_params_from_range(&u4, -1, 3);
    CU_ASSERT_EQUAL(p.scale, 0x1.111112p-2f);
    CU_ASSERT_EQUAL(p.zero, 4);
    CU_ASSERT(p.qlo == 0 && p.qhi == 15);
    p = haq_act_params_from_range(&s4, -7, 3);
    CU_ASSERT_EQUAL(p.scale, 1.0f);
    CU_ASSERT(p.zero == 128 && p.qlo == 121 && p.qhi == 135);
}

static void a_range_of_zero_width_gets_scale_one(void)
{
    struct haq_act_spec u8 = act("uint8"), s8 = act("int8");
    CU_ASSERT_EQUAL(haq_act_params_from_range(&u8, 0, 0).scale, 1.0f);
    CU_ASSERT_EQUAL(haq_act_params_from_range(&s8, 0, 0).scale, 1.0f);
    CU_ASSERT_EQUAL(haq_act_params_from_range(&u8, 0, 1e-44f).scale, 1.0f);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(ranges_give_the_scale_and_zero_point_of_onnx),
        HAQ_TEST(narrow_formats_use_fewer_codes_of_the_same_container),
        HAQ_TEST(a_range_of_zero_width_gets_scale_one),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/calib", tests);
}
