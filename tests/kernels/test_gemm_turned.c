/* Packing from [k][n] against packing the transposed matrix. */
#include "kernels/gemm_turned.h"

#include "kernels/gemm.h"
#include "tests/kernels/kernel_data.h"

static void codes_are_packed_as_their_transpose(void)
{
    const struct haq_gemm_impl *impl = haq_gemm_select(HAQ_GEMM_U8_S8, 0);
    uint64_t seed = 3;
    for (size_t k = 1; k < 20; k++)
        for (size_t n = 1; n < 40; n++) {
            size_t bytes = haq_gemm_packed_bytes(impl, n, 1, k), wrong = 0;
            uint8_t *w = block(k * n);
            int8_t *rows = block(n * k), *got = block(bytes);
            int8_t *want = block(bytes);
            int32_t *sum = block(n * sizeof *sum);
            for (size_t i = 0; i < k * n; i++) {
                w[i] = (uint8_t)pick(&seed, 0, 255);
                rows[i % n * k + i / n] = (int8_t)(w[i] - 128);
            }
            impl->pack(want, rows, n, 1, k);
            haq_gemm_pack_turned_u8(got, sum, w, k, n);
            CU_ASSERT(!memcmp(got, want, bytes));
            for (size_t i = 0; i < n; i++)
                for (size_t e = 0; e < k; e++)
                    sum[i] -= rows[i * k + e];
            for (size_t i = 0; i < n; i++)
                wrong += sum[i] != 0;
            CU_ASSERT_EQUAL(wrong, 0);
            free(w), free(rows), free(got), free(want), free(sum);
        }
}

static void floats_are_packed_as_their_transpose(void)
{
    const struct haq_gemm_impl *impl = haq_gemm_select(HAQ_GEMM_F32, 0);
    uint64_t seed = 3;
    for (size_t k = 1; k < 20; k++)
        for (size_t n = 1; n < 40; n++) {
            size_t bytes = haq_gemm_packed_bytes(impl, n, 1, k);
            float *w = random_floats(&seed, k * n), *got = block(bytes);
            float *rows = block(k * n * sizeof *rows), *want = block(bytes);
            for (size_t i = 0; i < k * n; i++)
                rows[i % n * k + i / n] = w[i];
            impl->pack(want, rows, n, 1, k);
            haq_gemm_pack_turned_f32(got, w, k, n);
            CU_ASSERT(!memcmp(got, want, bytes));
            free(w), free(rows), free(got), free(want);
        }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(codes_are_packed_as_their_transpose),
        HAQ_TEST(floats_are_packed_as_their_transpose),
        CU_TEST_INFO_NULL,
    };
    return run_suite("packing of turned matrices", tests);
}
