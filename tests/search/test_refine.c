/* The points that are left are tuned in order, and keep what is better. */
#include "search/search.h"
#include "tests/search/sim.h"

/* How many points of the front are tuned in order, of those that were tried. */
static size_t kept_in_order(const json_t *front, size_t *tried)
{
    const json_t *p;
    size_t i, kept = 0;
    *tried = 0;
    json_array_foreach(json_object_get(front, "points"), i, p)
    {
        const json_t *refined = json_object_get(p, "refined");
        *tried += json_is_object(refined);
        kept += json_is_true(json_object_get(refined, "kept"));
        CU_ASSERT(!json_is_true(json_object_get(refined, "kept")) ||
                  sim_number(refined, "gain", NULL) > 0);
    }
    return kept;
}

static void winners_are_tuned_in_order_and_keep_what_is_better(void)
{
    for (int worse = 0; worse < 2; worse++) {
        struct sim m;
        struct haq_search_config c = sim_config();
        size_t tried;
        sim_init(&m);
        m.noise = 0;
        m.in_order = worse ? 1.5 : 0.5;
        c.trials = 100;
        c.methods = "clip,gptq";
        json_t *f = sim_run(&m, &c);
        size_t kept = kept_in_order(f, &tried);
        CU_ASSERT(tried >= 5);
        CU_ASSERT_EQUAL(kept, worse ? 0 : tried);
        json_decref(f);
    }
}

static void weights_that_no_method_tunes_are_not_refined(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    size_t tried;
    sim_init(&m);
    c.trials = 60;
    json_t *f = sim_run(&m, &c);
    CU_ASSERT_EQUAL(kept_in_order(f, &tried), 0);
    CU_ASSERT_EQUAL(tried, 0);
    json_decref(f);
}

static void a_failed_refinement_leaves_the_point_as_it_was(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    size_t tried;
    sim_init(&m);
    m.in_order = NAN;
    c.trials = 60;
    c.methods = "gptq";
    json_t *f = sim_run(&m, &c);
    CU_ASSERT(json_array_size(json_object_get(f, "points")) >= 3);
    CU_ASSERT_EQUAL(kept_in_order(f, &tried), 0);
    json_decref(f);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(winners_are_tuned_in_order_and_keep_what_is_better),
        HAQ_TEST(weights_that_no_method_tunes_are_not_refined),
        HAQ_TEST(a_failed_refinement_leaves_the_point_as_it_was),
        CU_TEST_INFO_NULL,
    };
    return run_suite("search/refine", tests);
}
