/* Every set of operations on codes against the formulas of its header. */
#include "kernels/codewise.h"

#include "tests/kernels/kernel_data.h"

enum { LONGEST = 133 };

typedef void each_fn(const struct haq_codewise *set, uint64_t *seed);

static void for_each_set(each_fn *run)
{
    size_t count;
    const struct haq_codewise *sets = haq_codewise_impls(&count);

    for (size_t i = 0; i < count; i++) {
        uint64_t seed = 31 + i;
        if (runnable(sets[i].isa))
            run(&sets[i], &seed);
    }
}

static void check_lookup(const struct haq_codewise *set, uint64_t *seed)
{
    uint8_t *table = random_codes(seed, 256, (const uint8_t[]){3, 250});

    for (size_t n = 1; n <= 3 * LONGEST; n++) {
        uint8_t *x = random_u8(seed, n), *y = block(n);
        int bad = 0;
        for (size_t i = 0; i < n; i++)
            x[i] = n > 256 ? (uint8_t)i : x[i]; /* every code */
        set->lookup(y, x, n, table);
        for (size_t i = 0; i < n; i++)
            bad += y[i] != table[x[i]];
        CU_ASSERT_EQUAL(bad, 0);
        free(x);
        free(y);
    }
    free(table);
}

static void a_table_of_all_codes_is_looked_up(void)
{
    for_each_set(check_lookup);
}

static float real_of(uint8_t q, struct haq_affine f)
{
    return f.scale * (float)((int)q - f.zero);
}

/* Rounded to float32 wherever the formula is. */
static float result(unsigned op, float u, float v)
{
    volatile float y = 0;
    switch (op) {
    case HAQ_BIN_ADD:
        y = u + v;
        break;
    case HAQ_BIN_SUB:
        y = u - v;
        break;
    case HAQ_BIN_MUL:
        y = u * v;
        break;
    case HAQ_BIN_MIN:
        y = fminf(u, v);
        break;
    case HAQ_BIN_MAX:
        y = fmaxf(u, v);
        break;
    }
    return y;
}

static int count_errors(const struct haq_codewise *set, unsigned op, size_t n,
                        int strides, uint64_t *seed)
{
    const struct haq_codewise_args p = {.a = {0.021f, 3},
                                        .b = {0.4f, 128},
                                        .to = {0.37f, 100},
                                        .qlo = 2,
                                        .qhi = 250,
                                        .lo = -9,
                                        .hi = 9,
                                        .sa = strides & 1,
                                        .sb = strides >> 1};
    uint8_t *a = random_u8(seed, n), *b = random_u8(seed, n), *q = block(n);
    float *y = block(n * sizeof *y);
    int bad = 0;

    set->to_u8[op](q, a, b, n, &p);
    set->to_f32[op](y, a, b, n, &p);
    for (size_t i = 0; i < n; i++) {
        volatile float u = real_of(a[p.sa ? i : 0], p.a);
        volatile float v = real_of(b[p.sb ? i : 0], p.b);
        float want = result(op, u, v);
        double code = nearbyint((double)(want / p.to.scale)) + p.to.zero;
        bad += q[i] != (uint8_t)fmin(fmax(code, p.qlo), p.qhi);
        bad += y[i] != fminf(fmaxf(want, p.lo), p.hi);
    }
    free(a);
    free(b);
    free(q);
    free(y);
    return bad;
}

static void check_binary(const struct haq_codewise *set, uint64_t *seed)
{
    for (unsigned op = 0; op < HAQ_BIN_COUNT; op++)
        for (size_t n = 1; n <= LONGEST && set->to_u8[op]; n++)
            for (int strides = 0; strides < 4; strides++)
                CU_ASSERT_EQUAL(count_errors(set, op, n, strides, seed), 0);
}

static void operations_are_float32_between_codes(void)
{
    for_each_set(check_binary);
}

static void check_operations(const struct haq_codewise *set, uint64_t *seed)
{
    (void)seed;
    for (unsigned op = 0; op < HAQ_BIN_COUNT; op++) {
        bool has = op != HAQ_BIN_DIV && op != HAQ_BIN_POW;
        CU_ASSERT_EQUAL(set->to_u8[op] != NULL, has);
        CU_ASSERT_EQUAL(set->to_f32[op] != NULL, has);
    }
}

static void every_set_has_the_same_operations(void)
{
    for_each_set(check_operations);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(a_table_of_all_codes_is_looked_up),
        HAQ_TEST(operations_are_float32_between_codes),
        HAQ_TEST(every_set_has_the_same_operations),
        CU_TEST_INFO_NULL,
    };
    return run_suite("codewise", tests);
}
