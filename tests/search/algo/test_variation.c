#include "search/algo/variation.h"

#include "tests/suite.h"

enum { GENES = 4 };
static const int cardinality[GENES] = {1, 2, 9, 1001};

static bool legal(const int *x)
{
    for (int i = 0; i < GENES; i++)
        if (x[i] < 0 || x[i] >= cardinality[i])
            return false;
    return true;
}

static void mutation_changes_a_gene_and_stays_in_range(void)
{
    struct haq_rng rng;
    size_t near[GENES] = {0};
    haq_rng_seed(&rng, 1);
    for (int trial = 0; trial < 4000; trial++)
        for (int i = 1; i < GENES; i++) {
            int c = cardinality[i], old = trial % c;
            int new = haq_mutated(&rng, old, c);
            CU_ASSERT_FATAL(new >= 0 && new < c &&new != old);
            near[i] += abs(new - old) <= c / 8 + 1;
        }
    for (int i = 1; i < GENES; i++)
        CU_ASSERT(near[i] > 2000); /* most steps are small */
}

static void children_share_out_what_their_parents_have(void)
{
    const int a[GENES] = {0, 0, 2, 100}, b[GENES] = {0, 1, 7, 300};
    struct haq_rng rng;
    size_t from_b = 0, beyond = 0;
    haq_rng_seed(&rng, 2);
    for (int trial = 0; trial < 4000; trial++) {
        int x[GENES], y[GENES];
        haq_cross(&rng, cardinality, GENES, a, b, x, y);
        CU_ASSERT_FATAL(legal(x) && legal(y));
        for (int i = 0; i < 3; i++)
            CU_ASSERT_FATAL((x[i] == a[i] && y[i] == b[i]) ||
                            (x[i] == b[i] && y[i] == a[i]));
        /* Numbers are blended around the same middle. */
        CU_ASSERT_FATAL(abs(x[3] + y[3] - 400) <= 1);
        from_b += x[2] == 7;
        beyond += x[3] < 100 || x[3] > 300;
    }
    CU_ASSERT(from_b > 1500 && from_b < 2100); /* 0.9 / 2 of them */
    CU_ASSERT(beyond > 200);
}

static void children_at_the_edge_stay_inside(void)
{
    const int a[GENES] = {0, 1, 8, 1000}, b[GENES] = {0, 0, 0, 990};
    struct haq_rng rng;
    size_t edge = 0;
    haq_rng_seed(&rng, 3);
    for (int trial = 0; trial < 2000; trial++) {
        int x[GENES], y[GENES];
        haq_cross(&rng, cardinality, GENES, a, b, x, y);
        haq_mutate(&rng, cardinality, GENES, 0.5, x);
        CU_ASSERT_FATAL(legal(x) && legal(y));
        edge += y[3] == 1000;
    }
    CU_ASSERT(edge > 150);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(mutation_changes_a_gene_and_stays_in_range),
        HAQ_TEST(children_share_out_what_their_parents_have),
        HAQ_TEST(children_at_the_edge_stay_inside),
        CU_TEST_INFO_NULL,
    };
    return run_suite("variation", tests);
}
