/* Row sums against addition one by one. */
#include "kernels/rowsum.h"

#include "tests/kernels/kernel_data.h"

static int count_errors(const struct haq_rowsum_impl *impl, size_t rows,
                        size_t segments, size_t seg_len, uint64_t *seed)
{
    struct rows a = random_rows(seed, rows * segments, seg_len, 1);
    int32_t *sum = block(rows * sizeof *sum);
    int bad = 0;

    impl->run(&(struct haq_rowsum_args){a.at, rows, segments, seg_len, sum});
    for (size_t m = 0; m < rows; m++) {
        int32_t want = 0;
        for (size_t s = 0; s < segments; s++)
            for (size_t e = 0; e < seg_len; e++)
                want += ((const uint8_t *)a.at[s * rows + m])[e];
        bad += sum[m] != want;
    }
    free(sum);
    free_rows(&a);
    return bad;
}

static void every_row_adds_every_byte_once(void)
{
    size_t count;
    const struct haq_rowsum_impl *impls = haq_rowsum_impls(&count);

    for (size_t i = 0; i < count; i++) {
        uint64_t seed = 3 + i;
        for (size_t len = 1; len < 200 && runnable(impls[i].isa); len++)
            CU_ASSERT_EQUAL(count_errors(&impls[i], pick(&seed, 1, 9),
                                         pick(&seed, 1, 9), len, &seed),
                            0);
    }
}

static void long_rows_of_the_largest_code_are_exact(void)
{
    enum { LEN = 66000 };
    size_t count;
    const struct haq_rowsum_impl *impls = haq_rowsum_impls(&count);
    uint8_t *a = block(LEN);

    memset(a, 255, LEN);
    for (size_t i = 0; i < count; i++) {
        int32_t sum = 0;
        if (!runnable(impls[i].isa))
            continue;
        impls[i].run(
            &(struct haq_rowsum_args){(const void *[]){a}, 1, 1, LEN, &sum});
        CU_ASSERT_EQUAL(sum, 16830000);
    }
    free(a);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_row_adds_every_byte_once),
        HAQ_TEST(long_rows_of_the_largest_code_are_exact),
        CU_TEST_INFO_NULL,
    };
    return run_suite("rowsum", tests);
}
