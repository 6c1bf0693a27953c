/* Every set of the pool table against window loops, bit for bit. */
#include "kernels/pool.h"

#include "tests/kernels/kernel_data.h"

struct problem {
    struct haq_pool_args args;
    struct rows a;
};

/* About a fifth of the taps lie outside, at least one of each window inside. */
static struct problem make_problem(uint64_t *seed, size_t channels, size_t elem)
{
    size_t pixels = pick(seed, 1, 6), taps = pick(seed, 1, 20);
    struct problem p = {.a = random_rows(seed, pixels * taps, channels, elem)};

    for (size_t i = pixels; i < pixels * taps; i++)
        if (next_random(seed) % 5 == 0)
            p.a.at[i] = NULL;
    p.args = (struct haq_pool_args){
        .a = p.a.at,
        .pixels = pixels,
        .taps = taps,
        .channels = channels,
        .ldy = channels + pick(seed, 0, 2),
        .fixed_count = pick(seed, 0, 1) ? taps : 0,
        .s_x = 0.013f,
        .z_x = (int32_t)pick(seed, 0, 255),
        .s_y = 0.011f,
        .z_y = (int32_t)pick(seed, 0, 255),
        .qlo = 1,
        .qhi = 240,
    };
    return p;
}

/* The value of tap t, or NULL where it lies outside. */
static const void *tap(const struct haq_pool_args *p, size_t t, size_t i)
{
    return p->a[t * p->pixels + i];
}

static float max_of(const struct haq_pool_args *p, size_t i, size_t c,
                    size_t elem)
{
    float most = -INFINITY;
    for (size_t t = 0; t < p->taps; t++) {
        const void *a = tap(p, t, i);
        if (a)
            most = fmaxf(most, elem == 1 ? (float)((const uint8_t *)a)[c]
                                         : ((const float *)a)[c]);
    }
    return most;
}

static float average_of(const struct haq_pool_args *p, size_t i, size_t c,
                        size_t elem)
{
    float sum = 0;
    int64_t codes = 0;
    size_t inside = 0;
    for (size_t t = 0; t < p->taps; t++) {
        const void *a = tap(p, t, i);
        if (!a)
            continue;
        inside++;
        if (elem == 1)
            codes += ((const uint8_t *)a)[c] - p->z_x;
        else
            sum += ((const float *)a)[c];
    }
    float count = (float)(p->fixed_count ? p->fixed_count : inside);
    volatile float real = elem == 1 ? p->s_x * (float)codes : sum;
    return real / count;
}

static float code_of(const struct haq_pool_args *p, float real)
{
    double q = nearbyint((double)(real / p->s_y)) + p->z_y;
    return (float)fmin(fmax(q, p->qlo), p->qhi);
}

enum which { MAX_F32, MAX_U8, AVG_F32, AVG_U8, AVG_U8_F32, WHICH };

static const struct {
    size_t in, out; /* bytes of an element */
} elements[WHICH] = {{4, 4}, {1, 1}, {4, 4}, {1, 1}, {1, 4}};

static float expected(const struct haq_pool_args *p, enum which k, size_t i,
                      size_t c)
{
    if (k == MAX_F32 || k == MAX_U8)
        return max_of(p, i, c, elements[k].in);
    float real = average_of(p, i, c, elements[k].in);
    return k == AVG_U8 ? code_of(p, real) : real;
}

static int count_errors(haq_pool_kernel_fn *run, enum which k,
                        struct haq_pool_args p)
{
    size_t elem = elements[k].out;
    uint8_t *y = block(p.pixels * p.ldy * elem);
    int bad = 0;

    memset(y, 0xa5, p.pixels * p.ldy * elem);
    p.y = y;
    run(&p);
    for (size_t i = 0; i < p.pixels; i++) {
        const void *row = y + i * p.ldy * elem;
        for (size_t c = 0; c < p.channels; c++) {
            float got = elem == 1 ? (float)((const uint8_t *)row)[c]
                                  : ((const float *)row)[c];
            bad += got != expected(&p, k, i, c);
        }
        for (size_t j = p.channels * elem; j < p.ldy * elem; j++)
            bad += ((const uint8_t *)row)[j] != 0xa5;
    }
    free(y);
    return bad;
}

static void check_set(const struct haq_pool_impl *set, uint64_t *seed)
{
    haq_pool_kernel_fn *const run[WHICH] = {
        set->max_f32, set->max_u8, set->avg_f32, set->avg_u8, set->avg_u8_f32};
    for (int k = 0; k < WHICH; k++)
        for (size_t channels = 1; channels < 300;
             channels += pick(seed, 1, 5)) {
            struct problem p = make_problem(seed, channels, elements[k].in);
            int bad = count_errors(run[k], (enum which)k, p.args);
            if (bad) {
                printf("\n    %s: function %d, %zu channels: %d differ",
                       set->name, k, channels, bad);
                CU_FAIL("pool differs from the window loop");
            }
            free_rows(&p.a);
        }
}

static void every_set_has_the_bits_of_the_window_loop(void)
{
    size_t count;
    const struct haq_pool_impl *impls = haq_pool_impls(&count);

    for (size_t i = 0; i < count; i++) {
        uint64_t seed = 60 + i;
        if (runnable(impls[i].isa))
            check_set(&impls[i], &seed);
    }
}

static void a_global_average_has_the_known_value(void)
{
    /* (0.5 * (1 + 4 - 2 * 2)) / 2 = 0.25; 0.25 / 0.125 + 3 = 5 */
    static const uint8_t a[] = {1}, b[] = {4};
    size_t count;
    const struct haq_pool_impl *impls = haq_pool_impls(&count);

    for (size_t i = 0; i < count; i++) {
        uint8_t y;
        if (!runnable(impls[i].isa))
            continue;
        impls[i].avg_u8(
            &(struct haq_pool_args){.a = (const void *[]){a, b, NULL},
                                    .pixels = 1,
                                    .taps = 3,
                                    .channels = 1,
                                    .y = &y,
                                    .ldy = 1,
                                    .s_x = 0.5f,
                                    .z_x = 2,
                                    .s_y = 0.125f,
                                    .z_y = 3,
                                    .qhi = 255});
        CU_ASSERT_EQUAL(y, 5);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_set_has_the_bits_of_the_window_loop),
        HAQ_TEST(a_global_average_has_the_known_value),
        CU_TEST_INFO_NULL,
    };
    return run_suite("pool", tests);
}
