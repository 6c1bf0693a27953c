#include "search/algo/algo.h"

#include <math.h>
#include <string.h>

#include "search/algo/dominance.h"
#include "tests/suite.h"

enum { GENES = 12, CARDINALITY = 9, BATCH = 256 };

typedef void problem_fn(const int *genes, double *f, double *violation);

/* ZDT1 (Zitzler, Deb, Thiele 2000) on a grid of 9 values per variable: the
 * front is f2 = 1 - sqrt(f1), reached where all genes but the first are 0. */
static void zdt1(const int *x, double *f, double *violation)
{
    double g = 0;
    for (int i = 1; i < GENES; i++)
        g += x[i] / (double)(CARDINALITY - 1);
    g = 1 + 9 * g / (GENES - 1);
    f[0] = x[0] / (double)(CARDINALITY - 1);
    f[1] = g * (1 - sqrt(f[0] / g));
    *violation = 0;
}

/* Leading ones, trailing zeros in a three-valued string: front of GENES + 1
 * points that lie on a line. */
static void lotz(const int *x, double *f, double *violation)
{
    int ones = 0, zeros = 0;
    while (ones < GENES && x[ones] == 1)
        ones++;
    while (zeros < GENES && x[GENES - 1 - zeros] == 0)
        zeros++;
    f[0] = -ones, f[1] = -zeros;
    *violation = 0;
}

/* ZDT1 where at least 3 of the other genes must be on: the constrained front is
 * away from the free one. */
static void constrained(const int *x, double *f, double *violation)
{
    int on = 0;
    zdt1(x, f, violation);
    for (int i = 1; i < GENES; i++)
        on += x[i] > 0;
    *violation = on < 3 ? 3 - on : 0;
}

struct record {
    int genes[BATCH * 64][GENES];
    double f[BATCH * 64][2], violation[BATCH * 64];
    size_t n;
};

static int cardinality[GENES];

static struct haq_algo_config config(int values, uint64_t seed)
{
    for (int i = 0; i < GENES; i++)
        cardinality[i] = values;
    return (struct haq_algo_config){
        .genes = GENES,
        .cardinality = cardinality,
        .objectives = 2,
        .population = 40,
        .hidden = 4,
        .seed = seed,
    };
}

/* Run for `want` vectors; told in order, or shuffled within a batch. */
static void run(const char *name, const struct haq_algo_config *c,
                problem_fn *problem, size_t want, uint64_t shuffle,
                struct record *r)
{
    const struct haq_algo *a = NULL;
    struct haq_algo_run *state = NULL;
    r->n = 0;
    CU_ASSERT_FATAL(!haq_algo_find(&a, name, NULL));
    CU_ASSERT_FATAL(!a->start(&state, c, NULL));
    for (;;) {
        size_t id[BATCH], first = r->n, n = 0;
        const int *genes;
        while (n < BATCH && r->n < want &&
               a->ask(state, &id[n], &genes) == HAQ_ASK_GIVEN) {
            memcpy(r->genes[r->n], genes, sizeof r->genes[0]);
            problem(genes, r->f[r->n], &r->violation[r->n]);
            r->n++, n++;
        }
        if (!n)
            break;
        size_t order[BATCH];
        for (size_t i = 0; i < n; i++)
            order[i] = i;
        for (size_t i = n; shuffle && i > 1; i--) {
            size_t j = (size_t)(next_random(&shuffle) % i), t = order[j];
            order[j] = order[i - 1], order[i - 1] = t;
        }
        for (size_t i = 0; i < n; i++)
            a->tell(state, id[order[i]], r->f[first + order[i]],
                    r->violation[first + order[i]]);
    }
    a->end(state);
}

static struct record one, two;

static void nsga2_finds_the_front_of_zdt1(void)
{
    struct haq_algo_config c = config(CARDINALITY, 7);
    bool found[CARDINALITY] = {false};
    run("nsga2", &c, zdt1, 4000, 0, &one);
    for (size_t i = 0; i < one.n; i++) {
        double want = 1 - sqrt(one.f[i][0]);
        if (fabs(one.f[i][1] - want) < 1e-9)
            found[one.genes[i][0]] = true;
    }
    for (int i = 0; i < CARDINALITY; i++)
        CU_ASSERT(found[i]);
}

static void nsga2_finds_every_point_of_a_long_discrete_front(void)
{
    struct haq_algo_config c = config(3, 3);
    bool found[GENES + 1] = {false};
    run("nsga2", &c, lotz, 8000, 0, &one);
    for (size_t i = 0; i < one.n; i++)
        if (one.f[i][0] + one.f[i][1] == -GENES)
            found[(int)-one.f[i][0]] = true;
    for (int i = 0; i <= GENES; i++)
        CU_ASSERT(found[i]);
}

/* Points of the front of ZDT1 among the first n. */
static size_t found_of_zdt1(const struct record *r)
{
    bool found[CARDINALITY] = {false};
    size_t sum = 0;
    for (size_t i = 0; i < r->n; i++)
        found[r->genes[i][0]] |=
            fabs(r->f[i][1] - (1 - sqrt(r->f[i][0]))) < 1e-9;
    for (int i = 0; i < CARDINALITY; i++)
        sum += found[i];
    return sum;
}

static void every_search_that_learns_finds_the_front_of_zdt1(void)
{
    static const struct {
        const char *name;
        size_t vectors;
    } row[] = {{"annealing", 4000}, {"greedy", 600}, {"surrogate", 700}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct haq_algo_config c = config(CARDINALITY, 7);
        run(row[i].name, &c, zdt1, row[i].vectors, 0, &one);
        CU_ASSERT(found_of_zdt1(&one) == CARDINALITY);
    }
}

/* Every gene a layer: each of its four steps up halves what it loses, and costs
 * as much as the one before: the trade of a layer is convex. */
static void layers(const int *x, double *f, double *violation)
{
    f[0] = f[1] = *violation = 0;
    for (int i = 0; i < GENES; i++) {
        f[0] += (1 + 0.37 * i) * exp2(-x[i]);
        f[1] += (3 + i % 4) * x[i];
    }
}

static void greedy_walks_the_hull_of_an_additive_convex_problem(void)
{
    struct haq_algo_config c = config(5, 1);
    run("greedy", &c, layers, 1 + GENES * 4 + GENES * 4, 0, &one);
    for (double price = 0.001; price < 1; price *= 1.5) {
        double best = INFINITY, optimum = 0;
        for (int i = 0; i < GENES; i++) {
            double least = INFINITY;
            for (int v = 0; v < 5; v++)
                least = fmin(least, (1 + 0.37 * i) * exp2(-v) +
                                        price * (3 + i % 4) * v);
            optimum += least;
        }
        for (size_t i = 0; i < one.n; i++)
            best = fmin(best, one.f[i][0] + price * one.f[i][1]);
        CU_ASSERT_DOUBLE_EQUAL(best, optimum, 1e-9);
    }
}

static void a_model_saves_most_of_the_evaluations(void)
{
    struct haq_algo_config c = config(CARDINALITY, 3);
    run("nsga2", &c, zdt1, 600, 0, &one);
    run("surrogate", &c, zdt1, 150, 0, &two);
    CU_ASSERT(found_of_zdt1(&two) > found_of_zdt1(&one));
}

static void one_objective_is_a_search_as_well(void)
{
    for (const struct haq_algo *a = haq_algos; a->name; a++) {
        struct haq_algo_config c = config(3, 5);
        double best = INFINITY;
        c.objectives = 1;
        run(a->name, &c, layers, 1000, 0, &one);
        for (size_t i = 0; i < one.n; i++)
            best = fmin(best, one.f[i][0]);
        CU_ASSERT(one.n == 1000);
        double least = GENES * (1 + 0.37 * (GENES - 1) / 2) / 4;
        if (strcmp(a->name, "random"))
            CU_ASSERT_DOUBLE_EQUAL(best, least, 1e-9);
    }
}

static void random_search_is_worse_than_nsga2(void)
{
    struct haq_algo_config c = config(CARDINALITY, 7);
    double sum[2];
    for (int k = 0; k < 2; k++) {
        run(k ? "nsga2" : "random", &c, zdt1, 2000, 0, &one);
        sum[k] = INFINITY;
        for (size_t i = 0; i < one.n; i++)
            sum[k] = fmin(sum[k], one.f[i][0] + one.f[i][1]);
    }
    CU_ASSERT(sum[1] < sum[0]);
}

static void constraints_are_kept_once_they_can_be(void)
{
    static const struct {
        const char *name;
        size_t vectors;
    } row[] = {{"nsga2", 4000}, {"annealing", 4000}, {"surrogate", 700}};
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        struct haq_algo_config c = config(CARDINALITY, 5);
        double best = INFINITY;
        run(row[k].name, &c, constrained, row[k].vectors, 0, &one);
        for (size_t i = 0; i < one.n; i++)
            if (one.violation[i] <= 0 && one.genes[i][0] == 0)
                best = fmin(best, one.f[i][1]);
        /* Three genes at their smallest step: g = 1 + 9 * 3/8 / 11. */
        CU_ASSERT_DOUBLE_EQUAL(best, 1 + 9 * (3 / 8.0) / 11, 1e-9);
    }
}

static void every_row_is_deterministic_whatever_the_order_of_tells(void)
{
    for (const struct haq_algo *a = haq_algos; a->name; a++) {
        struct haq_algo_config c = config(CARDINALITY, 11);
        run(a->name, &c, zdt1, 800, 0, &one);
        run(a->name, &c, zdt1, 800, 99, &two);
        CU_ASSERT(one.n == two.n);
        CU_ASSERT(!memcmp(one.genes, two.genes, one.n * sizeof one.genes[0]));
        c.seed = 12;
        run(a->name, &c, zdt1, 800, 0, &two);
        CU_ASSERT(memcmp(one.genes, two.genes, one.n * sizeof one.genes[0]));
    }
}

static void every_row_proposes_the_seeds_first_and_nothing_twice(void)
{
    int seeds[3][GENES] = {{1, 2, 3}, {4, 5, 6}, {1, 2, 3}};
    for (const struct haq_algo *a = haq_algos; a->name; a++) {
        struct haq_algo_config c = config(CARDINALITY, 2);
        c.seeds = seeds[0];
        c.n_seeds = 3;
        run(a->name, &c, zdt1, 1000, 0, &one);
        CU_ASSERT(!memcmp(one.genes[0], seeds[0], sizeof seeds[0]));
        CU_ASSERT(!memcmp(one.genes[1], seeds[1], sizeof seeds[1]));
        size_t twins = 0;
        for (size_t i = 0; i < one.n; i++)
            for (size_t j = 0; j < i; j++)
                twins +=
                    !memcmp(one.genes[i], one.genes[j], sizeof one.genes[0]);
        CU_ASSERT(!twins);
    }
}

/* Genes behind the first are worthless when it is 0. */
static void collapse(const void *arg, int *genes)
{
    (void)arg;
    if (!genes[0])
        memset(genes, 0, GENES * sizeof *genes);
}

static void equal_vectors_are_proposed_in_one_form_only(void)
{
    for (const struct haq_algo *a = haq_algos; a->name; a++) {
        struct haq_algo_config c = config(3, 2);
        size_t zero = 0;
        c.canonical = collapse;
        run(a->name, &c, zdt1, 800, 0, &one);
        for (size_t i = 0; i < one.n; i++)
            zero += !one.genes[i][0];
        CU_ASSERT(one.n == 800 && zero == 1);
    }
}

static void a_small_space_is_walked_to_its_end(void)
{
    for (const struct haq_algo *a = haq_algos; a->name; a++) {
        struct haq_algo_config c = config(1, 2);
        cardinality[3] = 4, cardinality[7] = 5;
        run(a->name, &c, zdt1, 1000, 0, &one);
        CU_ASSERT(one.n == 20);
    }
}

static void not_a_number(const int *x, double *f, double *violation)
{
    zdt1(x, f, violation);
    if (x[1] % 2)
        f[1] = NAN;
    if (x[2] % 2)
        *violation = NAN;
}

static void candidates_without_a_number_lose(void)
{
    struct haq_algo_config c = config(CARDINALITY, 4);
    run("nsga2", &c, not_a_number, 3000, 0, &one);
    size_t odd = 0;
    for (size_t i = one.n - 400; i < one.n; i++)
        odd += one.genes[i][1] % 2 || one.genes[i][2] % 2;
    CU_ASSERT(odd < 160);
}

static void an_unknown_algorithm_is_refused_with_a_list(void)
{
    const struct haq_algo *a = NULL;
    struct haq_diag d = {0};
    CU_ASSERT(haq_algo_find(&a, "simplex", &d) == HAQ_USAGE);
    CU_ASSERT(strstr(d.text, "nsga2") && strstr(d.text, "random"));
}

/* ---- dominance ------------------------------------------------------------*/

static void ranks_equal_peeling_by_hand(void)
{
    double f[60 * 3], violation[60];
    size_t rank[60], scratch[60], peeled[60];
    uint64_t seed = 5;
    for (int i = 0; i < 60 * 3; i++)
        f[i] = (double)(next_random(&seed) % 7);
    for (int i = 0; i < 60; i++)
        violation[i] = (double)(next_random(&seed) % 3) - 1;
    haq_front_ranks(f, violation, 60, 3, rank, scratch);
    for (int i = 0; i < 60; i++)
        peeled[i] = 60;
    for (size_t front = 0, left = 60; left; front++) {
        bool now[60] = {false};
        for (int i = 0; i < 60; i++) {
            now[i] = peeled[i] == 60;
            for (int j = 0; j < 60 && now[i]; j++)
                now[i] =
                    peeled[j] != 60 || !haq_beats(f + 3 * j, violation[j],
                                                  f + 3 * i, violation[i], 3);
        }
        for (int i = 0; i < 60; i++)
            if (now[i])
                peeled[i] = front, left--;
    }
    CU_ASSERT(!memcmp(rank, peeled, sizeof rank));
}

static void crowding_is_as_deb_defines_it(void)
{
    /* Five points on a line with gaps 1, 2, 3, 4 in both objectives. */
    const double f[] = {0, 10, 1, 9, 3, 7, 6, 4, 10, 0};
    const size_t index[] = {0, 1, 2, 3, 4};
    double d[5];
    struct haq_keyed scratch[5];
    haq_crowding(f, 2, index, 5, d, scratch);
    CU_ASSERT(isinf(d[0]) && isinf(d[4]));
    CU_ASSERT_DOUBLE_EQUAL(d[1], 0.6, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(d[2], 1.0, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(d[3], 1.4, 1e-12);
}

static void deb_s_rule_orders_feasible_and_infeasible(void)
{
    const double good[] = {5, 5}, better[] = {1, 1};
    CU_ASSERT(haq_beats(better, 0, good, 0, 2));
    CU_ASSERT(haq_beats(good, 0, better, 0.1, 2));
    CU_ASSERT(haq_beats(good, 0.1, better, 0.2, 2));
    CU_ASSERT(!haq_beats(good, INFINITY, better, INFINITY, 2));
    CU_ASSERT(!haq_beats(good, 0, good, 0, 2));
}

/* ---- ddpg -----------------------------------------------------------------*/

/* Every gene loses in its own way when it is narrow. */
static void losses(const int *x, double *f, double *violation)
{
    f[0] = f[1] = 0;
    for (int i = 0; i < GENES; i++) {
        f[0] += (i % 3 ? 0.2 : 3) * (CARDINALITY - 1 - x[i]);
        f[1] += x[i];
    }
    *violation = 0;
}

static double width(const int *x)
{
    double sum = 0;
    for (int i = 0; i < GENES; i++)
        sum += x[i] / (double)(CARDINALITY - 1) / GENES;
    return sum;
}

/* Three agents take turns behind the two ends. */
static void agents_keep_to_their_budgets(void)
{
    static const double budget[] = {0.75, 0.556, 0.35};
    struct haq_algo_config c = config(CARDINALITY, 5);
    run("ddpg", &c, losses, 200, 0, &one);
    for (size_t i = 2; i < one.n; i++)
        CU_ASSERT(width(one.genes[i]) <= budget[(i - 2) % 3] + 1e-12);
}

static double mean_loss(size_t first, size_t n)
{
    double sum = 0;
    for (size_t i = first; i < first + n; i++)
        sum += one.f[i][0] / (double)n;
    return sum;
}

static void agents_learn_which_genes_to_keep_wide(void)
{
    struct haq_algo_config c = config(CARDINALITY, 2);
    c.hidden = 48;
    run("ddpg", &c, losses, 450, 0, &one);
    /* The warm-up's 63 vectors are random. */
    CU_ASSERT(mean_loss(one.n - 180, 180) < 0.85 * mean_loss(2, 60));
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(nsga2_finds_the_front_of_zdt1),
        HAQ_TEST(nsga2_finds_every_point_of_a_long_discrete_front),
        HAQ_TEST(every_search_that_learns_finds_the_front_of_zdt1),
        HAQ_TEST(greedy_walks_the_hull_of_an_additive_convex_problem),
        HAQ_TEST(a_model_saves_most_of_the_evaluations),
        HAQ_TEST(one_objective_is_a_search_as_well),
        HAQ_TEST(random_search_is_worse_than_nsga2),
        HAQ_TEST(constraints_are_kept_once_they_can_be),
        HAQ_TEST(every_row_is_deterministic_whatever_the_order_of_tells),
        HAQ_TEST(every_row_proposes_the_seeds_first_and_nothing_twice),
        HAQ_TEST(equal_vectors_are_proposed_in_one_form_only),
        HAQ_TEST(a_small_space_is_walked_to_its_end),
        HAQ_TEST(candidates_without_a_number_lose),
        HAQ_TEST(an_unknown_algorithm_is_refused_with_a_list),
        HAQ_TEST(ranks_equal_peeling_by_hand),
        HAQ_TEST(crowding_is_as_deb_defines_it),
        HAQ_TEST(deb_s_rule_orders_feasible_and_infeasible),
        HAQ_TEST(agents_keep_to_their_budgets),
        HAQ_TEST(agents_learn_which_genes_to_keep_wide),
        CU_TEST_INFO_NULL,
    };
    return run_suite("algo", tests);
}
