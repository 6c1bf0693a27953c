#include "search/seeds.h"

#include <math.h>
#include <string.h>

#include "search/knapsack.h"
#include "tests/search/sim.h"

enum { LAYERS = 5, OPTIONS = 4, ALL = 1024 }; /* 4^5 */

static double sum(const double *table, const size_t *choice)
{
    double s = 0;
    for (size_t l = 0; l < LAYERS; l++)
        s += table[l * OPTIONS + choice[l]];
    return s;
}

static void random_problem(uint64_t *seed, double *damage, double *cost)
{
    for (int i = 0; i < LAYERS * OPTIONS; i++) {
        damage[i] = (double)(next_random(seed) % 100);
        cost[i] = (double)(next_random(seed) % 100);
        if (next_random(seed) % 10 == 0)
            damage[i] = INFINITY;
    }
    for (int l = 0; l < LAYERS; l++) /* one option is always there */
        damage[l * OPTIONS] = 50;
}

/* Least damage for at most this cost, by trying everything. */
static double brute_force(const double *damage, const double *cost, double most)
{
    double best = INFINITY;
    for (size_t code = 0; code < ALL; code++) {
        size_t choice[LAYERS];
        for (size_t l = 0; l < LAYERS; l++)
            choice[l] = code >> 2 * l & 3;
        if (sum(cost, choice) <= most + 1e-9)
            best = fmin(best, sum(damage, choice));
    }
    return best;
}

static void every_solution_of_a_sweep_is_optimal_for_its_cost(void)
{
    uint64_t seed = 8;
    for (int trial = 0; trial < 50; trial++) {
        double damage[LAYERS * OPTIONS], cost[LAYERS * OPTIONS];
        size_t choice[12 * LAYERS];
        random_problem(&seed, damage, cost);
        struct haq_knapsack k = {LAYERS, OPTIONS, damage, cost};
        CU_ASSERT(haq_knapsack_sweep(&k, 12, choice));
        for (size_t i = 0; i < 12; i++) {
            const size_t *c = choice + i * LAYERS;
            CU_ASSERT_DOUBLE_EQUAL(
                sum(damage, c), brute_force(damage, cost, sum(cost, c)), 1e-9);
            CU_ASSERT(!i || sum(cost, c) <= sum(cost, c - LAYERS) + 1e-9);
        }
        /* From the least damage of all to the least cost of all. */
        double least = 0;
        for (int l = 0; l < LAYERS; l++) {
            double low = INFINITY;
            for (int o = 0; o < OPTIONS; o++)
                if (isfinite(damage[l * OPTIONS + o]))
                    low = fmin(low, cost[l * OPTIONS + o]);
            least += low;
        }
        CU_ASSERT_DOUBLE_EQUAL(sum(damage, choice),
                               brute_force(damage, cost, INFINITY), 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(sum(cost, choice + 11 * LAYERS), least, 1e-9);
    }
}

/* ---- space ----------------------------------------------------------------*/

static void recipes_and_genes_are_the_same_thing(void)
{
    struct sim m;
    struct haq_space s;
    uint64_t seed = 1;
    sim_init(&m);
    CU_ASSERT_FATAL(
        !haq_space_init(&s, &m.layers, 0, true, "", "minmax", NULL));
    int *genes = calloc(s.genes, sizeof *genes);
    int *back = calloc(s.genes, sizeof *back);
    for (int trial = 0; trial < 200; trial++) {
        struct haq_recipe r;
        size_t bytes = (size_t)m.layers.other_bytes;
        for (size_t i = 0; i < s.genes; i++)
            genes[i] = (int)(next_random(&seed) % (uint64_t)s.cardinality[i]);
        haq_space_canonical(&s, genes);
        struct haq_choice choice[SIM_LAYERS];
        haq_space_choices(&s, genes, choice);
        CU_ASSERT(haq_space_holds(&s, choice));
        CU_ASSERT_FATAL(!haq_space_recipe(&s, choice, &r, NULL));
        CU_ASSERT(!haq_space_genes(&s, &r, back, NULL));
        CU_ASSERT(!memcmp(genes, back, s.genes * sizeof *genes));
        for (size_t l = 0; l < m.layers.n; l++)
            bytes += haq_space_bytes(&s, l, haq_space_get(&s, l, genes));
        CU_ASSERT(bytes == haq_recipe_size_bytes(&r, &m.layers));
        haq_recipe_fini(&r);
    }
    free(genes);
    free(back);
    haq_space_fini(&s);
}

static void a_space_offers_what_a_layer_can_be(void)
{
    struct sim m;
    struct haq_space s;
    sim_init(&m);
    m.layer[0].reduction = 27; /* no group of 32 fits */
    CU_ASSERT_FATAL(
        !haq_space_init(&s, &m.layers, 0, false, "", "minmax", NULL));
    struct haq_choice c = {HAQ_WEIGHT_INT4, HAQ_GRAIN_GROUP, HAQ_ACT_DYNAMIC};
    CU_ASSERT(!haq_space_offers(&s, 0, c));
    CU_ASSERT(haq_space_offers(&s, 1, c));
    c.act = HAQ_ACT_STATIC; /* nothing was calibrated */
    CU_ASSERT(!haq_space_offers(&s, 1, c));
    c = (struct haq_choice){HAQ_WEIGHT_FLOAT, 0, HAQ_ACT_DYNAMIC};
    CU_ASSERT(!haq_space_offers(&s, 1, c));
    haq_space_fini(&s);
    m.layers.n = 0;
    struct haq_diag d = {0};
    CU_ASSERT(haq_space_init(&s, &m.layers, 0, false, "", "", &d) ==
              HAQ_INVALID);
}

static void a_space_holds_the_formats_asked_for_and_its_references(void)
{
    static const struct {
        const char *list;
        int weights;
        bool has[HAQ_WEIGHT_VALUES];
    } want[] = {
        {"ternary", 3, {0, 1, 0, 0, 0, 0, 0, 0, 1, 1}},
        {"int4,binary,int2", 5, {1, 0, 1, 0, 1, 0, 0, 0, 1, 1}},
        {"int8,float", 2, {0, 0, 0, 0, 0, 0, 0, 0, 1, 1}},
    };
    struct haq_diag d = {0};
    unsigned formats;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct sim m;
        struct haq_space s;
        sim_init(&m);
        CU_ASSERT_FATAL(!haq_space_formats_parse(&formats, want[i].list, NULL));
        CU_ASSERT_FATAL(
            !haq_space_init(&s, &m.layers, formats, true, "", "minmax", NULL));
        CU_ASSERT_EQUAL(s.weights, want[i].weights);
        CU_ASSERT_EQUAL(s.cardinality[HAQ_GENE_WEIGHT], want[i].weights);
        for (int w = 0; w < HAQ_WEIGHT_VALUES; w++) {
            struct haq_choice c = {w, HAQ_GRAIN_CHANNEL,
                                   w == HAQ_WEIGHT_FLOAT ? HAQ_ACT_FLOAT
                                                         : HAQ_ACT_STATIC};
            int genes[SIM_LAYERS * HAQ_GENES_PER_LAYER];
            CU_ASSERT_EQUAL(haq_space_has(&s, w), want[i].has[w]);
            CU_ASSERT_EQUAL(haq_space_offers(&s, 1, c), want[i].has[w]);
            /* What is not offered becomes the next wider format. */
            haq_space_fill(&s, c, genes);
            CU_ASSERT(haq_space_get(&s, 1, genes).weight >= w);
        }
        haq_space_fini(&s);
    }
    static const char *const bad[] = {"", "int9", "int8,", "uint4", "int4:g"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT_EQUAL(haq_space_formats_parse(&formats, bad[i], &d),
                        HAQ_USAGE);
    CU_ASSERT(strstr(d.text, "int4:g") && strstr(d.text, "ternary"));
}

static void a_recipe_from_elsewhere_is_refused_by_layer(void)
{
    struct sim m;
    struct haq_space s;
    struct haq_recipe r;
    struct haq_weight_spec w;
    struct haq_act_spec a;
    struct haq_diag d = {0};
    int genes[SIM_LAYERS * HAQ_GENES_PER_LAYER];
    sim_init(&m);
    CU_ASSERT_FATAL(
        !haq_space_init(&s, &m.layers, 0, true, "", "minmax", NULL));
    CU_ASSERT(!haq_weight_spec_parse(&w, "uint4:group64", NULL));
    CU_ASSERT(!haq_act_spec_parse(&a, "float", NULL));
    CU_ASSERT(!haq_recipe_uniform(&r, &m.layers, &w, &a, NULL));
    CU_ASSERT(haq_space_genes(&s, &r, genes, &d) == HAQ_UNSUPPORTED);
    CU_ASSERT(strstr(d.text, "conv1") != NULL);
    haq_recipe_fini(&r);
    haq_space_fini(&s);
}

/* ---- damage ---------------------------------------------------------------*/

static double at(const double *damage, size_t layer, struct haq_choice c)
{
    for (size_t o = 0; o < HAQ_OPTIONS; o++) {
        struct haq_choice x = haq_choice_at(o);
        if (x.weight == c.weight && x.grain == c.grain && x.act == c.act)
            return damage[layer * HAQ_OPTIONS + o];
    }
    return NAN;
}

static void damages_between_probes_follow_the_law(void)
{
    struct sim m;
    struct haq_space s;
    double probe[SIM_LAYERS * HAQ_PROBES], damage[SIM_LAYERS * HAQ_OPTIONS];
    sim_init(&m);
    CU_ASSERT_FATAL(
        !haq_space_init(&s, &m.layers, 0, true, "", "minmax", NULL));
    for (int i = 0; i < SIM_LAYERS * HAQ_PROBES; i++)
        probe[i] = NAN;
    /* In the order of haq_probes; ternary and binary were not probed. */
    const double exact[] = {pow(4, -2), pow(4, -3),     pow(4, -4),
                            pow(4, -6), pow(4, -3) / 2, pow(4, -8) + 0.01};
    memcpy(probe, exact, sizeof exact);
    probe[HAQ_PROBES + 2] = pow(4, -4); /* layer 1: int4 alone */
    haq_damage_table(&s, probe, damage);
    for (int w = HAQ_WEIGHT_INT2; w < HAQ_WEIGHT_FLOAT; w++) {
        struct haq_choice c = {w, HAQ_GRAIN_CHANNEL, HAQ_ACT_FLOAT};
        double law = pow(4, -haq_choice_format(c)->bits);
        CU_ASSERT_DOUBLE_EQUAL(at(damage, 0, c), law, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(at(damage, 1, c), law, 1e-12);
        c.act = HAQ_ACT_STATIC;
        CU_ASSERT_DOUBLE_EQUAL(at(damage, 0, c), law + 0.01, 1e-12);
    }
    struct haq_choice f = {HAQ_WEIGHT_FLOAT, 0, HAQ_ACT_FLOAT};
    CU_ASSERT(at(damage, 0, f) == 0);
    f.act = HAQ_ACT_STATIC;
    CU_ASSERT(isinf(at(damage, 0, f)));
    /* A layer without a probe behaves like the others on average. */
    struct haq_choice c = {HAQ_WEIGHT_INT4, HAQ_GRAIN_CHANNEL, HAQ_ACT_FLOAT};
    CU_ASSERT_DOUBLE_EQUAL(at(damage, 7, c), pow(4, -4), 1e-12);
    haq_space_fini(&s);
}

/* A search that may use nothing but fitted formats and int8 probes those. */
static void fitted_formats_have_damages_of_their_own(void)
{
    struct sim m;
    struct haq_space s;
    unsigned formats;
    double probe[SIM_LAYERS * HAQ_PROBES], damage[SIM_LAYERS * HAQ_OPTIONS];
    sim_init(&m);
    CU_ASSERT_FATAL(!haq_space_formats_parse(&formats, "ternary,binary", NULL));
    CU_ASSERT_FATAL(
        !haq_space_init(&s, &m.layers, formats, true, "", "minmax", NULL));
    for (int i = 0; i < SIM_LAYERS * HAQ_PROBES; i++)
        probe[i] = NAN;
    for (int p = 0; p < HAQ_PROBES; p++) {
        probe[p] = haq_probes[p].weight == HAQ_WEIGHT_TERNARY  ? 0.25
                   : haq_probes[p].weight == HAQ_WEIGHT_BINARY ? 0.75
                                                               : NAN;
    }
    haq_damage_table(&s, probe, damage);
    struct haq_choice c = {HAQ_WEIGHT_TERNARY, HAQ_GRAIN_CHANNEL,
                           HAQ_ACT_FLOAT};
    CU_ASSERT_DOUBLE_EQUAL(at(damage, 0, c), 0.25, 1e-12);
    c.weight = HAQ_WEIGHT_BINARY;
    CU_ASSERT_DOUBLE_EQUAL(at(damage, 0, c), 0.75, 1e-12);
    c.weight = HAQ_WEIGHT_INT8;
    CU_ASSERT(at(damage, 0, c) > 0 && at(damage, 0, c) < 0.01);
    c.weight = HAQ_WEIGHT_INT4; /* not to be used */
    CU_ASSERT(isinf(at(damage, 0, c)));
    haq_space_fini(&s);
}

static void seeds_without_any_measurement_still_exist(void)
{
    struct sim m;
    struct haq_space s;
    double probe[SIM_LAYERS * HAQ_PROBES], damage[SIM_LAYERS * HAQ_OPTIONS];
    int *genes = NULL;
    size_t n = 0;
    sim_init(&m);
    CU_ASSERT_FATAL(
        !haq_space_init(&s, &m.layers, 0, true, "", "minmax", NULL));
    for (int i = 0; i < SIM_LAYERS * HAQ_PROBES; i++)
        probe[i] = NAN;
    haq_damage_table(&s, probe, damage);
    CU_ASSERT(!haq_seeds_make(&s, damage, NULL, 8, &genes, &n, NULL));
    CU_ASSERT(n == 8);
    for (size_t l = 0; l < SIM_LAYERS; l++) {
        CU_ASSERT(haq_space_get(&s, l, genes).weight == HAQ_WEIGHT_FLOAT);
        CU_ASSERT(haq_space_get(&s, l, genes + 7 * s.genes).weight ==
                  HAQ_WEIGHT_INT2);
    }
    free(genes);
    haq_space_fini(&s);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_solution_of_a_sweep_is_optimal_for_its_cost),
        HAQ_TEST(recipes_and_genes_are_the_same_thing),
        HAQ_TEST(a_space_offers_what_a_layer_can_be),
        HAQ_TEST(a_space_holds_the_formats_asked_for_and_its_references),
        HAQ_TEST(a_recipe_from_elsewhere_is_refused_by_layer),
        HAQ_TEST(damages_between_probes_follow_the_law),
        HAQ_TEST(fitted_formats_have_damages_of_their_own),
        HAQ_TEST(seeds_without_any_measurement_still_exist),
        CU_TEST_INFO_NULL,
    };
    return run_suite("seeds", tests);
}
