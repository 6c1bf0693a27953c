#include "base/dtype.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "tests/suite.h"

static void every_code_finds_its_own_row(void)
{
    for (int t = 0; t < HAQ_DTYPE_COUNT; t++) {
        const struct haq_dtype_info *i = haq_dtype_info((enum haq_dtype)t);
        CU_ASSERT_EQUAL(haq_dtype_from_onnx(i->onnx), t);
        CU_ASSERT_EQUAL(haq_dtype_from_numpy(i->numpy), t);
        CU_ASSERT_EQUAL(haq_dtype_from_safetensors(i->safetensors), t);
        CU_ASSERT_EQUAL((size_t)(i->numpy[1] - '0'), i->bytes);
    }
    CU_ASSERT_EQUAL(haq_dtype_from_onnx(8), -1);
    CU_ASSERT_EQUAL(haq_dtype_from_numpy("O8"), -1);
    CU_ASSERT_EQUAL(haq_dtype_from_safetensors("BF16"), -1);
}

/* np.float16(v).view(np.uint16), NumPy 2. */
static void half_precision_rounds_as_numpy_does(void)
{
    static const struct {
        float in;
        uint16_t out;
    } rows[] = {
        {0.1f, 0x2e66},           {0.33333334f, 0x3555},
        {65519.99f, 0x7bff},      {65520.0f, 0x7c00},
        {5.9604645e-8f, 0x0001},  {2.9802322e-8f, 0x0000},
        {2.9802326e-8f, 0x0001},  {6.1e-5f, 0x03ff},
        {1.00048828125f, 0x3c00}, {1.00146484375f, 0x3c02},
        {-0.0f, 0x8000},          {2049.0f, 0x6800},
        {2051.0f, 0x6802},        {-INFINITY, 0xfc00},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CU_ASSERT_EQUAL(haq_f32_to_f16(rows[i].in), rows[i].out);
    CU_ASSERT(isnan(haq_f16_to_f32(haq_f32_to_f16(NAN))));
}

/* SHA-256 of np.arange(65536, dtype='u2').view('f2').astype('f4').tobytes()
 * with both NaN ranges set to zero. */
static void all_halves_widen_as_numpy_does(void)
{
    static float wide[65536];
    char hash[HAQ_HASH_HEX];
    for (unsigned h = 0; h < 65536; h++) {
        float f = haq_f16_to_f32((uint16_t)h);
        wide[h] = isnan(f) ? 0 : f;
        if (!isnan(f))
            CU_ASSERT_EQUAL(haq_f32_to_f16(f), h);
    }
    haq_hash(hash, wide, sizeof wide);
    CU_ASSERT_STRING_EQUAL(
        hash,
        "faa6d965574036872b0d39a42d1f8bee361d5be92b1e718155a69556a5abacdd");
}

static void integers_keep_their_value(void)
{
    const int64_t big[] = {INT64_MAX - 1, INT64_MIN};
    const uint64_t huge[] = {UINT64_MAX};
    const int8_t small[] = {0, -128};
    const uint8_t truth[] = {2};
    CU_ASSERT_EQUAL(haq_dtype_get_int(HAQ_I64, big, 0), INT64_MAX - 1);
    CU_ASSERT_EQUAL(haq_dtype_get_int(HAQ_I64, big, 1), INT64_MIN);
    CU_ASSERT_EQUAL(haq_dtype_get_int(HAQ_U64, huge, 0), INT64_MAX);
    CU_ASSERT_EQUAL(haq_dtype_get_int(HAQ_I8, small, 1), -128);
    CU_ASSERT_EQUAL(haq_dtype_get_int(HAQ_BOOL, truth, 0), 1);
    CU_ASSERT_EQUAL(haq_dtype_get(HAQ_U64, huge, 0), 0x1p64);
}

static void reals_saturate_when_cut_to_integers(void)
{
    const float x[] = {-1.75f, 1e30f, -1e30f, NAN, INFINITY};
    CU_ASSERT_EQUAL(haq_dtype_get_int(HAQ_F32, x, 0), -1);
    CU_ASSERT_EQUAL(haq_dtype_get_int(HAQ_F32, x, 1), INT64_MAX);
    CU_ASSERT_EQUAL(haq_dtype_get_int(HAQ_F32, x, 2), INT64_MIN);
    CU_ASSERT_EQUAL(haq_dtype_get_int(HAQ_F32, x, 3), 0);
    CU_ASSERT_EQUAL(haq_dtype_get_int(HAQ_F32, x, 4), INT64_MAX);
}

static void a_slice_converts_like_its_elements(void)
{
    unsigned char bytes[8 * 8];
    float got[4];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 37 % 64); /* finite in every type */
    for (int t = 0; t < HAQ_DTYPE_COUNT; t++) {
        uint64_t aligned[8];
        memcpy(aligned, bytes, sizeof aligned);
        haq_dtype_to_f32((enum haq_dtype)t, aligned, 3, 4, got);
        for (size_t i = 0; i < 4; i++)
            CU_ASSERT_EQUAL(got[i], (float)haq_dtype_get((enum haq_dtype)t,
                                                         aligned, 3 + i));
    }
}

int main(void)
{
    CU_TestInfo tests[] = {HAQ_TEST(every_code_finds_its_own_row),
                           HAQ_TEST(half_precision_rounds_as_numpy_does),
                           HAQ_TEST(all_halves_widen_as_numpy_does),
                           HAQ_TEST(integers_keep_their_value),
                           HAQ_TEST(reals_saturate_when_cut_to_integers),
                           HAQ_TEST(a_slice_converts_like_its_elements),
                           CU_TEST_INFO_NULL};
    return run_suite("dtype", tests);
}
