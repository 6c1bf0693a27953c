#include "search/search.h"

#include "search/space.h"
#include "tests/search/sim.h"

static double volume(const json_t *front, const char *key)
{
    return sim_number(front, "hypervolume", key);
}

static void a_search_ends_with_a_front_that_beats_uniform_widths(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    sim_init(&m);
    json_t *f = sim_run(&m, &c);
    CU_ASSERT(json_array_size(json_object_get(f, "points")) >= 8);
    CU_ASSERT(volume(f, "value") > 1.02 * volume(f, "uniform"));
    CU_ASSERT(sim_number(f, "evaluations", NULL) == 400);
    CU_ASSERT(json_is_true(json_object_get(f, "complete")));
    CU_ASSERT(json_is_true(json_object_get(f, "feasible")));
    if (getenv("HAQ_SHOW"))
        json_dumpf(f, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    json_decref(f);
}

static void the_points_of_a_front_can_be_told_apart(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    sim_init(&m);
    json_t *f = sim_run(&m, &c), *points = json_object_get(f, "points");
    for (size_t i = 0; i < json_array_size(points); i++)
        for (size_t j = 0; j < i; j++) {
            json_t *a = json_array_get(points, i);
            json_t *b = json_array_get(points, j);
            double x = sim_number(a, "size_bytes", NULL);
            double y = sim_number(b, "size_bytes", NULL);
            bool apart = fabs(x - y) >= 0.03 * fmax(x, y);
            bool disjoint = sim_number(a, "latency_ms", "ci_low") >
                                sim_number(b, "latency_ms", "ci_high") ||
                            sim_number(b, "latency_ms", "ci_low") >
                                sim_number(a, "latency_ms", "ci_high");
            CU_ASSERT(apart || disjoint);
        }
    json_decref(f);
}

static void every_point_is_confirmed_and_none_dominates_another(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    sim_init(&m);
    json_t *f = sim_run(&m, &c), *points = json_object_get(f, "points");
    for (size_t i = 0; i < json_array_size(points); i++) {
        json_t *a = json_array_get(points, i);
        CU_ASSERT(json_is_true(json_object_get(a, "confirmed")));
        CU_ASSERT(sim_number(a, "accuracy", "n") == 10000);
        for (size_t j = 0; j < json_array_size(points); j++) {
            json_t *b = json_array_get(points, j);
            CU_ASSERT(i == j ||
                      sim_number(a, "drop", NULL) <
                          sim_number(b, "drop", NULL) ||
                      sim_number(a, "size_bytes", NULL) <
                          sim_number(b, "size_bytes", NULL) ||
                      sim_number(a, "latency_ms", "median") <
                          sim_number(b, "latency_ms", "median"));
        }
    }
    json_decref(f);
}

static void the_knee_costs_least_by_scales_that_no_front_changes(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    size_t i;
    json_t *p;
    double least = INFINITY;
    const char *best = NULL;
    c.max_drop = 4;
    sim_init(&m);
    json_t *f = sim_run(&m, &c), *base = json_object_get(f, "baseline");
    json_array_foreach(json_object_get(f, "points"), i, p)
    {
        double sum = fmax(sim_number(p, "drop", NULL), 0) / 4 +
                     sim_number(p, "latency_ms", "median") / 1.1 /
                         sim_number(base, "latency_ms", "median") +
                     sim_number(p, "size_bytes", NULL) / 1.1 /
                         sim_number(base, "size_bytes", NULL);
        if (sum < least) {
            least = sum;
            best = json_string_value(json_object_get(p, "id"));
        }
    }
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(f, "knee")), best);
    json_decref(f);
}

static void the_order_of_tells_changes_nothing(void)
{
    uint64_t hash[3];
    char *text[3];
    for (uint64_t i = 0; i < 3; i++) {
        struct sim m;
        struct haq_search_config c = sim_config();
        size_t len;
        c.trials = 200;
        sim_init(&m);
        m.shuffle = i * 77;
        json_t *f = sim_run(&m, &c);
        hash[i] = m.log_hash;
        text[i] = haq_json_canonical(f, &len);
        json_decref(f);
    }
    CU_ASSERT(hash[0] == hash[1] && hash[0] == hash[2]);
    CU_ASSERT_STRING_EQUAL(text[0], text[1]);
    CU_ASSERT_STRING_EQUAL(text[0], text[2]);
    for (int i = 0; i < 3; i++)
        free(text[i]);
}

static void the_seed_decides_what_is_tried(void)
{
    uint64_t hash[2];
    for (uint64_t i = 0; i < 2; i++) {
        struct sim m;
        struct haq_search_config c = sim_config();
        c.trials = 200;
        c.seed = i;
        sim_init(&m);
        json_decref(sim_run(&m, &c));
        hash[i] = m.log_hash;
    }
    CU_ASSERT(hash[0] != hash[1]);
}

static void no_measurement_is_wanted_twice(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    struct haq_search *s = NULL;
    struct haq_want w;
    uint64_t *seen = calloc(SIM_LOG, sizeof *seen);
    size_t n = 0, twice = 0;
    sim_init(&m);
    c.trials = 150;
    CU_ASSERT_FATAL(!haq_search_new(&s, &c, &m.layers, NULL));
    while (haq_search_next(s, 0, &w) && n < SIM_LOG) {
        m.log_hash = 1;
        sim_log(&m, &w);
        for (size_t i = 0; i < n; i++)
            twice += seen[i] == m.log_hash;
        seen[n++] = m.log_hash;
        json_t *r = sim_answer(&m, &w);
        CU_ASSERT(!haq_search_tell(s, w.id, r, NULL, NULL));
        json_decref(r);
    }
    CU_ASSERT(haq_search_done(s));
    CU_ASSERT(n > 150 && !twice);
    free(seen);
    haq_search_free(s);
}

static void max_drop_is_kept_by_every_point(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    c.max_drop = 1;
    sim_init(&m);
    json_t *f = sim_run(&m, &c), *points = json_object_get(f, "points");
    CU_ASSERT(json_array_size(points) >= 5);
    for (size_t i = 0; i < json_array_size(points); i++)
        CU_ASSERT(sim_number(json_array_get(points, i), "drop", NULL) <= 1);
    CU_ASSERT(volume(f, "value") > volume(f, "uniform"));
    json_decref(f);
}

static void limits_of_latency_and_size_are_kept(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    sim_init(&m);
    c.max_latency_ms = sim_ms(&m, NULL) / 2;
    c.max_size_bytes = 60000;
    json_t *f = sim_run(&m, &c), *points = json_object_get(f, "points");
    CU_ASSERT(json_array_size(points) >= 3);
    CU_ASSERT(json_is_true(json_object_get(f, "feasible")));
    double base =
        sim_number(json_object_get(f, "baseline"), "latency_ms", "median");
    for (size_t i = 0; i < json_array_size(points); i++) {
        json_t *p = json_array_get(points, i);
        CU_ASSERT(sim_number(p, "latency_ms", "median") <=
                  c.max_latency_ms * (1 + 1e-9));
        CU_ASSERT(sim_number(p, "size_bytes", NULL) <= 60000);
        CU_ASSERT_DOUBLE_EQUAL(sim_number(p, "speedup", NULL),
                               base / sim_number(p, "latency_ms", "median"),
                               1e-6);
    }
    json_decref(f);
}

static void limits_nobody_can_meet_give_the_nearest_point(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    sim_init(&m);
    c.trials = 100;
    c.max_latency_ms = 1e-4;
    json_t *f = sim_run(&m, &c);
    CU_ASSERT(json_array_size(json_object_get(f, "points")) == 1);
    CU_ASSERT(json_is_false(json_object_get(f, "feasible")));
    json_decref(f);
}

static void a_size_below_two_bits_is_refused(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    struct haq_search *s = NULL;
    struct haq_diag d = {0};
    sim_init(&m);
    c.max_size_bytes = 1000;
    CU_ASSERT(haq_search_new(&s, &c, &m.layers, &d) == HAQ_USAGE);
    CU_ASSERT(strstr(d.text, "--max-size 1000 cannot be met") != NULL);
    c = sim_config();
    c.trials = 0;
    CU_ASSERT(haq_search_new(&s, &c, &m.layers, &d) == HAQ_USAGE);
    c = sim_config();
    c.algorithm = "simplex";
    CU_ASSERT(haq_search_new(&s, &c, &m.layers, &d) == HAQ_USAGE);
    CU_ASSERT(strstr(d.text, "nsga2") != NULL);
    c = sim_config();
    c.objectives = 0;
    CU_ASSERT(haq_search_new(&s, &c, &m.layers, &d) == HAQ_USAGE);
}

static void any_subset_of_objectives_works(void)
{
    for (unsigned o = 1; o <= HAQ_OBJ_ALL; o++) {
        struct sim m;
        struct haq_search_config c = sim_config();
        c.objectives = o;
        c.trials = 120;
        sim_init(&m);
        json_t *f = sim_run(&m, &c);
        json_t *points = json_object_get(f, "points");
        CU_ASSERT(json_array_size(points) >= 1);
        CU_ASSERT(volume(f, "value") >= volume(f, "uniform"));
        json_t *first = json_array_get(points, 0);
        CU_ASSERT(json_is_null(json_object_get(first, "latency_ms")) ==
                  !(o & HAQ_OBJ_LATENCY));
        json_decref(f);
    }
}

static void failing_candidates_do_not_stop_a_search(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    sim_init(&m);
    m.fail_every = 3;
    json_t *f = sim_run(&m, &c);
    CU_ASSERT(json_array_size(json_object_get(f, "points")) >= 5);
    CU_ASSERT(sim_number(f, "failed", NULL) > 20);
    json_t *first = json_array_get(json_object_get(f, "failures"), 0);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(first, "reason")),
                           "simulated failure");
    json_decref(f);
}

static void a_search_does_without_sensitivities_and_profiles(void)
{
    static const char *const kinds[] = {"sensitivity", "profile-layer"};
    for (int i = 0; i < 2; i++) {
        struct sim m;
        struct haq_search_config c = sim_config();
        sim_init(&m);
        m.fail_kind = kinds[i];
        m.fail_float = true;
        json_t *f = sim_run(&m, &c);
        CU_ASSERT(volume(f, "value") > volume(f, "uniform"));
        json_decref(f);
    }
}

/* Two grains, three activations, seven widths; one run for float. */
static void only_widths_that_may_differ_are_profiled(void)
{
    static const struct {
        int packed;
        size_t least, most;
    } want[] = {
        {0, 13, 13},  /* one kernel for all: both ends of each line */
        {8, 43, 43},  /* a kernel for each width */
        {-1, 43, 43}, /* nobody knows which kernel ran */
        {4, 31, 37},  /* int5 .. int8 share one */
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct sim m;
        struct haq_search_config c = sim_config();
        c.trials = 60;
        sim_init(&m);
        m.packed = want[i].packed;
        json_decref(sim_run(&m, &c));
        CU_ASSERT(m.profiles >= want[i].least && m.profiles <= want[i].most);
    }
}

/* The table's sums against what the simulated machine takes, for every member
 * of the last generations: while a machine drifts, and when most widths were
 * not measured. */
static void latencies_from_the_table_are_those_of_the_machine(void)
{
    for (int packed = 0; packed <= 8; packed += 4) {
        struct sim m;
        struct haq_search_config c = sim_config();
        struct haq_search *s = NULL;
        struct haq_want w;
        size_t predicted = 0;
        c.trials = 100;
        sim_init(&m);
        m.packed = packed;
        m.drift = 0.3;
        CU_ASSERT_FATAL(!haq_search_new(&s, &c, &m.layers, NULL));
        while (haq_search_next(s, 0, &w) &&
               (strcmp(w.kind, "measure-latency") || m.profiles < 2)) {
            json_t *r = sim_answer(&m, &w);
            haq_search_tell(s, w.id, r, NULL, NULL);
            json_decref(r);
        }
        json_t *f = haq_search_front(s, 1);
        const json_t *p, *points = json_object_get(f, "points");
        for (size_t i = 0; (p = json_array_get(points, i)); i++) {
            struct haq_recipe r;
            if (!json_is_true(json_object_get(p, "predicted")))
                continue;
            CU_ASSERT_FATAL(!haq_recipe_from_json(
                &r, json_object_get(p, "recipe_json"), "point", NULL));
            double up = sim_ms(&m, NULL) / sim_ms(&m, &r);
            /* The line is fitted to timings that are off by 0.2 %. */
            CU_ASSERT_DOUBLE_EQUAL(sim_number(p, "speedup", NULL) / up, 1,
                                   3e-3);
            haq_recipe_fini(&r);
            predicted++;
        }
        CU_ASSERT(predicted > 3);
        json_decref(f);
        haq_search_free(s);
    }
}

static void where_fewer_bits_are_faster_the_fastest_point_has_few(void)
{
    double average[2];
    for (int i = 0; i < 2; i++) {
        struct sim m;
        struct haq_search_config c = sim_config();
        c.objectives = HAQ_OBJ_ACCURACY | HAQ_OBJ_LATENCY;
        sim_init(&m);
        m.packed = i ? 8 : 0;
        json_t *f = sim_run(&m, &c), *points = json_object_get(f, "points");
        const json_t *p, *fastest = NULL;
        for (size_t k = 0; (p = json_array_get(points, k)); k++)
            if (!fastest || sim_number(p, "speedup", NULL) >
                                sim_number(fastest, "speedup", NULL))
                fastest = p;
        average[i] = sim_number(fastest, "bits", "average");
        json_decref(f);
    }
    CU_ASSERT(average[1] < average[0] - 1);
}

static void formats_asked_for_are_the_only_ones_used(void)
{
    static const char *const words[] = {"8",  "8g", "4",  "4g", "t",
                                        "tg", "b",  "bg", "f"};
    struct sim m;
    struct haq_search_config c = sim_config();
    size_t few = 0;
    sim_init(&m);
    m.packed = 8;
    CU_ASSERT(
        !haq_space_formats_parse(&c.formats, "int4,ternary,binary", NULL));
    json_t *f = sim_run(&m, &c), *points = json_object_get(f, "points");
    const json_t *p, *uniform = json_object_get(f, "uniform");
    static const char *const labels[] = {"int8", "int4", "ternary", "binary"};
    CU_ASSERT_EQUAL_FATAL(json_array_size(uniform), 4);
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(
                                   json_array_get(uniform, i), "label")),
                               labels[i]);
    for (size_t i = 0; (p = json_array_get(points, i)); i++) {
        const json_t *layers =
            json_object_get(json_object_get(p, "bits"), "layers");
        for (size_t l = 0; l < json_array_size(layers); l++) {
            const char *word = json_string_value(json_array_get(layers, l));
            size_t k = 0;
            while (k < sizeof words / sizeof *words && strcmp(word, words[k]))
                k++;
            CU_ASSERT(k < sizeof words / sizeof *words);
            few += word[0] == 't' || word[0] == 'b';
        }
    }
    CU_ASSERT(few > 0);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(f, "formats")),
                           "binary,ternary,int4,int8,float");
    json_decref(f);
}

static const char *first_failure(const json_t *front)
{
    const json_t *list = json_object_get(front, "failures");
    const char *text =
        json_string_value(json_object_get(json_array_get(list, 0), "reason"));
    return text ? text : "none";
}

static void a_latency_that_is_not_a_number_makes_a_candidate_unusable(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    sim_init(&m);
    c.trials = 60;
    m.nan_latency = true;
    json_t *f = sim_run(&m, &c);
    /* Only float has a latency. */
    CU_ASSERT(json_array_size(json_object_get(f, "points")) == 1);
    CU_ASSERT_STRING_EQUAL(first_failure(f),
                           "the latency is not a positive number");
    json_decref(f);
}

/* What a worker's death or deadline was is what the coordinator says. */
static void a_failure_is_told_in_the_words_of_who_saw_it(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    sim_init(&m);
    m.fail_every = 10;
    c.trials = 80;
    json_t *f = sim_run(&m, &c);
    CU_ASSERT(json_array_size(json_object_get(f, "points")) > 3);
    CU_ASSERT_STRING_EQUAL(first_failure(f), "simulated failure");
    json_decref(f);
}

static void without_the_float_model_there_is_no_search(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    struct haq_search *s = NULL;
    struct haq_want w;
    struct haq_diag d = {0};
    sim_init(&m);
    CU_ASSERT_FATAL(!haq_search_new(&s, &c, &m.layers, NULL));
    CU_ASSERT(haq_search_next(s, 0, &w));
    CU_ASSERT(w.recipe == NULL && !strcmp(w.kind, "evaluate"));
    CU_ASSERT(haq_search_tell(s, w.id, NULL, "out of memory", &d) ==
              HAQ_FAILED);
    CU_ASSERT(strstr(d.text, "out of memory") != NULL);
    CU_ASSERT(haq_search_done(s));
    json_t *f = haq_search_front(s, 1);
    CU_ASSERT(json_is_string(json_object_get(f, "error")));
    json_decref(f);
    haq_search_free(s);
}

static void a_want_is_told_once(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    struct haq_search *s = NULL;
    struct haq_want w;
    sim_init(&m);
    CU_ASSERT_FATAL(!haq_search_new(&s, &c, &m.layers, NULL));
    CU_ASSERT(haq_search_tell(s, 0, NULL, NULL, NULL) == HAQ_INVALID);
    CU_ASSERT(haq_search_next(s, 0, &w));
    json_t *r = sim_answer(&m, &w);
    CU_ASSERT(haq_search_tell(s, w.id, r, NULL, NULL) == HAQ_OK);
    CU_ASSERT(haq_search_tell(s, w.id, r, NULL, NULL) == HAQ_INVALID);
    CU_ASSERT(haq_search_tell(s, w.id + 1000, r, NULL, NULL) == HAQ_INVALID);
    json_decref(r);
    haq_search_free(s);
}

/* A timing told long ago is revised: the front shows the new one. */
static void a_timing_in_doubt_is_revised(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    struct haq_search *s = NULL;
    struct haq_want w;
    uint64_t base = 0, evaluation = 0;
    sim_init(&m);
    c.trials = 60;
    CU_ASSERT_FATAL(!haq_search_new(&s, &c, &m.layers, NULL));
    while (haq_search_next(s, 0, &w)) {
        json_t *r = sim_answer(&m, &w);
        if (!base && !strcmp(w.kind, "measure-latency") && !w.recipe)
            base = w.id;
        if (!evaluation && !strcmp(w.kind, "evaluate"))
            evaluation = w.id;
        CU_ASSERT(haq_search_tell(s, w.id, r, NULL, NULL) == HAQ_OK);
        json_decref(r);
    }
    json_t *better = json_pack("{s:f,s:f,s:f,s:i}", "median", 7.5, "ci_low",
                               7.25, "ci_high", 7.75, "rounds", 12);
    haq_search_revise(s, evaluation, better); /* no timing: nothing happens */
    haq_search_revise(s, 1u << 30, better);
    haq_search_revise(s, base, NULL);
    haq_search_revise(s, base, better);
    json_t *f = haq_search_front(s, 0);
    const json_t *float_model = json_object_get(f, "baseline");
    CU_ASSERT_EQUAL(sim_number(float_model, "measured_ms", "median"), 7.5);
    json_decref(f);
    json_decref(better);
    haq_search_free(s);
}

/* The float model was timed at a bad moment, which nobody noticed: all others
 * were timed beside it, too. */
static void a_bad_start_does_not_scale_the_front(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    sim_init(&m);
    m.slow_start = 2;
    json_t *f = sim_run(&m, &c), *base = json_object_get(f, "baseline");
    double ms = sim_number(base, "latency_ms", "median");
    CU_ASSERT(ms > 0.9 * sim_ms(&m, NULL) && ms < 1.1 * sim_ms(&m, NULL));
    CU_ASSERT(sim_number(base, "measured_ms", "median") > 1.5 * ms);
    CU_ASSERT(sim_number(base, "latency_ms", "ci_low") < ms);
    json_decref(f);
}

/* Points of the front with that verdict. */
static size_t points_with(const json_t *front, const char *verdict)
{
    size_t i, n = 0;
    json_t *p;
    json_array_foreach(json_object_get(front, "points"), i, p)
    {
        const char *v =
            json_string_value(json_object_get(p, "latency_verdict"));
        n += v && !strcmp(v, verdict);
    }
    return n;
}

static void what_was_disturbed_is_measured_again(void)
{
    struct haq_search_config c = sim_config();
    for (int64_t times = 1; times <= 5; times += 4) {
        struct sim m;
        sim_init(&m);
        m.disturbed = times;
        json_t *front = sim_run(&m, &c);
        size_t n = json_array_size(json_object_get(front, "points"));
        CU_ASSERT(n > 5);
        CU_ASSERT_EQUAL(points_with(front, times == 1 ? "valid" : "disturbed"),
                        n);
        json_decref(front);
    }
}

static void a_stopped_search_shows_what_it_knows(void)
{
    for (size_t after = 1; after < 400; after += 57) {
        struct sim m;
        struct haq_search_config c = sim_config();
        sim_init(&m);
        m.stop_after = after;
        json_t *f = sim_run(&m, &c);
        CU_ASSERT(f != NULL);
        CU_ASSERT(json_is_false(json_object_get(f, "complete")));
        CU_ASSERT(after < 5 ||
                  json_array_size(json_object_get(f, "points")) >= 1);
        json_decref(f);
    }
}

static void a_search_keeps_to_its_time(void)
{
    static const double each[] = {0.05, 0.3, 1};
    for (int i = 0; i < 3; i++) {
        struct sim m;
        struct haq_search_config c = sim_config();
        sim_init(&m);
        c.trials = 0;
        c.time_s = 300;
        m.seconds_each = each[i];
        json_t *f = sim_run(&m, &c);
        /* The last one was started in time. */
        CU_ASSERT(m.now_s <= 300 + 10 * each[i]);
        CU_ASSERT(m.now_s > 200);
        CU_ASSERT(json_is_true(json_object_get(f, "complete")));
        json_t *points = json_object_get(f, "points");
        CU_ASSERT(json_array_size(points) >= 3);
        json_t *p = json_array_get(points, json_array_size(points) - 1);
        CU_ASSERT(json_is_true(json_object_get(p, "confirmed")));
        json_decref(f);
    }
}

static void the_default_algorithm_needs_fewer_candidates(void)
{
    double sum[2] = {0, 0};
    for (uint64_t seed = 1; seed <= 3; seed++)
        for (int k = 0; k < 2; k++) {
            struct sim m;
            struct haq_search_config c = sim_config();
            sim_init(&m);
            c.seed = seed;
            c.trials = 100;
            c.algorithm = k ? NULL : "nsga2";
            json_t *f = sim_run(&m, &c);
            sum[k] += volume(f, "value");
            json_decref(f);
        }
    CU_ASSERT(sum[1] > sum[0]);
}

static void perplexity_is_searched_in_percent(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    sim_init(&m);
    c.metric = "perplexity";
    c.higher_is_better = c.points = false;
    c.max_drop = INFINITY;
    c.trials = 100;
    c.has_calibration = false;
    json_t *f = sim_run(&m, &c);
    CU_ASSERT(json_array_size(json_object_get(f, "points")) >= 1);
    json_t *int8 = json_object_get(f, "uniform_int8");
    json_t *acts =
        json_object_get(json_object_get(int8, "bits"), "activations");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(acts, 0)), "d");
    json_decref(f);
}

/* A network that takes 40 % longer than its layers: what uniform widths show of
 * that is true of mixed ones. */
static void predictions_learn_from_whole_networks(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    sim_init(&m);
    m.fixed_ms = 0.4 * sim_ms(&m, NULL);
    c.trials = 100;
    json_t *f = sim_run(&m, &c);
    CU_ASSERT(sim_number(f, "latency_model", "points") >= 10);
    CU_ASSERT(sim_number(f, "latency_model", "mean_percent") < 1);
    CU_ASSERT(sim_number(f, "latency_model", "max_percent") < 3);
    CU_ASSERT(sim_number(f, "latency_model", "kendall_tau") > 0.9);
    json_decref(f);
}

/* Multiply-adds times both widths, as HAWQ counts: 8 x 8 of int8 everywhere is
 * a sixteenth of float's 32 x 32. */
static void bit_operations_are_counted_and_limited(void)
{
    struct sim m;
    struct haq_search_config c = sim_config();
    double macs = 0;
    sim_init(&m);
    for (int i = 0; i < SIM_LAYERS; i++)
        macs += (double)m.layer[i].macs;
    c.objectives = HAQ_OBJ_ACCURACY | HAQ_OBJ_BOPS;
    c.max_bops = 40 * macs;
    c.trials = 150;
    json_t *f = sim_run(&m, &c), *p;
    size_t i;
    CU_ASSERT_DOUBLE_EQUAL(sim_number(f, "baseline", "bops"), 1024 * macs, 1);
    CU_ASSERT_DOUBLE_EQUAL(sim_number(f, "uniform_int8", "bops"), 64 * macs, 1);
    json_array_foreach(json_object_get(f, "points"), i, p)
        CU_ASSERT(sim_number(p, "bops", NULL) <= 40 * macs);
    CU_ASSERT(i >= 3);
    json_decref(f);
}

static void an_objective_that_nobody_reports_is_one_sentence(void)
{
    struct haq_diag d = {0};
    unsigned mask;
    CU_ASSERT(!haq_objectives_parse(&mask, "accuracy,bops", &d));
    CU_ASSERT_EQUAL(mask, HAQ_OBJ_ACCURACY | HAQ_OBJ_BOPS);
    CU_ASSERT_EQUAL(haq_objectives_parse(&mask, "size,energy", &d), HAQ_USAGE);
    CU_ASSERT(strstr(d.text, "no device reports \"energy\"") != NULL);
    CU_ASSERT(strstr(d.text, "accuracy, latency, size, bops") != NULL);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(a_search_ends_with_a_front_that_beats_uniform_widths),
        HAQ_TEST(the_points_of_a_front_can_be_told_apart),
        HAQ_TEST(every_point_is_confirmed_and_none_dominates_another),
        HAQ_TEST(the_knee_costs_least_by_scales_that_no_front_changes),
        HAQ_TEST(the_order_of_tells_changes_nothing),
        HAQ_TEST(the_seed_decides_what_is_tried),
        HAQ_TEST(no_measurement_is_wanted_twice),
        HAQ_TEST(max_drop_is_kept_by_every_point),
        HAQ_TEST(limits_of_latency_and_size_are_kept),
        HAQ_TEST(limits_nobody_can_meet_give_the_nearest_point),
        HAQ_TEST(a_size_below_two_bits_is_refused),
        HAQ_TEST(any_subset_of_objectives_works),
        HAQ_TEST(failing_candidates_do_not_stop_a_search),
        HAQ_TEST(a_search_does_without_sensitivities_and_profiles),
        HAQ_TEST(only_widths_that_may_differ_are_profiled),
        HAQ_TEST(latencies_from_the_table_are_those_of_the_machine),
        HAQ_TEST(where_fewer_bits_are_faster_the_fastest_point_has_few),
        HAQ_TEST(formats_asked_for_are_the_only_ones_used),
        HAQ_TEST(a_latency_that_is_not_a_number_makes_a_candidate_unusable),
        HAQ_TEST(without_the_float_model_there_is_no_search),
        HAQ_TEST(a_want_is_told_once),
        HAQ_TEST(a_timing_in_doubt_is_revised),
        HAQ_TEST(a_bad_start_does_not_scale_the_front),
        HAQ_TEST(what_was_disturbed_is_measured_again),
        HAQ_TEST(a_stopped_search_shows_what_it_knows),
        HAQ_TEST(a_search_keeps_to_its_time),
        HAQ_TEST(the_default_algorithm_needs_fewer_candidates),
        HAQ_TEST(predictions_learn_from_whole_networks),
        HAQ_TEST(a_failure_is_told_in_the_words_of_who_saw_it),
        HAQ_TEST(bit_operations_are_counted_and_limited),
        HAQ_TEST(an_objective_that_nobody_reports_is_one_sentence),
        HAQ_TEST(perplexity_is_searched_in_percent),
        CU_TEST_INFO_NULL,
    };
    return run_suite("search", tests);
}
