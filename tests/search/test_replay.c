#include "search/replay.h"

#include <math.h>
#include <string.h>

#include "tests/suite.h"

/* Genes of 3, 2 and 4 values; f1 + f2 >= 9 with equality where the second gene
 * is 1; point (0, 1, 0) failed. */
enum { POINTS = 24 };
static const int cardinality[] = {3, 2, 4};
static double f[POINTS][2];

static struct haq_replay_table make(void)
{
    size_t n = 0;
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 2; b++)
            for (int c = 0; c < 4; c++, n++) {
                f[n][0] = 4 * a + c;
                f[n][1] = 10 - b - f[n][0];
            }
    f[4][0] = NAN;
    return (struct haq_replay_table){.genes = 3,
                                     .m = 2,
                                     .points = POINTS,
                                     .cardinality = cardinality,
                                     .f = f[0],
                                     .limit = {INFINITY, INFINITY}};
}

static void every_search_of_the_whole_space_finds_all_of_the_front(void)
{
    struct haq_replay_table t = make();
    struct haq_replay r;
    CU_ASSERT_FATAL(!haq_replay_init(&r, &t, NULL));
    CU_ASSERT(r.n_front == 12); /* the failed one gives way to (0, 10) */
    for (const struct haq_algo *a = haq_algos; a->name; a++) {
        double share[POINTS];
        struct haq_replay_run run = {.share = share, .evaluations = POINTS};
        CU_ASSERT_FATAL(!haq_replay_search(&r, a, 4, 1, &run, NULL));
        CU_ASSERT_DOUBLE_EQUAL(share[POINTS - 1], 1, 1e-12);
        CU_ASSERT(run.igd_plus == 0 && run.n_front == 12);
        size_t reached = haq_replay_reached(&run, 1 - 1e-12);
        CU_ASSERT(reached >= 12 && reached <= POINTS);
        for (size_t i = 1; i < POINTS; i++)
            CU_ASSERT(share[i] >= share[i - 1]);
        free(run.front);
    }
    haq_replay_fini(&r);
}

static void limits_cut_the_front(void)
{
    struct haq_replay_table t = make();
    struct haq_replay r;
    double share[POINTS];
    struct haq_replay_run run = {.share = share, .evaluations = POINTS};
    t.limit[1] = 3;
    CU_ASSERT_FATAL(!haq_replay_init(&r, &t, NULL));
    CU_ASSERT(r.n_front == 6 && r.low[0] == 6 && r.span[0] == 5);
    CU_ASSERT_FATAL(!haq_replay_search(&r, haq_algos, 4, 1, &run, NULL));
    CU_ASSERT(run.n_front == 6 && fabs(share[POINTS - 1] - 1) < 1e-12);
    free(run.front);
    haq_replay_fini(&r);

    struct haq_diag d = {0};
    t.limit[0] = 2;
    CU_ASSERT(haq_replay_init(&r, &t, &d) == HAQ_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "limits"));
    haq_replay_fini(&r);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_search_of_the_whole_space_finds_all_of_the_front),
        HAQ_TEST(limits_cut_the_front),
        CU_TEST_INFO_NULL,
    };
    return run_suite("replay", tests);
}
