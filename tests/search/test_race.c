#include "search/race.h"

#include <math.h>
#include <string.h>

#include "tests/search/sim.h"

/* ---- the bets -------------------------------------------------------------*/

static const size_t looks[] = {128, 384, 1024};
enum { LOOKS = 3, RACES = 4000 };

/* Share of races that are called lost at one of the looks, when a sample is
 * lost and gained with these probabilities. */
static double called(double lose, double gain, double margin, double alpha)
{
    uint64_t seed = 77;
    size_t out = 0;
    for (int race = 0; race < RACES; race++) {
        size_t lost = 0, gained = 0, n = 0;
        bool over = false;
        for (int k = 0; k < LOOKS; k++) {
            for (; n < looks[k]; n++) {
                double u = (double)(next_random(&seed) >> 11) * 0x1p-53;
                lost += u < lose;
                gained += u >= lose && u < lose + gain;
            }
            over = over ||
                   haq_race_evidence(lost, gained, n, margin) > log(1 / alpha);
        }
        out += over;
    }
    return (double)out / RACES;
}

static void equals_are_hardly_ever_called_worse(void)
{
    /* Whatever the looks: at most alpha, and a little for 4,000 races. */
    CU_ASSERT(called(0.02, 0.02, 0, 0.05) <= 0.06);
    CU_ASSERT(called(0.2, 0.2, 0, 0.05) <= 0.06);
    CU_ASSERT(called(0.01, 0.03, 0, 0.05) <= 0.01);
    CU_ASSERT(called(0.04, 0.02, 0.02, 0.05) <= 0.06);
}

static void what_is_worse_is_called_soon(void)
{
    CU_ASSERT(called(0.10, 0.01, 0, 0.01) > 0.99);
    CU_ASSERT(called(0.30, 0.05, 0.02, 0.01) > 0.99);
    /* Nothing but losses, one in ten: 128 samples are enough. */
    CU_ASSERT(haq_race_evidence(13, 0, 128, 0) > log(100));
}

/* With one stake it is the product of its definition. */
static void evidence_is_the_wealth_of_bets(void)
{
    double sum = 0;
    for (int i = 0; i < 24; i++) {
        double x = (i + 0.5) / 24 / 1.1, wealth = 1;
        for (int k = 0; k < 50; k++)
            wealth *= 1 + x * ((k < 9 ? 1 : k < 12 ? -1 : 0) - 0.1);
        sum += wealth / 24;
    }
    CU_ASSERT_DOUBLE_EQUAL(haq_race_evidence(9, 3, 50, 0.1), log(sum), 1e-9);
}

static void bits_are_counted_in_any_part(void)
{
    const uint8_t x[] = {0xf3, 0x01}, y[] = {0x0f, 0x03};
    CU_ASSERT_EQUAL(haq_bits_count(x, 0, 16), 7);
    CU_ASSERT_EQUAL(haq_bits_count(x, 2, 6), 2);
    CU_ASSERT_EQUAL(haq_bits_only(x, y, 0, 16), 4);
    CU_ASSERT_EQUAL(haq_bits_only(y, x, 0, 16), 3);
}

/* ---- in a search ----------------------------------------------------------*/

static json_t *search_with(bool racing, const char *algorithm, uint64_t seed)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    sim_init(&m);
    m.bits = true;
    m.noise = 0;
    c.no_racing = !racing;
    c.algorithm = algorithm;
    c.seed = seed;
    return sim_run(&m, &c);
}

static void racing_saves_samples_and_keeps_the_front(void)
{
    double with = 0, without = 0;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        json_t *a = search_with(true, "random", seed);
        json_t *b = search_with(false, "random", seed);
        with += sim_number(a, "hypervolume", "value") / 3;
        without += sim_number(b, "hypervolume", "value") / 3;
        CU_ASSERT(sim_number(a, "racing", "saved") > 2);
        CU_ASSERT(sim_number(a, "racing", "dropped") > 200);
        CU_ASSERT(json_is_null(json_object_get(b, "racing")));
        json_decref(a);
        json_decref(b);
    }
    CU_ASSERT(fabs(with - without) < 0.01 * without);
}

static void a_front_tells_its_luck(void)
{
    json_t *f = search_with(true, "nsga2", 1), *p;
    const json_t *curse = json_object_get(f, "winners_curse");
    size_t i;
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(curse, "method")),
                           "disjoint");
    CU_ASSERT_EQUAL(sim_number(curse, "samples", NULL), 10000 - 1024);
    CU_ASSERT(fabs(sim_number(curse, "points", NULL)) < 2);
    json_array_foreach(json_object_get(f, "points"), i, p)
        CU_ASSERT_EQUAL(sim_number(p, "holdout", "n"), 10000 - 1024);
    json_decref(f);
}

static void a_small_set_is_cross_fitted_and_says_so(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    sim_init(&m);
    m.bits = true;
    m.noise = 0;
    c.eval_samples = 10000; /* what the simulation has ... */
    c.slice = 10000;        /* ... and chooses with */
    c.trials = 80;
    json_t *f = sim_run(&m, &c);
    const json_t *curse = json_object_get(f, "winners_curse");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(curse, "method")),
                           "cross-fitted");
    CU_ASSERT(sim_number(curse, "points", NULL) > 0);
    json_decref(f);
}

static void results_without_bits_are_not_raced(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    sim_init(&m);
    c.trials = 60;
    json_t *f = sim_run(&m, &c);
    CU_ASSERT(json_is_null(json_object_get(f, "racing")));
    CU_ASSERT(json_is_null(json_object_get(f, "winners_curse")));
    CU_ASSERT(json_array_size(json_object_get(f, "points")) > 3);
    json_decref(f);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(equals_are_hardly_ever_called_worse),
        HAQ_TEST(what_is_worse_is_called_soon),
        HAQ_TEST(evidence_is_the_wealth_of_bets),
        HAQ_TEST(bits_are_counted_in_any_part),
        HAQ_TEST(racing_saves_samples_and_keeps_the_front),
        HAQ_TEST(a_front_tells_its_luck),
        HAQ_TEST(a_small_set_is_cross_fitted_and_says_so),
        HAQ_TEST(results_without_bits_are_not_raced),
        CU_TEST_INFO_NULL,
    };
    return run_suite("race", tests);
}
