#include "search/rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "hwprofiles/capability.h"
#include "search/space_file.h"
#include "tests/search/sim.h"

/* The space of the simulated network and rules for it. */
struct world {
    struct sim sim;
    struct haq_space space;
    struct haq_arena arena;
    struct haq_rules rules;
    struct haq_diag d;
    unsigned formats;
};

static void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    sim_init(&w->sim);
    w->rules.arena = &w->arena;
    CU_ASSERT_FATAL(!haq_space_init(&w->space, &w->sim.layers, 0, true, "",
                                    "minmax", NULL));
}

static void world_fini(struct world *w)
{
    haq_space_fini(&w->space);
    haq_arena_fini(&w->arena);
}

static haq_status apply(struct world *w)
{
    return haq_space_apply(&w->space, &w->rules, &w->d);
}

/* Formats of a layer as text. */
static const char *formats_of(const struct world *w, const char *tensor)
{
    static char text[HAQ_FORMATS_TEXT];
    for (size_t l = 0; l < SIM_LAYERS; l++)
        if (!strcmp(w->sim.layer[l].tensor, tensor))
            haq_options_text(w->space.domain[l].options, text);
    return text;
}

static void pins_and_bans_go_by_name_and_pattern(void)
{
    struct world w;
    world_init(&w);
    CU_ASSERT(!haq_rules_pin(&w.rules, "conv1=int8", &w.d));
    CU_ASSERT(!haq_rules_pin(&w.rules, "b1*=int4:group32", &w.d));
    CU_ASSERT(!haq_rules_ban(&w.rules, "int2", &w.d));
    CU_ASSERT(!haq_rules_ban(&w.rules, "b2?=float", &w.d));
    CU_ASSERT(!apply(&w));
    CU_ASSERT_STRING_EQUAL(formats_of(&w, "conv1"), "int8");
    CU_ASSERT_STRING_EQUAL(formats_of(&w, "b1b"), "int4");
    CU_ASSERT_STRING_EQUAL(formats_of(&w, "b2a"),
                           "int3, int4, int5, int6, int7, int8");
    CU_ASSERT_STRING_EQUAL(formats_of(&w, "fc"),
                           "int3, int4, int5, int6, int7, int8, float");
    struct haq_choice c = {HAQ_WEIGHT_INT4, HAQ_GRAIN_CHANNEL, HAQ_ACT_STATIC};
    CU_ASSERT(!haq_space_offers(&w.space, 1, c));
    c.grain = HAQ_GRAIN_GROUP;
    CU_ASSERT(haq_space_offers(&w.space, 1, c));
    CU_ASSERT(!haq_space_has(&w.space, HAQ_WEIGHT_INT2));
    world_fini(&w);
}

/* Whatever an algorithm proposes lies within what the rules leave. */
static void every_vector_stands_for_a_point_of_the_space(void)
{
    struct world w;
    uint64_t seed = 3;
    world_init(&w);
    CU_ASSERT(!haq_rules_pin(&w.rules, "b1*=int4", &w.d));
    CU_ASSERT(!haq_rules_ban(&w.rules, "b4a=int8", &w.d));
    CU_ASSERT(!haq_rules_ban(&w.rules, "b4a=float", &w.d));
    struct haq_tie tie = {"test", (const char *[]){"b2a", "b3*"}, 2, HAQ_USAGE};
    CU_ASSERT(!haq_rules_tie(&w.rules, &tie, &w.d));
    CU_ASSERT(!apply(&w));
    int genes[SIM_LAYERS * HAQ_GENES_PER_LAYER],
        again[sizeof genes / sizeof *genes];
    struct haq_choice choice[SIM_LAYERS];
    for (int trial = 0; trial < 500; trial++) {
        for (size_t g = 0; g < w.space.genes; g++)
            genes[g] =
                (int)(next_random(&seed) % (uint64_t)w.space.cardinality[g]);
        haq_space_canonical(&w.space, genes);
        haq_space_choices(&w.space, genes, choice);
        CU_ASSERT(haq_space_holds(&w.space, choice));
        CU_ASSERT(choice[1].weight == HAQ_WEIGHT_INT4);
        CU_ASSERT(choice[7].weight <= HAQ_WEIGHT_INT7);
        CU_ASSERT(!memcmp(&choice[3], &choice[5], sizeof *choice));
        CU_ASSERT(!memcmp(&choice[3], &choice[6], sizeof *choice));
        memcpy(again, genes, sizeof again);
        for (size_t l = 0; l < SIM_LAYERS; l++)
            haq_space_put(&w.space, l, choice[l], again);
        CU_ASSERT(!memcmp(genes, again, sizeof genes));
    }
    struct haq_choice eight = {HAQ_WEIGHT_INT8, 0, HAQ_ACT_STATIC};
    haq_space_fill(&w.space, eight, genes);
    CU_ASSERT(haq_space_get(&w.space, 0, genes).weight == HAQ_WEIGHT_INT8);
    CU_ASSERT(haq_space_get(&w.space, 1, genes).weight == HAQ_WEIGHT_INT4);
    CU_ASSERT(haq_space_get(&w.space, 7, genes).weight == HAQ_WEIGHT_INT7);
    world_fini(&w);
}

static void the_first_and_the_last_layer_have_a_policy(void)
{
    struct world w;
    world_init(&w);
    CU_ASSERT(!haq_rules_ends(&w.rules, "free", &w.d));
    CU_ASSERT(!apply(&w));
    CU_ASSERT_STRING_EQUAL(formats_of(&w, "conv1"), formats_of(&w, "b1a"));
    CU_ASSERT(!haq_rules_ends(&w.rules, "int8", &w.d));
    CU_ASSERT(!apply(&w));
    CU_ASSERT_STRING_EQUAL(formats_of(&w, "conv1"), "int8");
    CU_ASSERT_STRING_EQUAL(formats_of(&w, "fc"), "int8");
    CU_ASSERT(strlen(formats_of(&w, "b1a")) > 4);
    world_fini(&w);
}

static void shared_weights_are_one_choice(void)
{
    struct world w;
    world_init(&w);
    w.sim.layer[5].weight = w.sim.layer[2].weight;
    CU_ASSERT(!apply(&w));
    CU_ASSERT_EQUAL(w.space.domain[5].lead, 2);
    CU_ASSERT_EQUAL(w.space.cardinality[5 * HAQ_GENES_PER_LAYER], 1);
    world_fini(&w);
}

static void rules_that_cannot_be_kept_say_which_and_where(void)
{
    static const struct {
        const char *pin, *pin2, *words[3];
    } cases[] = {
        {"nothere=int8", NULL, {"--pin nothere=int8", "no layer", "conv1"}},
        {"conv1=int8", "c*=int4", {"--pin c*=int4", "layer conv1", "int8"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        world_init(&w);
        CU_ASSERT(!haq_rules_pin(&w.rules, cases[i].pin, &w.d));
        if (cases[i].pin2)
            CU_ASSERT(!haq_rules_pin(&w.rules, cases[i].pin2, &w.d));
        CU_ASSERT_EQUAL(apply(&w), HAQ_USAGE);
        for (int k = 0; k < 3; k++)
            CU_ASSERT(strstr(w.d.text, cases[i].words[k]) != NULL);
        world_fini(&w);
    }
    struct world w;
    world_init(&w);
    CU_ASSERT_EQUAL(haq_rules_pin(&w.rules, "int8", &w.d), HAQ_USAGE);
    CU_ASSERT_EQUAL(haq_rules_pin(&w.rules, "conv1=uint8", &w.d), HAQ_USAGE);
    CU_ASSERT_EQUAL(haq_rules_ban(&w.rules, "int9", &w.d), HAQ_USAGE);
    CU_ASSERT_EQUAL(haq_rules_ban(&w.rules, "int4:group7", &w.d), HAQ_USAGE);
    CU_ASSERT_EQUAL(haq_rules_ends(&w.rules, "soft", &w.d), HAQ_USAGE);
    world_fini(&w);
}

/* ---- targets --------------------------------------------------------------*/

static char heard[4000];
static size_t sentences;

static void hear(void *ctx, const char *sentence)
{
    (void)ctx;
    sentences++;
    snprintf(heard, sizeof heard, "%s", sentence);
}

static void a_target_leaves_what_it_executes(void)
{
    struct world w;
    struct haq_list rows = {0};
    world_init(&w);
    struct haq_capability *c = haq_capability_add(
        &rows, &w.arena, "conv", "int8,int4", "uint8:static", "channel");
    c->support = HAQ_SUPPORT_NATIVE;
    c = haq_capability_add(&rows, &w.arena, "conv", "fp32", "fp32", "tensor");
    c->support = HAQ_SUPPORT_NATIVE;
    w.sim.layer[3].op = "MatMul"; /* no row: stays float, and that is said */
    sentences = 0;
    haq_space_target(&w.space, &rows, "npu", hear, NULL);
    CU_ASSERT_STRING_EQUAL(formats_of(&w, "conv1"), "int4, int8, float");
    CU_ASSERT_EQUAL(w.space.domain[0].acts, 2); /* static, and float's */
    CU_ASSERT_STRING_EQUAL(formats_of(&w, "b2a"), "float");
    CU_ASSERT_EQUAL(sentences, 1);
    CU_ASSERT(strstr(heard, "b2a stays float, npu") != NULL);
    world_fini(&w);
}

/* ---- files ----------------------------------------------------------------*/

static haq_status read_text(struct world *w, const char *text)
{
    char path[] = "/tmp/test_rules_XXXXXX";
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    FILE *f = fdopen(fd, "w");
    CU_ASSERT_FATAL(f != NULL);
    fputs(text, f);
    fclose(f);
    haq_status s = haq_space_file_read(path, &w->rules, &w->formats, &w->d);
    remove(path);
    return s;
}

static void a_file_says_what_options_say(void)
{
    struct world w;
    world_init(&w);
    CU_ASSERT_EQUAL(read_text(&w, "space: 1\n"
                                  "formats: [int2, int4]\n"
                                  "first_last: int8\n"
                                  "pin:\n"
                                  "  b1a: [int4, int8]\n"
                                  "ban: {\"b2*\": int2}\n"
                                  "activations: [static]\n"
                                  "granularities: channel\n"
                                  "ties:\n"
                                  "  - [b3a, b3b]\n"),
                    HAQ_OK);
    haq_space_fini(&w.space);
    CU_ASSERT_FATAL(!haq_space_init(&w.space, &w.sim.layers, w.formats, true,
                                    "", "minmax", NULL));
    CU_ASSERT(!apply(&w));
    CU_ASSERT_STRING_EQUAL(formats_of(&w, "conv1"), "int8");
    CU_ASSERT_STRING_EQUAL(formats_of(&w, "b1a"), "int4, int8");
    CU_ASSERT_STRING_EQUAL(formats_of(&w, "b2b"), "int4, int8, float");
    CU_ASSERT_STRING_EQUAL(formats_of(&w, "b4a"), "int2, int4, int8, float");
    struct haq_choice c = {HAQ_WEIGHT_INT4, HAQ_GRAIN_CHANNEL, HAQ_ACT_DYNAMIC};
    CU_ASSERT(!haq_space_offers(&w.space, 7, c));
    c = (struct haq_choice){HAQ_WEIGHT_INT4, HAQ_GRAIN_GROUP, HAQ_ACT_STATIC};
    CU_ASSERT(!haq_space_offers(&w.space, 7, c));
    CU_ASSERT_EQUAL(w.space.domain[6].lead, 5);
    world_fini(&w);
}

static void a_bad_file_is_refused_with_its_place(void)
{
    static const struct {
        const char *text, *place, *word;
    } cases[] = {
        {"", "", "empty"},
        {"- space\n", ":1:1", "keys"},
        {"formats: [int4]\n", ":1:1", "space: 1"},
        {"space: 2\n", ":1:8", "version 2"},
        {"space: 1\npins: {a: int8}\n", ":2:1", "unknown key \"pins\""},
        {"space: 1\npin: {a: int8}\npin: {b: int8}\n", ":3:1", "twice"},
        {"space: 1\npin: [a]\n", ":2:6", "pin: {conv1: int8}"},
        {"space: 1\npin:\n  a: int8\n  b: octal\n", ":4:6", "octal"},
        {"space: 1\nformats: [int4, {}]\n", ":2:17", "one word"},
        {"space: 1\nformats: []\n", ":2:10", "empty"},
        {"space: 1\nactivations: [sometimes]\n", ":2:15", "static, dynamic"},
        {"space: 1\nties: [conv1]\n", ":2:8", "list of layers"},
        {"space: 1\nban: {a: [int8\n", ":", "no YAML"},
        {"space: &x 1\nties: &y [*y]\n", ":2:7", "one word"},
        {"space: \"1\\0\"\n", ":1:8", "zero byte"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        world_init(&w);
        CU_ASSERT_EQUAL(read_text(&w, cases[i].text), HAQ_FORMAT);
        if (!strstr(w.d.text, cases[i].word) ||
            !strstr(w.d.text, cases[i].place))
            printf("\n%s: %s", cases[i].text, w.d.text);
        CU_ASSERT(strstr(w.d.text, cases[i].place) != NULL);
        CU_ASSERT(strstr(w.d.text, cases[i].word) != NULL);
        world_fini(&w);
    }
    struct world w;
    world_init(&w);
    CU_ASSERT(!read_text(&w, "space: 1\npin: {nothere: int8}\n"));
    CU_ASSERT_EQUAL(apply(&w), HAQ_INVALID); /* of a file: exit code 3 */
    CU_ASSERT(strstr(w.d.text, ":2:7: no layer") != NULL);
    world_fini(&w);
}

/* Bytes changed, cut off, doubled: read or refused, never worse. */
static void whatever_bytes_a_file_holds_it_is_read_or_refused(void)
{
    static const char good[] =
        "space: 1\nformats: [int2, int4]\nfirst_last: int8\npin:\n"
        "  b1a: [int4, int8]\nban: {\"b2*\": &x int2, fc: *x}\n"
        "activations: [static]\ngranularities: channel\nties:\n"
        "  - [b3a, b3b]\n";
    static const char odd[] = "[]{}:,&*!|>'\"%@`#-?\n\t \xc3\xff~<=";
    uint64_t seed = 11;
    size_t read = 0, refused = 0;
    for (int trial = 0; trial < 3000; trial++) {
        struct world w;
        char text[2 * sizeof good] = "";
        size_t len = sizeof good - 1;
        memcpy(text, good, len);
        for (uint64_t k = 1 + next_random(&seed) % 6; k; k--) {
            size_t at = (size_t)(next_random(&seed) % len);
            text[at] = odd[next_random(&seed) % (sizeof odd - 1)];
        }
        if (next_random(&seed) % 4 == 0)
            text[next_random(&seed) % len] = 0;
        world_init(&w);
        haq_status s = read_text(&w, text);
        CU_ASSERT(s == HAQ_OK || s == HAQ_FORMAT);
        read += s == HAQ_OK, refused += s != HAQ_OK;
        world_fini(&w);
    }
    CU_ASSERT(read > 10 && refused > 1000);
}

/* ---- a whole search -------------------------------------------------------*/

static json_t *search_with(struct world *w, struct haq_search_config *c)
{
    c->rules = &w->rules;
    return sim_run(&w->sim, c);
}

static void a_search_keeps_to_its_rules_and_to_its_references(void)
{
    struct world w;
    struct haq_search_config c = sim_config();
    world_init(&w);
    c.trials = 150;
    CU_ASSERT(!haq_rules_pin(&w.rules, "conv1=int6", &w.d));
    CU_ASSERT(!haq_rules_ban(&w.rules, "float", &w.d));
    json_t *f = search_with(&w, &c), *p;
    size_t i;
    json_array_foreach(json_object_get(f, "points"), i, p)
    {
        const json_t *words =
            json_object_get(json_object_get(p, "bits"), "layers");
        const char *first = json_string_value(json_array_get(words, 0));
        CU_ASSERT(first && first[0] == '6');
        for (size_t l = 0; l < SIM_LAYERS; l++)
            CU_ASSERT(
                strcmp(json_string_value(json_array_get(words, l)), "f") != 0);
    }
    CU_ASSERT(i >= 3);
    /* Float and int8 are no points of this space, and are compared with. */
    CU_ASSERT(json_is_object(json_object_get(f, "baseline")));
    CU_ASSERT(json_is_object(json_object_get(f, "uniform_int8")));
    json_decref(f);
    world_fini(&w);
}

static bool warned(const json_t *front, const char *word)
{
    const json_t *w;
    size_t i;
    json_array_foreach(json_object_get(front, "warnings"), i,
                       w) if (strstr(json_string_value(w), word)) return true;
    return false;
}

static void a_space_with_one_choice_is_measured_and_said(void)
{
    struct world w;
    struct haq_search_config c = sim_config();
    world_init(&w);
    CU_ASSERT(!haq_rules_pin(&w.rules, "*=int4:channel", &w.d));
    haq_options set = haq_options_act(HAQ_ACT_STATIC);
    struct haq_rule acts = {"test", "*", set, HAQ_USAGE};
    CU_ASSERT(!haq_rules_add(&w.rules, &acts, &w.d));
    json_t *f = search_with(&w, &c);
    CU_ASSERT(json_array_size(json_object_get(f, "points")) == 1);
    CU_ASSERT(warned(f, "one choice"));
    json_decref(f);
    world_fini(&w);
}

static void formats_that_are_no_faster_are_said_by_layer(void)
{
    struct world w;
    struct haq_search_config c = sim_config();
    world_init(&w);
    c.trials = 40;
    json_t *f = sim_run(&w.sim, &c); /* one kernel for all widths */
    CU_ASSERT(warned(f, "in any layer"));
    json_decref(f);
    w.sim.packed = 4;
    f = sim_run(&w.sim, &c);
    CU_ASSERT(warned(f, "int5, int6, int7 in any layer"));
    json_decref(f);
    world_fini(&w);
}

static void a_limit_that_the_table_excludes_is_said_with_its_bound(void)
{
    struct world w;
    struct haq_search_config c = sim_config();
    world_init(&w);
    c.trials = 60;
    c.max_latency_ms = 1e-4;
    json_t *f = sim_run(&w.sim, &c);
    CU_ASSERT(warned(f, "--max-latency 0.0001 cannot be met"));
    CU_ASSERT(json_is_false(json_object_get(f, "feasible")));
    json_decref(f);
    world_fini(&w);
}

static void the_least_size_is_the_bound_that_a_limit_meets(void)
{
    struct world w;
    struct haq_search_config c = sim_config();
    struct haq_search *s = NULL;
    char number[32];
    world_init(&w);
    CU_ASSERT(!haq_rules_pin(&w.rules, "b*=int8", &w.d));
    CU_ASSERT(!apply(&w));
    size_t least = haq_space_least_bytes(&w.space);
    c.rules = &w.rules;
    c.max_size_bytes = (double)least - 1;
    CU_ASSERT(haq_search_new(&s, &c, &w.sim.layers, &w.d) == HAQ_USAGE);
    snprintf(number, sizeof number, "%zu bytes", least);
    CU_ASSERT(strstr(w.d.text, number) != NULL);
    c.max_size_bytes = (double)least;
    CU_ASSERT(haq_search_new(&s, &c, &w.sim.layers, &w.d) == HAQ_OK);
    haq_search_free(s);
    world_fini(&w);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(pins_and_bans_go_by_name_and_pattern),
        HAQ_TEST(every_vector_stands_for_a_point_of_the_space),
        HAQ_TEST(the_first_and_the_last_layer_have_a_policy),
        HAQ_TEST(shared_weights_are_one_choice),
        HAQ_TEST(rules_that_cannot_be_kept_say_which_and_where),
        HAQ_TEST(a_target_leaves_what_it_executes),
        HAQ_TEST(a_file_says_what_options_say),
        HAQ_TEST(a_bad_file_is_refused_with_its_place),
        HAQ_TEST(whatever_bytes_a_file_holds_it_is_read_or_refused),
        HAQ_TEST(a_search_keeps_to_its_rules_and_to_its_references),
        HAQ_TEST(a_space_with_one_choice_is_measured_and_said),
        HAQ_TEST(formats_that_are_no_faster_are_said_by_layer),
        HAQ_TEST(a_limit_that_the_table_excludes_is_said_with_its_bound),
        HAQ_TEST(the_least_size_is_the_bound_that_a_limit_meets),
        CU_TEST_INFO_NULL,
    };
    return run_suite("rules", tests);
}
