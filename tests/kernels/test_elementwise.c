/* Every set of elementwise operations: exact ones bit for bit against their
 * formulas, transcendental ones within 4 ulp of the correctly rounded result.
 */
#include "kernels/elementwise.h"

#include "tests/kernels/kernel_data.h"

enum { LONGEST = 133 };

typedef void each_fn(const struct haq_elementwise *set, uint64_t *seed);

static void for_each_set(each_fn *run)
{
    size_t count;
    const struct haq_elementwise *sets = haq_elementwise_impls(&count);

    for (size_t i = 0; i < count; i++) {
        uint64_t seed = 21 + i;
        if (runnable(sets[i].isa))
            run(&sets[i], &seed);
    }
}

static float unary(enum haq_unary op, float x, float alpha, float beta)
{
    volatile float t;
    double d = (double)x;
    switch (op) {
    case HAQ_UN_RELU:
        return x > 0 ? x : 0;
    case HAQ_UN_CLIP:
        return fminf(fmaxf(x, alpha), beta);
    case HAQ_UN_LEAKY_RELU:
        return x < 0 ? alpha * x : x;
    case HAQ_UN_SIGMOID:
        return (float)(1 / (1 + exp(-d)));
    case HAQ_UN_SILU:
        return x * (float)(1 / (1 + exp(-d)));
    case HAQ_UN_TANH:
        return (float)tanh(d);
    case HAQ_UN_HARD_SIGMOID:
        t = alpha * x;
        return fminf(fmaxf(t + beta, 0), 1);
    case HAQ_UN_HARD_SWISH:
        t = x * (1.0f / 6);
        return x * fminf(fmaxf(t + 0.5f, 0), 1);
    case HAQ_UN_ERF:
        return (float)erf(d);
    case HAQ_UN_GELU:
        return (float)(0.5 * d * erfc(-d * M_SQRT1_2));
    case HAQ_UN_EXP:
        return (float)exp(d);
    case HAQ_UN_LOG:
        return logf(x);
    case HAQ_UN_NEG:
        return -x;
    case HAQ_UN_ABS:
        return fabsf(x);
    case HAQ_UN_SQRT:
        return sqrtf(x);
    case HAQ_UN_RECIPROCAL:
        return 1 / x;
    case HAQ_UN_COUNT:
        break;
    }
    return 0;
}

static bool positive_only(enum haq_unary op)
{
    return op == HAQ_UN_LOG || op == HAQ_UN_SQRT || op == HAQ_UN_RECIPROCAL;
}

static bool exact(enum haq_unary op)
{
    return op != HAQ_UN_SIGMOID && op != HAQ_UN_SILU && op != HAQ_UN_TANH &&
           op != HAQ_UN_ERF && op != HAQ_UN_GELU && op != HAQ_UN_EXP;
}

static int count_unary_errors(const struct haq_elementwise *set,
                              enum haq_unary op, size_t n, uint64_t *seed)
{
    float *x = random_floats(seed, n), *y = block(n * sizeof *y);
    int bad = 0;

    for (size_t i = 0; i < n; i++)
        x[i] = positive_only(op) ? fabsf(x[i]) + 0.01f : 9 * x[i];
    set->unary[op](y, x, n, -0.4f, 0.6f);
    for (size_t i = 0; i < n; i++)
        bad += exact(op) && y[i] != unary(op, x[i], -0.4f, 0.6f);
    set->unary[op](x, x, n, -0.4f, 0.6f);
    bad += memcmp(x, y, n * sizeof *x) != 0; /* in place */
    free(x);
    free(y);
    return bad;
}

static void check_unary(const struct haq_elementwise *set, uint64_t *seed)
{
    for (unsigned op = 0; op < HAQ_UN_COUNT; op++)
        for (size_t n = 1; n <= LONGEST; n++)
            CU_ASSERT_EQUAL(
                count_unary_errors(set, (enum haq_unary)op, n, seed), 0);
}

static void exact_unary_operations_are_exact(void)
{
    for_each_set(check_unary);
}

/* Units in the last place of `want` between the two. */
static double ulps(float got, double want)
{
    int e;
    frexp(want, &e);
    return fabs((double)got - want) / ldexp(1, e < -125 ? -149 : e - 24);
}

static const struct {
    enum haq_unary op;
    float low, high;
    double most_ulps;
} smooth[] = {
    {HAQ_UN_EXP, -103, 88.7f, 4},   {HAQ_UN_SIGMOID, -103, 103, 4},
    {HAQ_UN_SILU, -80, 80, 4},      {HAQ_UN_TANH, -20, 20, 4},
    {HAQ_UN_ERF, -6, 6, 4},         {HAQ_UN_TANH, -0.01f, 0.01f, 4},
    {HAQ_UN_ERF, -0.01f, 0.01f, 4}, {HAQ_UN_GELU, -1, 20, 4},
};

/* 200001 points evenly over the range. */
static double worst_ulps(const struct haq_elementwise *set, size_t which)
{
    enum { CHUNK = 1000, CHUNKS = 200 };
    float x[CHUNK + 1], y[CHUNK + 1];
    float low = smooth[which].low, high = smooth[which].high;
    double worst = 0;

    for (int c = 0; c < CHUNKS; c++) {
        for (int i = 0; i <= CHUNK; i++)
            x[i] = low +
                   (high - low) * ((float)(c * CHUNK + i) / (CHUNK * CHUNKS));
        set->unary[smooth[which].op](y, x, CHUNK + 1, 0, 0);
        for (int i = 0; i <= CHUNK; i++) {
            double d = (double)x[i], want = 0;
            switch (smooth[which].op) {
            case HAQ_UN_EXP:
                want = exp(d);
                break;
            case HAQ_UN_SIGMOID:
                want = 1 / (1 + exp(-d));
                break;
            case HAQ_UN_SILU:
                want = d / (1 + exp(-d));
                break;
            case HAQ_UN_TANH:
                want = tanh(d);
                break;
            case HAQ_UN_ERF:
                want = erf(d);
                break;
            default:
                want = 0.5 * d * erfc(-d * M_SQRT1_2);
            }
            worst = fmax(worst, ulps(y[i], want));
        }
    }
    return worst;
}

static void check_smooth(const struct haq_elementwise *set, uint64_t *seed)
{
    (void)seed;
    for (size_t i = 0; i < sizeof smooth / sizeof *smooth; i++) {
        double worst = worst_ulps(set, i);
        if (worst > smooth[i].most_ulps) {
            printf("\n    %s: operation %d is %.2f ulp off", set->name,
                   (int)smooth[i].op, worst);
            CU_FAIL("beyond the bound");
        }
    }
}

static void smooth_functions_are_within_four_ulps(void)
{
    for_each_set(check_smooth);
}

static void check_gelu_tail(const struct haq_elementwise *set, uint64_t *seed)
{
    (void)seed;
    for (float x = -14; x < -1; x += 0.001f) {
        float y;
        set->unary[HAQ_UN_GELU](&y, &x, 1, 0, 0);
        double want = 0.5 * (double)x * erfc(-(double)x * M_SQRT1_2);
        CU_ASSERT(fabs((double)y - want) < 1e-7);
    }
}

static void the_tail_of_gelu_tends_to_zero(void)
{
    for_each_set(check_gelu_tail);
}

/* Correctly rounded from Python's math module. */
static void check_known(const struct haq_elementwise *set, uint64_t *seed)
{
    static const float x[5] = {-3, -0.1f, 0, 1, 2.5f};
    static const struct {
        enum haq_unary op;
        float want[5];
    } known[] = {
        {HAQ_UN_SIGMOID,
         {0x1.848344p-5f, 0x1.e66bdcp-2f, 0.5f, 0x1.764d50p-1f,
          0x1.d9291ep-1f}},
        {HAQ_UN_TANH,
         {-0x1.fd77d2p-1f, -0x1.983d78p-4f, 0, 0x1.85efacp-1f, 0x1.f92582p-1f}},
        {HAQ_UN_ERF,
         {-0x1.fffd1ap-1f, -0x1.cca5eap-4f, 0, 0x1.af767ap-1f, 0x1.ffcaa8p-1f}},
        {HAQ_UN_GELU,
         {-0x1.096698p-8f, -0x1.78f91ap-5f, 0, 0x1.aec4bep-1f, 0x1.3e034ep+1f}},
        {HAQ_UN_EXP,
         {0x1.97db0cp-5f, 0x1.cf46dap-1f, 1, 0x1.5bf0a8p+1f, 0x1.85d6fep+3f}},
    };
    (void)seed;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        float y[5];
        set->unary[known[k].op](y, x, 5, 0, 0);
        for (int i = 0; i < 5; i++)
            CU_ASSERT(fabsf(y[i] - known[k].want[i]) <=
                      5e-7f * fabsf(known[k].want[i]) + 1e-7f);
    }
}

static void smooth_functions_have_the_known_values(void)
{
    for_each_set(check_known);
}

static void check_far(const struct haq_elementwise *set, uint64_t *seed)
{
    static const float x[4] = {-1e30f, -200, 200, 1e30f};
    float y[4];
    (void)seed;
    set->unary[HAQ_UN_EXP](y, x, 4, 0, 0);
    CU_ASSERT(y[0] == 0 && y[1] == 0 && isinf(y[2]) && isinf(y[3]));
    set->unary[HAQ_UN_SIGMOID](y, x, 4, 0, 0);
    CU_ASSERT(y[0] == 0 && y[1] == 0 && y[2] == 1 && y[3] == 1);
    set->unary[HAQ_UN_TANH](y, x, 4, 0, 0);
    CU_ASSERT(y[0] == -1 && y[1] == -1 && y[2] == 1 && y[3] == 1);
    set->unary[HAQ_UN_ERF](y, x, 4, 0, 0);
    CU_ASSERT(y[0] == -1 && y[1] == -1 && y[2] == 1 && y[3] == 1);
    set->unary[HAQ_UN_GELU](y, x, 4, 0, 0);
    CU_ASSERT(y[0] == 0 && y[1] == 0 && y[2] == 200 && y[3] == 1e30f);
}

static void finite_arguments_never_give_nan(void)
{
    for_each_set(check_far);
}

static float binary(enum haq_binary op, float u, float v)
{
    switch (op) {
    case HAQ_BIN_ADD:
        return u + v;
    case HAQ_BIN_SUB:
        return u - v;
    case HAQ_BIN_MUL:
        return u * v;
    case HAQ_BIN_DIV:
        return u / v;
    case HAQ_BIN_POW:
        return powf(u, v);
    case HAQ_BIN_MIN:
        return fminf(u, v);
    case HAQ_BIN_MAX:
        return fmaxf(u, v);
    case HAQ_BIN_COUNT:
        break;
    }
    return 0;
}

static int count_binary_errors(const struct haq_elementwise *set,
                               enum haq_binary op, size_t n, int sa, int sb,
                               uint64_t *seed)
{
    float *a = random_floats(seed, sa ? n : 1);
    float *b = random_floats(seed, sb ? n : 1);
    float *y = block(n * sizeof *y);
    int bad = 0;

    for (size_t i = 0; i < (sa ? n : 1); i++)
        a[i] = fabsf(a[i]) + 0.1f;
    set->binary[op](y, a, b, n, sa, sb, -0.5f, 0.75f);
    for (size_t i = 0; i < n; i++) {
        float t = binary(op, a[i * (size_t)sa], b[i * (size_t)sb]);
        bad += y[i] != fminf(fmaxf(t, -0.5f), 0.75f);
    }
    free(a);
    free(b);
    free(y);
    return bad;
}

static void check_binary(const struct haq_elementwise *set, uint64_t *seed)
{
    for (unsigned op = 0; op < HAQ_BIN_COUNT; op++)
        for (size_t n = 1; n <= 70; n++)
            for (int strides = 0; strides < 4; strides++)
                CU_ASSERT_EQUAL(count_binary_errors(set, (enum haq_binary)op, n,
                                                    strides & 1, strides >> 1,
                                                    seed),
                                0);
}

static void binary_operations_are_exact(void)
{
    for_each_set(check_binary);
}

static uint8_t to_code(double scaled, int32_t zero, int32_t qlo, int32_t qhi)
{
    return (uint8_t)fmin(fmax(nearbyint(scaled) + zero, qlo), qhi);
}

static float to_real(uint8_t q, struct haq_affine f)
{
    return f.scale * (float)((int)q - f.zero);
}

static int count_code_errors(const struct haq_elementwise *set, size_t n,
                             uint64_t *seed)
{
    struct haq_affine fa = {0.021f, 3}, fb = {0.4f, 128}, to = {0.37f, 100};
    uint8_t *a = random_u8(seed, n), *q = block(n);
    float *x = random_floats(seed, n), *y = block(n * sizeof *y);
    int bad = 0;

    for (size_t i = 0; i < n; i++)
        x[i] *= 100;
    set->quantize(q, x, n, to, 2, 250);
    for (size_t i = 0; i < n; i++)
        bad += q[i] != to_code((double)(x[i] / to.scale), to.zero, 2, 250);
    set->dequantize(y, a, n, fa);
    for (size_t i = 0; i < n; i++)
        bad += y[i] != to_real(a[i], fa);
    set->requantize(q, a, n, fb, to, 0, 255);
    for (size_t i = 0; i < n; i++)
        bad += q[i] !=
               to_code((double)(to_real(a[i], fb) / to.scale), to.zero, 0, 255);
    free(a);
    free(q);
    free(x);
    free(y);
    return bad;
}

static void check_codes(const struct haq_elementwise *set, uint64_t *seed)
{
    for (size_t n = 1; n <= LONGEST; n++)
        CU_ASSERT_EQUAL(count_code_errors(set, n, seed), 0);
}

static void conversions_of_codes_are_exact(void)
{
    for_each_set(check_codes);
}

static void check_ties(const struct haq_elementwise *set, uint64_t *seed)
{
    static const float x[6] = {0.5f, 1.5f, 2.5f, -1.5f, 1e30f, -1e30f};
    static const uint8_t want[6] = {7, 9, 9, 5, 255, 0};
    uint8_t q[6];
    (void)seed;
    set->quantize(q, x, 6, (struct haq_affine){1, 7}, 0, 255);
    CU_ASSERT_EQUAL(memcmp(q, want, sizeof q), 0);
}

static void quantize_rounds_half_to_even_and_saturates(void)
{
    for_each_set(check_ties);
}

static int count_softmax_errors(const struct haq_elementwise *set, size_t n,
                                uint64_t *seed)
{
    enum { ROWS = 3 };
    float *x = random_floats(seed, ROWS * n), *y = block(ROWS * n * sizeof *y);
    float *z = block(ROWS * n * sizeof *z);
    int bad = 0;

    for (size_t i = 0; i < ROWS * n; i++)
        x[i] *= 20;
    set->softmax(y, x, ROWS, n);
    set->log_softmax(z, x, ROWS, n);
    for (size_t m = 0; m < ROWS; m++) {
        float high = x[m * n];
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            high = fmaxf(high, x[m * n + i]);
        for (size_t i = 0; i < n; i++)
            sum += exp((double)(x[m * n + i] - high));
        for (size_t i = 0; i < n; i++) {
            double d = (double)(x[m * n + i] - high);
            bad += ulps(y[m * n + i], exp(d) / sum) > 6;
            bad += fabs((double)z[m * n + i] - (d - log(sum))) > 4e-6;
        }
    }
    free(x);
    free(y);
    free(z);
    return bad;
}

static void check_softmax(const struct haq_elementwise *set, uint64_t *seed)
{
    static const float x[4] = {1, 2, 3, 4};
    static const float want[4] = {0x1.069fc4p-5f, 0x1.64f170p-4f,
                                  0x1.e522d2p-3f, 0x1.49af22p-1f};
    float y[4];

    set->softmax(y, x, 1, 4);
    for (int i = 0; i < 4; i++)
        CU_ASSERT(fabsf(y[i] - want[i]) < 1e-7f);
    for (size_t n = 1; n <= LONGEST; n++)
        CU_ASSERT_EQUAL(count_softmax_errors(set, n, seed), 0);
    CU_ASSERT_EQUAL(count_softmax_errors(set, 5000, seed), 0);
}

static void softmax_rows_are_within_six_ulps(void)
{
    for_each_set(check_softmax);
}

static void check_minmax(const struct haq_elementwise *set, uint64_t *seed)
{
    for (size_t n = 1; n <= LONGEST; n++) {
        float *x = random_floats(seed, n), lo, hi;
        size_t low = pick(seed, 0, n - 1), high = pick(seed, 0, n - 1);
        x[low] = -5;
        x[high] = 7;
        set->minmax(x, n, &lo, &hi);
        CU_ASSERT_EQUAL(hi, 7);
        CU_ASSERT(lo == -5 || low == high);
        free(x);
    }
}

static void minmax_finds_both_ends(void)
{
    for_each_set(check_minmax);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(exact_unary_operations_are_exact),
        HAQ_TEST(smooth_functions_are_within_four_ulps),
        HAQ_TEST(the_tail_of_gelu_tends_to_zero),
        HAQ_TEST(smooth_functions_have_the_known_values),
        HAQ_TEST(finite_arguments_never_give_nan),
        HAQ_TEST(binary_operations_are_exact),
        HAQ_TEST(conversions_of_codes_are_exact),
        HAQ_TEST(quantize_rounds_half_to_even_and_saturates),
        HAQ_TEST(softmax_rows_are_within_six_ulps),
        HAQ_TEST(minmax_finds_both_ends),
        CU_TEST_INFO_NULL,
    };
    return run_suite("elementwise", tests);
}
