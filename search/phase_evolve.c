/* The phases that search: generations of candidates, and what is left of them
 * measured again. */
#include "search/search_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/algo/dominance.h"
#include "search/pareto.h"

enum {
    POPULATION_MIN = 12,
    POPULATION_MAX = 64,
    GENERATIONS = 8, /* that a budget should at least pay for */
    SEEDS_PER_COST = 24,
    CONFIRM = 40,
    CONFIRM_WISH = 20, /* that time is kept for */
    CONFIRM_BATCH = 8
};

/* Evolution may use this share of the time, and leaves enough for confirming
 * CONFIRM_WISH points as long as that is not more than the other share. */
static const double evolve_until = 0.85, confirm_share = 0.3;
/* A thorough timing takes this much longer than a quick one: twice 340 ms. */
static const double thorough_extra_s = 0.7;

/* ---- budgets --------------------------------------------------------------*/

size_t haq_search_evaluations(const struct haq_search *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_candidates; i++)
        n += s->candidate[i]->slice.known || s->candidate[i]->failed;
    return n;
}

static double confirm_cost(const struct haq_search *s)
{
    double whole = haq_slice_is_whole(s)
                       ? 0
                       : s->sample_s * (double)s->config.eval_samples;
    return whole + (haq_uses_latency(s) ? s->quick_s + thorough_extra_s : 0);
}

bool haq_evolve_late(const struct haq_search *s)
{
    double time = s->config.time_s;
    if (!(time > 0) || s->replaying)
        return false;
    double reserve =
        fmin(CONFIRM_WISH * confirm_cost(s), confirm_share * time) +
        haq_refine_reserve(s);
    return s->elapsed_s > fmin(evolve_until * time, time - reserve);
}

/* Small enough that the budget pays for several generations. */
static size_t choose_population(const struct haq_search *s)
{
    size_t n = 2 * s->space.layers->n;
    n = n > POPULATION_MAX ? POPULATION_MAX : n;
    n = n < 2 * POPULATION_MIN ? 2 * POPULATION_MIN : n;
    if (s->config.population)
        return s->config.population < 2 ? 2 : s->config.population;
    double afford = INFINITY;
    if (s->config.trials)
        afford = (double)s->config.trials / GENERATIONS;
    double one = s->sample_s * (double)haq_slice(s) + s->quick_s;
    if (s->config.time_s > 0)
        afford = fmin(afford, s->config.time_s / 2 / one / GENERATIONS);
    if (afford < (double)n)
        n = afford < POPULATION_MIN ? POPULATION_MIN : (size_t)afford;
    return n;
}

/* ---- start ----------------------------------------------------------------*/

/* Uniform groups and weight-only networks beside the baselines: corners that
 * sweeps over an additive model may miss. */
static const struct haq_choice corners[] = {
    {HAQ_WEIGHT_INT8, HAQ_GRAIN_CHANNEL, HAQ_ACT_STATIC},
    {HAQ_WEIGHT_INT6, HAQ_GRAIN_CHANNEL, HAQ_ACT_STATIC},
    {HAQ_WEIGHT_INT4, HAQ_GRAIN_CHANNEL, HAQ_ACT_STATIC},
    {HAQ_WEIGHT_INT4, HAQ_GRAIN_GROUP, HAQ_ACT_STATIC},
    {HAQ_WEIGHT_INT3, HAQ_GRAIN_GROUP, HAQ_ACT_STATIC},
    {HAQ_WEIGHT_INT4, HAQ_GRAIN_GROUP, HAQ_ACT_FLOAT},
};
enum { CORNERS = sizeof corners / sizeof *corners };

static bool has_times(const struct haq_search *s)
{
    for (size_t l = 0; l < s->space.layers->n; l++)
        if (s->layer_ms[l * HAQ_CLASSES] > 0)
            return haq_uses_latency(s);
    return false;
}

/* Corners and sweeps in one array [*n][genes]. */
static haq_status make_seeds(struct haq_search *s, int **out, size_t *n)
{
    size_t genes = s->space.genes, swept = 0;
    bool times = has_times(s);
    size_t per = s->population * 3 / 2 / (times ? 4 : 1);
    per = per > SEEDS_PER_COST ? SEEDS_PER_COST : per < 4 ? 4 : per;
    int *sweep = NULL, *all = NULL;
    double *damage = calloc(s->space.layers->n * HAQ_OPTIONS, sizeof *damage);
    haq_status status =
        damage ? HAQ_OK : haq_fail(&s->diag, HAQ_NOMEM, "seeds of the search");
    if (status)
        goto done;
    haq_damage_table(&s->space, s->damage, damage);
    status = haq_seeds_make(&s->space, damage, times ? s->layer_ms : NULL, per,
                            &sweep, &swept, &s->diag);
    if (status)
        goto done;
    all = calloc((swept + CORNERS) * genes, sizeof *all);
    if (!all) {
        status = haq_fail(&s->diag, HAQ_NOMEM, "seeds of the search");
        goto done;
    }
    for (size_t i = 0; i < CORNERS; i++)
        haq_space_fill(&s->space, corners[i], all + i * genes);
    memcpy(all + CORNERS * genes, sweep, swept * genes * sizeof *all);
    *out = all, *n = swept + CORNERS;
done:
    free(damage);
    free(sweep);
    return status;
}

static void canonical(const void *search, int *genes)
{
    const struct haq_search *s = search;
    haq_space_canonical(&s->space, genes);
}

static void start_algorithm(struct haq_search *s)
{
    int *seeds = NULL;
    size_t n = 0;
    s->population = choose_population(s);
    double *features = haq_agent_features(s);
    haq_status status =
        features ? HAQ_OK : haq_fail(&s->diag, HAQ_NOMEM, "search by agents");
    if (!status && !s->algo->seedless)
        status = make_seeds(s, &seeds, &n);
    if (!status) {
        struct haq_algo_config c = {
            .genes = s->space.genes,
            .cardinality = s->space.cardinality,
            .objectives = haq_objective_count(s),
            .population = s->population,
            .seed = s->config.seed,
            .seeds = seeds,
            .n_seeds = n,
            .canonical = canonical,
            .arg = s,
            .cost = haq_agent_cost,
            .feature = features,
            .features = HAQ_AGENT_FEATURES,
        };
        status = s->algo->start(&s->run, &c, &s->diag);
    }
    free(seeds);
    free(features);
    if (status)
        haq_search_fail(s, status, s->diag.text);
}

/* ---- generations ----------------------------------------------------------*/

static void tell_members(struct haq_search *s)
{
    for (size_t i = 0; i < s->n_members; i++) {
        double f[HAQ_MAX_OBJECTIVES], violation;
        haq_candidate_judge(s, s->member[i], false, f, &violation);
        s->algo->tell(s->run, s->member_id[i], f, violation);
    }
    s->n_members = 0;
}

bool haq_members_reserve(struct haq_search *s, size_t n)
{
    size_t room = s->member_room ? s->member_room : 64;
    while (room < n)
        room *= 2;
    if (room == s->member_room)
        return true;
    size_t *ids = realloc(s->member_id, room * sizeof *ids);
    if (ids)
        s->member_id = ids;
    struct haq_candidate **c =
        realloc(s->member, room * sizeof(struct haq_candidate *));
    if (c)
        s->member = c;
    if (!ids || !c)
        return false;
    s->member_room = room;
    return true;
}

static bool add_member(struct haq_search *s, size_t id, const int *vector)
{
    if (!haq_members_reserve(s, s->n_members + 1))
        return false;
    struct haq_candidate *c = haq_candidate_get(s, vector);
    if (!c)
        return false;
    s->member_id[s->n_members] = id;
    s->member[s->n_members++] = c;
    if (haq_race_possible(s))
        haq_race_start(s, c);
    else
        haq_slot_add(s, HAQ_SLOT_SLICE, c, 0, 0);
    return true;
}

/* Ask for one generation (an algorithm without generations: as many as a
 * population); false when there is nothing left to ask. */
static bool ask_members(struct haq_search *s)
{
    size_t known = haq_search_evaluations(s), most = SIZE_MAX;
    if (s->config.trials)
        most = known < s->config.trials ? s->config.trials - known : 0;
    size_t limit =
        s->population > SEEDS_PER_COST * 4 ? s->population : SEEDS_PER_COST * 4;
    while (s->n_slots < most && s->n_members < limit) {
        size_t id;
        const int *vector;
        enum haq_ask asked = s->algo->ask(s->run, &id, &vector);
        if (asked == HAQ_ASK_NOMEM ||
            (asked == HAQ_ASK_GIVEN && !add_member(s, id, vector))) {
            haq_search_fail(s, HAQ_NOMEM, "no memory for a generation");
            return false;
        }
        if (asked != HAQ_ASK_GIVEN)
            break;
    }
    return s->n_members;
}

/* Latency of those whose accuracy allows them at all (a candidate that is not
 * allowed is ranked by its violation alone): from the table, or measured when
 * there is none.  What ends on the front is measured in any case. */
static void add_timings(struct haq_search *s)
{
    if (!haq_uses_latency(s))
        return;
    double limit = haq_drop_limit(s, false);
    for (size_t i = 0; i < s->n_members; i++) {
        struct haq_candidate *c = s->member[i];
        if (haq_candidate_drop(s, c, false) <= limit &&
            !haq_candidate_timing(c) && !haq_predict_timing(s, c, &c->quick))
            haq_slot_add(s, HAQ_SLOT_QUICK, c, 0, 0);
    }
}

void haq_plan_evolve(struct haq_search *s)
{
    if (!s->step)
        start_algorithm(s);
    while (!s->status && !s->n_slots) {
        if (s->racing_stage) {
            haq_race_next(s);
            s->racing_stage = s->n_slots;
            continue;
        }
        if (s->timing_stage) {
            s->timing_stage = false;
            add_timings(s);
            continue;
        }
        tell_members(s);
        if (haq_evolve_late(s) || !ask_members(s))
            return;
        s->generation++;
        s->timing_stage = s->racing_stage = true;
    }
}

/* ---- confirmation ---------------------------------------------------------*/

static bool confirmable(const struct haq_search *s,
                        const struct haq_candidate *c)
{
    return c->slice.known && !c->failed && !c->outside && !c->dropped &&
           (!haq_uses_latency(s) || haq_candidate_timing(c));
}

/* Judged candidates, those that take part in a choice. */
struct pool {
    struct haq_candidate **candidate;
    double *f, *violation;
    size_t *rank, *scratch, n;
};

static void pool_fini(struct pool *p)
{
    free(p->candidate);
    free(p->f);
    free(p->violation);
    free(p->rank);
    free(p->scratch);
}

static bool pool_init(struct pool *p, const struct haq_search *s)
{
    size_t room = s->n_candidates, m = haq_objective_count(s);
    *p = (struct pool){0};
    p->candidate = calloc(room, sizeof(struct haq_candidate *));
    p->f = calloc(room, m * sizeof *p->f);
    p->violation = calloc(room, sizeof *p->violation);
    p->rank = calloc(room, sizeof *p->rank);
    p->scratch = calloc(room, sizeof *p->scratch);
    if (!p->candidate || !p->f || !p->violation || !p->rank || !p->scratch)
        return false;
    for (size_t i = 0; i < s->n_candidates; i++) {
        if (!confirmable(s, s->candidate[i]))
            continue;
        haq_candidate_judge(s, s->candidate[i], false, p->f + p->n * m,
                            &p->violation[p->n]);
        p->candidate[p->n++] = s->candidate[i];
    }
    return true;
}

/* Front after front until `most` points are chosen, those of a front in the
 * order in which they cover it.  Returns how many stand in
 * p->scratch. */
static size_t choose_points(struct pool *p, size_t m, size_t most, bool *ok)
{
    size_t fronts =
        haq_front_ranks(p->f, p->violation, p->n, m, p->rank, p->scratch);
    size_t chosen = 0;
    *ok = true;
    for (size_t r = 0; r < fronts && chosen < most && *ok; r++) {
        size_t first = chosen;
        for (size_t i = 0; i < p->n; i++)
            if (p->rank[i] == r && p->violation[i] <= 0)
                p->scratch[chosen++] = i;
        *ok = haq_spread_order(p->f, m, p->scratch + first, chosen - first);
    }
    return chosen < most ? chosen : most;
}

/* The points to be confirmed, most wanted first, as members. */
static void choose_members(struct haq_search *s)
{
    struct pool p;
    size_t m = haq_objective_count(s), chosen = 0;
    size_t most = s->config.confirm ? s->config.confirm : CONFIRM;
    bool ok = pool_init(&p, s);
    if (ok)
        chosen = choose_points(&p, m, most, &ok);
    ok = ok && haq_members_reserve(s, chosen);
    if (!ok)
        haq_search_fail(s, HAQ_NOMEM, "no memory for confirming the front");
    s->n_members = s->confirmed = s->batch = 0;
    s->timing_stage = false;
    for (size_t i = 0; i < chosen && ok; i++)
        s->member[s->n_members++] = p.candidate[p.scratch[i]];
    pool_fini(&p);
}

/* Points that the time left pays for; the first batch is never given up. */
static size_t affordable_batch(const struct haq_search *s)
{
    size_t left = s->n_members - s->batch;
    size_t most = left < CONFIRM_BATCH ? left : CONFIRM_BATCH;
    if (!(s->config.time_s > 0) || s->replaying || !s->batch)
        return most;
    double left_s = s->config.time_s - haq_refine_reserve(s) - s->elapsed_s;
    double n = left_s / fmax(confirm_cost(s), 1e-6);
    return n < 1 ? 0 : n < (double)most ? (size_t)n : most;
}

static void add_thorough(struct haq_search *s)
{
    double limit = haq_drop_limit(s, true);
    for (size_t i = s->confirmed; i < s->batch; i++)
        if (haq_uses_latency(s) &&
            haq_candidate_drop(s, s->member[i], true) <= limit)
            haq_slot_add(s, HAQ_SLOT_THOROUGH, s->member[i], 0, 0);
    s->confirmed = s->batch;
}

/* What a disturbed machine has spoilt is measured again when all else is done:
 * it may be another machine then. */
static void add_spoilt(struct haq_search *s)
{
    if (s->config.time_s > 0 && !s->replaying &&
        s->elapsed_s > s->config.time_s)
        return;
    for (size_t i = 0; i < s->n_candidates; i++)
        if (s->candidate[i]->thorough.known)
            haq_slot_add(s, HAQ_SLOT_THOROUGH, s->candidate[i], 0, 0);
}

/* In batches, so that whenever time ends what was begun is finished: first the
 * accuracies, then the latencies of those that are still allowed. */
void haq_plan_confirm(struct haq_search *s)
{
    if (!s->step)
        choose_members(s);
    while (!s->status && !s->n_slots) {
        if (s->confirmed < s->batch) {
            add_thorough(s);
            continue;
        }
        size_t n = affordable_batch(s);
        if (!n) {
            add_spoilt(s);
            return;
        }
        for (size_t i = s->batch; i < s->batch + n; i++)
            if (!haq_slice_is_whole(s))
                haq_slot_add(s, HAQ_SLOT_WHOLE, s->member[i], 0, 0);
        s->batch += n;
    }
}
