/* Exact allocation against every choice there is, and what it says when there
 * is none. */
#include "search/allocate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

enum { LAYERS = 7, OPTIONS = 4, LIMITS = 3 };

static const char *const names[LIMITS] = {"size", "latency", "energy"};

struct instance {
    double damage[LAYERS * OPTIONS];
    double cost[LIMITS * LAYERS * OPTIONS];
    double limit[LIMITS];
    size_t group[LAYERS];
    struct haq_allocation_problem p;
};

static size_t below(uint64_t *seed, size_t n)
{
    return (size_t)(next_random(seed) % n);
}

/* Whole numbers now and then, so that sums tie and meet limits exactly. */
static double number(uint64_t *seed, bool whole)
{
    double u = (double)(next_random(seed) >> 11) / (double)(1ull << 53);
    return whole ? floor(9 * u) : u;
}

static void make(struct instance *t, uint64_t *seed)
{
    size_t layers = 1 + below(seed, LAYERS), options = 1 + below(seed, OPTIONS);
    size_t limits = below(seed, LIMITS + 1);
    bool whole = below(seed, 2), tied = below(seed, 2);

    for (size_t i = 0; i < layers * options; i++)
        t->damage[i] = below(seed, 12) ? number(seed, whole) : INFINITY;
    for (size_t l = 0; l < layers; l++) { /* something is offered */
        t->damage[l * options] = number(seed, whole);
        t->group[l] = tied ? below(seed, layers) : l;
    }
    for (size_t i = 0; i < limits * layers * options; i++)
        t->cost[i] = number(seed, whole);
    for (size_t m = 0; m < limits; m++)
        t->limit[m] = (double)layers * number(seed, whole) *
                      (whole ? 1 : (double)(1 + below(seed, 2)));
    t->p = (struct haq_allocation_problem){.layers = layers,
                                           .options = options,
                                           .limits = limits,
                                           .damage = t->damage,
                                           .cost = t->cost,
                                           .limit = t->limit,
                                           .group = t->group,
                                           .limit_name = names};
}

/* Damage of a choice; INFINITY when it breaks a tie or a limit. */
static double value_of(const struct haq_allocation_problem *p,
                       const size_t *choice)
{
    double damage = 0;
    for (size_t l = 0; l < p->layers; l++) {
        damage += p->damage[l * p->options + choice[l]];
        for (size_t k = 0; p->group && k < l; k++)
            if (p->group[k] == p->group[l] && choice[k] != choice[l])
                return INFINITY;
    }
    for (size_t m = 0; m < p->limits; m++) {
        double sum = 0;
        for (size_t l = 0; l < p->layers; l++)
            sum += p->cost[(m * p->layers + l) * p->options + choice[l]];
        if (sum > p->limit[m] + 1e-9)
            return INFINITY;
    }
    return damage;
}

static double least_of_all(const struct haq_allocation_problem *p)
{
    size_t choice[LAYERS] = {0}, at = 0;
    double least = INFINITY;
    while (at < p->layers) {
        least = fmin(least, value_of(p, choice));
        for (at = 0; at < p->layers && ++choice[at] == p->options; at++)
            choice[at] = 0;
    }
    return least;
}

static void it_finds_what_trying_everything_finds(void)
{
    size_t feasible = 0, infeasible = 0;
    for (uint64_t s = 1; s <= 4000; s++) {
        struct instance t;
        size_t choice[LAYERS];
        struct haq_allocation a = {.choice = choice};
        struct haq_diag d = {0};
        uint64_t seed = s;
        make(&t, &seed);
        double want = least_of_all(&t.p);
        haq_status status = haq_allocate(&a, &t.p, &d);
        if (isinf(want)) {
            CU_ASSERT_EQUAL(status, HAQ_INVALID);
            CU_ASSERT(strlen(d.text) > 0);
            infeasible++;
            continue;
        }
        feasible++;
        bool right = status == HAQ_OK && a.optimal &&
                     fabs(a.damage - want) <= 1e-9 &&
                     fabs(value_of(&t.p, choice) - want) <= 1e-9;
        CU_ASSERT(right);
        if (!right)
            printf("\n    seed %llu: %g, not %g\n", (unsigned long long)s,
                   a.damage, want);
    }
    CU_ASSERT(feasible > 1000 && infeasible > 300);
}

/* As many layers and formats as networks have; the bound does the work. */
static void large_tables_take_no_time_to_speak_of(void)
{
    enum { MANY = 160, FORMATS = 7 };
    static double damage[MANY * FORMATS], cost[2 * MANY * FORMATS];
    static size_t choice[MANY];
    static const double limit[2] = {MANY * 4.2, MANY * 0.9};
    uint64_t seed = 3;

    for (size_t l = 0; l < MANY; l++) {
        double size = 0.1 + number(&seed, false), harm = number(&seed, false);
        for (size_t o = 0; o < FORMATS; o++) {
            double bits = (double)(2 + o);
            damage[l * FORMATS + o] = harm * pow(4, -bits);
            cost[l * FORMATS + o] = size * bits * 2;
            cost[(MANY + l) * FORMATS + o] = size * (0.8 + 0.1 * bits);
        }
    }
    struct haq_allocation_problem p = {.layers = MANY,
                                       .options = FORMATS,
                                       .limits = 2,
                                       .damage = damage,
                                       .cost = cost,
                                       .limit = limit,
                                       .limit_name = names,
                                       .max_nodes = 200000};
    struct haq_allocation a = {.choice = choice};
    CU_ASSERT_EQUAL(haq_allocate(&a, &p, NULL), HAQ_OK);
    CU_ASSERT(a.optimal);
}

static void a_search_cut_short_says_so(void)
{
    static const double damage[] = {0, 5, 0, 6, 0, 7, 0, 9};
    static const double cost[] = {5, 1, 6, 1, 7, 1, 9, 1}, limit[] = {15};
    size_t choice[4];
    struct haq_allocation_problem p = {.layers = 4,
                                       .options = 2,
                                       .limits = 1,
                                       .damage = damage,
                                       .cost = cost,
                                       .limit = limit,
                                       .limit_name = names,
                                       .max_nodes = 1};
    struct haq_allocation a = {.choice = choice};
    CU_ASSERT_EQUAL(haq_allocate(&a, &p, NULL), HAQ_OK);
    CU_ASSERT(!a.optimal);
    CU_ASSERT(a.bound <= a.damage);
    p.max_nodes = 0;
    CU_ASSERT_EQUAL(haq_allocate(&a, &p, NULL), HAQ_OK);
    CU_ASSERT(a.optimal);
    CU_ASSERT_DOUBLE_EQUAL(a.damage, value_of(&p, choice), 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(a.damage, least_of_all(&p), 1e-12);
}

/* The reference sheet's example. */
static void the_published_example_comes_out(void)
{
    static const double damage[] = {9, 4, 1, 8, 3, 1, 2, 1, 0.5};
    static const double cost[] = {1, 2, 4, 2, 3, 5, 1, 2, 3}, limit[] = {7};
    size_t choice[3];
    struct haq_allocation_problem p = {.layers = 3,
                                       .options = 3,
                                       .limits = 1,
                                       .damage = damage,
                                       .cost = cost,
                                       .limit = limit,
                                       .limit_name = names};
    struct haq_allocation a = {.choice = choice};
    CU_ASSERT_EQUAL(haq_allocate(&a, &p, NULL), HAQ_OK);
    CU_ASSERT_DOUBLE_EQUAL(a.damage, 8, 1e-12);
    CU_ASSERT(choice[0] == 1 && choice[1] == 1 && choice[2] == 1);
}

static void what_cannot_be_is_explained(void)
{
    static const double damage[] = {1, 2, 1, 2};
    static const double cost[] = {4, 1, 4, 1, /* latency */ 1, 4, 1, 4};
    double limit[] = {1.5, 100};
    size_t choice[2];
    struct haq_diag d = {0};
    struct haq_allocation_problem p = {.layers = 2,
                                       .options = 2,
                                       .limits = 2,
                                       .damage = damage,
                                       .cost = cost,
                                       .limit = limit,
                                       .limit_name = names};
    struct haq_allocation a = {.choice = choice};
    CU_ASSERT_EQUAL(haq_allocate(&a, &p, &d), HAQ_INVALID);
    CU_ASSERT(strstr(d.text, "limit size=1.5") && strstr(d.text, "costs 2"));
    limit[0] = limit[1] = 4;
    CU_ASSERT_EQUAL(haq_allocate(&a, &p, &d), HAQ_INVALID);
    CU_ASSERT(strstr(d.text, "together") != NULL);
    limit[0] = limit[1] = 5;
    CU_ASSERT_EQUAL(haq_allocate(&a, &p, &d), HAQ_OK);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(it_finds_what_trying_everything_finds),
        HAQ_TEST(large_tables_take_no_time_to_speak_of),
        HAQ_TEST(a_search_cut_short_says_so),
        HAQ_TEST(the_published_example_comes_out),
        HAQ_TEST(what_cannot_be_is_explained),
        CU_TEST_INFO_NULL,
    };
    return run_suite("allocate", tests);
}
