#include "search/algo/additive.h"

#include <math.h>

#include "search/algo/residual.h"
#include "tests/suite.h"

enum { GENES = 6, N = 160 };
static const int cardinality[GENES] = {2, 5, 9, 1, 40, 3};

/* Additive, but for one pair of genes that add up to more than their sum. */
static double truth(const int *x, double pair)
{
    double sum =
        3 + x[0] - 0.5 * x[1] * x[1] + sin(x[2]) + 0.1 * x[4] + (x[5] == 1);
    return sum + pair * (x[0] && x[1] > 2);
}

static int data[2 * N][GENES];
static const int *vector[2 * N];

static void draw(uint64_t seed)
{
    for (size_t i = 0; i < 2 * N; i++) {
        for (size_t g = 0; g < GENES; g++)
            data[i][g] = (int)(next_random(&seed) % (uint64_t)cardinality[g]);
        vector[i] = data[i];
    }
}

static void sums_over_genes_are_learned_from_few_vectors(void)
{
    struct haq_additive m;
    double y[N][1], worst = 0;
    draw(1);
    for (size_t i = 0; i < N; i++)
        y[i][0] = truth(data[i], 0);
    CU_ASSERT_FATAL(haq_additive_init(&m, cardinality, GENES, 1));
    CU_ASSERT_FATAL(haq_additive_fit(&m, vector, y[0], N));
    for (size_t i = N; i < 2 * N; i++)
        worst = fmax(worst, fabs(haq_additive_predict(&m, 0, data[i]) -
                                 truth(data[i], 0)));
    CU_ASSERT(worst < 0.1); /* values span 12 */
    haq_additive_fini(&m);
}

static void a_value_never_seen_lies_between_its_neighbours(void)
{
    const int c[1] = {5}, x[][1] = {{0}, {1}, {3}, {4}}, unseen[1] = {2};
    const int *v[] = {x[0], x[1], x[2], x[3]};
    const double y[] = {0, 1, 3, 4};
    struct haq_additive m;
    CU_ASSERT_FATAL(haq_additive_init(&m, c, 1, 1));
    CU_ASSERT_FATAL(haq_additive_fit(&m, v, y, 4));
    CU_ASSERT_DOUBLE_EQUAL(haq_additive_predict(&m, 0, unseen), 2, 0.05);
    haq_additive_fini(&m);
}

static void the_correction_learns_what_does_not_add_up(void)
{
    struct haq_additive m;
    struct haq_residual r = {0};
    double y[N][1], res[N][1], plain = 0, both = 0, outside = 0;
    draw(2);
    for (size_t i = 0; i < N; i++)
        y[i][0] = truth(data[i], 6);
    CU_ASSERT_FATAL(haq_additive_init(&m, cardinality, GENES, 1));
    CU_ASSERT_FATAL(haq_additive_fit(&m, vector, y[0], N));
    for (size_t i = 0; i < N; i++)
        res[i][0] = y[i][0] - haq_additive_predict(&m, 0, data[i]);
    CU_ASSERT_FATAL(haq_residual_fit(&r, cardinality, GENES, 1, GENES - 1,
                                     vector, res[0], N));
    for (size_t i = N; i < 2 * N; i++) {
        double mean, sd, left = truth(data[i], 6);
        left -= haq_additive_predict(&m, 0, data[i]);
        haq_residual_predict(&r, data[i], &mean, &sd);
        plain += left * left;
        both += (left - mean) * (left - mean);
        outside += fabs(left - mean) > 2 * sd;
    }
    CU_ASSERT(both < 0.5 * plain);
    CU_ASSERT(outside < 0.15 * N); /* 5 % if the process were Gaussian */
    haq_residual_fini(&r);
    haq_additive_fini(&m);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(sums_over_genes_are_learned_from_few_vectors),
        HAQ_TEST(a_value_never_seen_lies_between_its_neighbours),
        HAQ_TEST(the_correction_learns_what_does_not_add_up),
        CU_TEST_INFO_NULL,
    };
    return run_suite("additive", tests);
}
