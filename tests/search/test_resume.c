/* A search whose process was killed goes on from what the store kept. */
#include "search/search.h"
#include "tests/search/sim.h"

/* When each want was asked for: a store keeps it beside the result. */
struct times {
    double s[SIM_LOG];
    size_t n;
};

/* Run until `wants` were told and throw the search away, as a kill does. */
static double killed_after(struct sim *m, const struct haq_search_config *c,
                           size_t wants, struct times *asked)
{
    struct haq_search *s = NULL;
    struct haq_want w;
    CU_ASSERT_FATAL(!haq_search_new(&s, c, &m->layers, NULL));
    asked->n = 0;
    while (m->wants < wants && haq_search_next(s, m->now_s, &w)) {
        json_t *r = sim_answer(m, &w);
        sim_log(m, &w);
        asked->s[asked->n++] = m->now_s;
        m->wants++;
        m->now_s += sim_seconds(m, r);
        haq_search_tell(s, w.id, r, NULL, NULL);
        json_decref(r);
    }
    haq_search_free(s);
    return m->now_s;
}

static void set_up_resuming(struct sim *m)
{
    sim_init(m);
    m->seconds_each = 0.3;
    m->in_order = 0.5;
    m->bits = true;
}

/* Kill a search when `part` twentieths of its measurements were made, resume it
 * and compare what it ends with. */
static void kill_and_resume(const struct haq_search_config *c, size_t wants,
                            size_t part, const json_t *calm)
{
    static struct times asked;
    struct sim m;
    struct haq_search *s = NULL;
    struct haq_want w;
    size_t stored = wants * part / 20;
    set_up_resuming(&m);
    double killed_s = killed_after(&m, c, stored, &asked);
    uint64_t first_log = m.log_hash;
    m.log_hash = sim_log_start;
    CU_ASSERT_FATAL(!haq_search_new(&s, c, &m.layers, NULL));
    for (size_t i = 0; i < stored; i++) {
        CU_ASSERT_FATAL(haq_search_next(s, asked.s[i], &w));
        sim_log(&m, &w);
        json_t *r = sim_answer(&m, &w);
        haq_search_tell(s, w.id, r, NULL, NULL);
        json_decref(r);
    }
    CU_ASSERT(m.log_hash == first_log);
    m.now_s = killed_s;
    sim_drive(&m, s);
    json_t *f = haq_search_front(s, m.now_s);
    CU_ASSERT(m.now_s <= 305);
    CU_ASSERT(json_equal(json_object_get(f, "points"),
                         json_object_get(calm, "points")));
    json_decref(f);
    haq_search_free(s);
}

static void a_killed_search_that_is_resumed_ends_as_if_it_was_not(void)
{
    static const struct {
        const char *algorithm;
        size_t trials;
        double time_s;
    } cases[] = {{"nsga2", 0, 300}, {"auto", 150, 0}, {"auto", 0, 100}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct sim m;
        struct haq_search_config c = sim_config();
        c.algorithm = cases[k].algorithm;
        c.trials = cases[k].trials;
        c.time_s = cases[k].time_s;
        c.methods = "clip,gptq";
        set_up_resuming(&m);
        json_t *calm = sim_run(&m, &c);
        for (size_t part = 1; part < 20; part += 3)
            kill_and_resume(&c, m.wants, part, calm);
        json_decref(calm);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(a_killed_search_that_is_resumed_ends_as_if_it_was_not),
        CU_TEST_INFO_NULL,
    };
    return run_suite("search/resume", tests);
}
