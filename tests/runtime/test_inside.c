/* Convolutions over small images, whose lines of pixels miss kernel rows, and
 * first layers of few channels, whose kernel rows are copied together. */
#include "tests/runtime/net.h"

static const char *const weights[] = {"int8", "int4", "int2"};
static const char *const acts[] = {"uint8", "int8", "uint8:dynamic"};

static bool follows(uint64_t seed, struct haq_window w, size_t side,
                    size_t channels, struct haq_pool *pool)
{
    struct net t = {.seed = seed};
    struct haq_act_spec a = act(acts[below(&t, 3)]), ay = act("uint8");
    struct ref x = ref_new(1 + below(&t, 3), side, side, channels);
    struct layer l = {w, 1 + below(&t, 70), weights[below(&t, 3)], none};
    int in, out, last;

    t = new_net(next_random(&t.seed), &x, &in);
    for (size_t i = 0; i < ref_count(&x); i++)
        x.real[i] = uniform(&t) + 0.3f; /* zero points in between */
    ref_quantize(&x, &a);
    struct ref y = add_layer(&t, &l, in, &x, &a, &ay, &out);
    struct layer after = {window(1, 1, 1, 0, 1), 3, "int8", none};
    struct ref z = add_layer(&t, &after, out, &y, &ay, NULL, &last);
    end_net(&t, in, last);
    bool same = runs_as(&t, &x, &z, pool);
    if (!same)
        printf("    seed %llu: side %zu, kernel %d, stride %d\n",
               (unsigned long long)seed, side, (int)w.kernel[0],
               (int)w.stride[0]);
    free_net(&t);
    ref_free(&x), ref_free(&y), ref_free(&z);
    return same;
}

/* Lines of 6 to 24 pixels; paddings of their own at each end. */
static void small_images_follow_the_contract_bit_for_bit(void)
{
    static const size_t sides[] = {1, 2, 6, 7, 9, 14};
    struct haq_pool *pool = NULL;
    CU_ASSERT_FATAL(!haq_pool_new(&pool, 2, NULL));
    for (uint64_t seed = 1; seed <= 60; seed++) {
        uint64_t s = seed;
        int64_t kernel = 3 + 2 * (int64_t)(next_random(&s) % 3);
        struct haq_window w =
            window(kernel, 1 + (int64_t)(next_random(&s) % 2), 1, 0, 1);
        int64_t top = (int64_t)(next_random(&s) % (uint64_t)kernel);
        w.pad[0] = w.pad[1] = top;
        w.pad[2] = w.pad[3] = kernel - 1 - top;
        if (seed % 5 == 0) {
            w.dilation[0] = w.dilation[1] = 2;
            for (int i = 0; i < 4; i++)
                w.pad[i] *= 2;
        }
        CU_ASSERT(follows(seed, w, sides[next_random(&s) % 6],
                          16 + 4 * (next_random(&s) % 5), pool));
    }
    haq_pool_free(pool);
}

static void first_layers_follow_the_contract_bit_for_bit(void)
{
    static const size_t sides[] = {1, 5, 8, 21, 30};
    struct haq_pool *pool = NULL;
    CU_ASSERT_FATAL(!haq_pool_new(&pool, 2, NULL));
    for (uint64_t seed = 1; seed <= 40; seed++) {
        uint64_t s = seed;
        int64_t kernel = 3 + 2 * (int64_t)(next_random(&s) % 3);
        struct haq_window w = window(kernel, 1 + (int64_t)(next_random(&s) % 2),
                                     1, kernel / 2, 1);
        CU_ASSERT(follows(seed, w, sides[next_random(&s) % 5],
                          1 + next_random(&s) % 15, pool));
    }
    haq_pool_free(pool);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(small_images_follow_the_contract_bit_for_bit),
        HAQ_TEST(first_layers_follow_the_contract_bit_for_bit),
        CU_TEST_INFO_NULL};
    return run_suite("runtime/inside", tests);
}
