#include "search/search.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search/rules.h"
#include "search/search_priv.h"

const struct haq_phase haq_phases[] = {
    {"baseline", haq_plan_baseline, 0.6},
    {"sensitivity", haq_plan_sensitivity, 0.4},
    {"profile", haq_plan_profile, 0.5},
    {"evolve", haq_plan_evolve, 0},
    {"confirm", haq_plan_confirm, 1},
    {"refine", haq_plan_refine, 1},
    {0},
};

/* A resumed search is fed from a store; it is over with that when a stage took
 * real time, or after this long. */
static const double replay_stage_s = 2, replay_most_s = 60;

/* Before anything was timed. */
static const double quick_guess_s = 0.3;

/* ---- life -----------------------------------------------------------------*/

static haq_status check_config(const struct haq_search_config *c,
                               struct haq_diag *d)
{
    if (!c->objectives || c->objectives & ~(unsigned)HAQ_OBJ_ALL)
        return haq_fail(d, HAQ_USAGE, "a search needs at least one objective");
    if (!c->trials && !(c->time_s > 0))
        return haq_fail(d, HAQ_USAGE,
                        "a search needs a budget: --trials or --time");
    if (!c->eval_samples)
        return haq_fail(d, HAQ_INVALID, "the evaluation set is empty");
    if (!(c->max_drop >= 0))
        return haq_fail(d, HAQ_USAGE, "--max-drop %g is not a number >= 0",
                        c->max_drop);
    if (!(c->max_latency_ms > 0))
        return haq_fail(d, HAQ_USAGE, "--max-latency %g is not a number > 0",
                        c->max_latency_ms);
    return HAQ_OK;
}

static haq_status check_size(const struct haq_search *s, struct haq_diag *d)
{
    double least = (double)haq_space_least_bytes(&s->space);
    if (s->config.max_size_bytes >= least)
        return HAQ_OK;
    return haq_fail(d, HAQ_USAGE,
                    "--max-size %.0f cannot be met: with the smallest choice "
                    "in every layer the network takes %.0f bytes",
                    s->config.max_size_bytes, least);
}

static bool copy_strings(struct haq_search *s)
{
    struct haq_search_config *c = &s->config;
    const char **text[] = {&c->algorithm,    &c->metric,  &c->calib_hash,
                           &c->calib_method, &c->methods, &c->finish};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        if (*text[i]) {
            *text[i] = haq_arena_strdup(&s->arena, *text[i]);
            if (!*text[i])
                return false;
        }
    return true;
}

static bool make_tables(struct haq_search *s)
{
    size_t n = s->space.layers->n;
    s->damage = haq_arena_array(&s->arena, n * HAQ_PROBES, sizeof(double));
    s->layer_ms = haq_arena_array(&s->arena, n * HAQ_CLASSES, sizeof(double));
    s->layer_kernel =
        haq_arena_array(&s->arena, n * HAQ_CLASSES, sizeof(uint64_t));
    if (!s->damage || !s->layer_ms || !s->layer_kernel)
        return false;
    for (size_t i = 0; i < n * HAQ_PROBES; i++)
        s->damage[i] = NAN;
    for (size_t i = 0; i < n * HAQ_CLASSES; i++)
        s->layer_ms[i] = NAN;
    for (size_t i = 0; i < HAQ_CLASSES; i++)
        s->other_ms[i] = s->float_ms[i] = NAN;
    return true;
}

static void warn(void *search, const char *sentence)
{
    haq_search_warn(search, "%s", sentence);
}

/* What the target cannot run goes first: a rule that asks for it then fails. */
static haq_status restrict_space(struct haq_search *s, struct haq_diag *d)
{
    if (s->config.capabilities)
        haq_space_target(&s->space, s->config.capabilities,
                         s->config.target ? s->config.target : "the target",
                         warn, s);
    haq_status status = haq_space_apply(&s->space, s->config.rules, d);
    s->config.rules = NULL;
    s->config.capabilities = NULL;
    s->config.target = NULL;
    if (status == HAQ_OK)
        haq_warn_space(s);
    return status;
}

haq_status haq_search_new(struct haq_search **out,
                          const struct haq_search_config *config,
                          const struct haq_layers *layers, struct haq_diag *d)
{
    const struct haq_algo *algo = NULL;
    haq_status status = check_config(config, d);
    if (!status)
        status = haq_algo_find(
            &algo, config->algorithm ? config->algorithm : "auto", d);
    if (status)
        return status;
    struct haq_search *s = calloc(1, sizeof *s);
    if (!s)
        return haq_fail(d, HAQ_NOMEM, "search");
    haq_arena_init(&s->arena);
    s->config = *config;
    s->algo = algo;
    s->line.scale = 1;
    s->quick_s = haq_uses_latency(s) ? quick_guess_s : 0;
    if (!copy_strings(s)) {
        status = haq_fail(d, HAQ_NOMEM, "search");
        goto done;
    }
    status = haq_space_init(&s->space, layers, config->formats,
                            config->has_calibration, s->config.calib_hash,
                            s->config.calib_method, d);
    if (status)
        goto done;
    status = restrict_space(s, d);
    if (status)
        goto done;
    if (s->config.methods)
        s->space.methods = s->config.methods;
    if (!make_tables(s)) {
        status = haq_fail(d, HAQ_NOMEM, "search");
        goto done;
    }
    haq_name_baselines(s);
    status = s->status ? haq_fail(d, s->status, "%s", s->diag.text)
                       : check_size(s, d);
    if (status)
        goto done;
    *out = s;
    s = NULL;
done:
    haq_search_free(s);
    return status;
}

void haq_search_free(struct haq_search *s)
{
    if (!s)
        return;
    haq_slots_clear(s);
    for (size_t i = 0; i < s->n_candidates; i++)
        haq_recipe_fini(&s->candidate[i]->recipe);
    if (s->run)
        s->algo->end(s->run);
    free(s->candidate);
    free(s->slot);
    free(s->timed);
    free(s->member);
    free(s->member_id);
    haq_space_fini(&s->space);
    haq_arena_fini(&s->arena);
    free(s);
}

void haq_search_fail(struct haq_search *s, haq_status status, const char *text)
{
    if (s->status)
        return;
    char copy[sizeof s->diag.text];
    snprintf(copy, sizeof copy, "%s", text);
    s->status = haq_fail(&s->diag, status, "%s", copy);
    s->over = true;
}

/* ---- stages ---------------------------------------------------------------*/

/* What one sample and one quick timing cost, from the stage that just closed,
 * in order of slots.  Wall time while nothing but one kind was measured, else
 * what the results say it took when they were made. */
static void learn_costs(struct haq_search *s, double wall)
{
    double seconds = 0;
    size_t samples = 0, timings = 0, evaluations = 0, refined = 0;
    for (size_t i = 0; i < s->n_slots; i++) {
        const struct haq_slot *slot = &s->slot[i];
        bool evaluates = slot->kind == HAQ_SLOT_SLICE ||
                         slot->kind == HAQ_SLOT_WHOLE ||
                         slot->kind == HAQ_SLOT_RUNG;
        bool counts = evaluates && slot->told && slot->samples;
        samples += counts ? slot->samples : 0;
        seconds += counts ? slot->seconds : 0;
        evaluations += evaluates;
        timings += slot->kind == HAQ_SLOT_QUICK;
        refined += slot->kind == HAQ_SLOT_ORDER;
    }
    bool now = s->phase == HAQ_PHASE_EVOLVE && !s->replaying;
    if (now && timings && timings == s->n_slots)
        s->quick_s = wall / (double)timings;
    if (refined && !s->replaying)
        s->refine_s = wall / (double)refined;
    if (samples && now && evaluations == s->n_slots)
        s->sample_s = wall / (double)samples;
    else if (samples && seconds > 0)
        s->sample_s = seconds / (double)samples;
}

static void close_stage(struct haq_search *s)
{
    learn_costs(s, s->elapsed_s - s->stage_start_s);
    haq_slots_clear(s);
    s->stage_start_s = s->elapsed_s;
}

/* The next stage that wants something, or the end. */
static void advance(struct haq_search *s)
{
    close_stage(s);
    while (!s->over) {
        haq_phases[s->phase].plan(s);
        s->step++;
        if (s->n_slots || s->over)
            return;
        s->phase++;
        s->step = s->done_slots = 0;
        s->over = !haq_phases[s->phase].name;
    }
}

/* Wants not handed out are dropped when their phase took its share.  The two
 * references are never dropped, without them there is nothing to show, nor is
 * the first batch of confirmed points. */
static void drop_late(struct haq_search *s)
{
    bool first_batch = s->phase == HAQ_PHASE_CONFIRM && !s->confirmed;
    bool references = s->phase == HAQ_PHASE_BASELINE && s->step == 1;
    if (!(s->config.time_s > 0) || s->replaying || first_batch || references)
        return;
    double latest = haq_phases[s->phase].latest * s->config.time_s;
    bool late = s->phase == HAQ_PHASE_EVOLVE ? haq_evolve_late(s)
                                             : s->elapsed_s > latest;
    if (!late)
        return;
    for (size_t i = s->next_slot; i < s->n_slots; i++)
        json_decref(s->slot[i].params);
    s->n_slots = s->next_slot;
}

bool haq_search_next(struct haq_search *s, double elapsed_s,
                     struct haq_want *want)
{
    if (!s->started) {
        s->started = true;
        s->first_elapsed_s = s->stage_start_s = elapsed_s;
        s->replaying = elapsed_s > replay_stage_s;
    }
    s->elapsed_s = fmax(elapsed_s, s->elapsed_s);
    if (s->stopped || s->over)
        return false;
    if (s->elapsed_s - s->stage_start_s > replay_stage_s ||
        s->elapsed_s - s->first_elapsed_s > replay_most_s)
        s->replaying = false;
    drop_late(s);
    while (s->next_slot == s->n_slots && !s->open && !s->over)
        advance(s);
    if (s->over || s->next_slot == s->n_slots)
        return false;
    haq_slot_want(s, s->next_slot, want);
    s->slot[s->next_slot++].issued = true;
    s->open++;
    return true;
}

/* Is the reference lost?  Without float there is nothing to compare with. */
static haq_status check_base(struct haq_search *s, const char *reason,
                             struct haq_diag *d)
{
    if (!s->base->failed || s->status)
        return HAQ_OK;
    char text[sizeof s->diag.text];
    snprintf(text, sizeof text, "the float model could not be measured: %s",
             reason);
    haq_search_fail(s, HAQ_FAILED, text);
    return haq_fail(d, HAQ_FAILED, "%s", text);
}

haq_status haq_search_tell(struct haq_search *s, uint64_t id,
                           const json_t *result, const char *reason,
                           struct haq_diag *d)
{
    size_t index = (size_t)(id - s->first_id);
    if (id < s->first_id || index >= s->n_slots || !s->slot[index].issued ||
        s->slot[index].told)
        return haq_fail(d, HAQ_INVALID,
                        "the search has no open measurement %llu",
                        (unsigned long long)id);
    struct haq_slot *slot = &s->slot[index];
    const char *why = reason ? reason : "the task failed";
    if (result)
        why = haq_slot_read(s, slot, result);
    slot->told = true;
    s->open--;
    s->done_slots++;
    if (!why)
        return HAQ_OK;
    haq_slot_fail(s, slot, why);
    return check_base(s, why, d);
}

void haq_search_revise(struct haq_search *s, uint64_t id, const json_t *result)
{
    struct haq_slot *slot = haq_slot_timed(s, id);
    if (slot && !slot->candidate->failed)
        haq_slot_read(s, slot, result);
}

bool haq_search_done(const struct haq_search *s)
{
    if (s->over)
        return true;
    return s->stopped && !s->open;
}

void haq_search_stop(struct haq_search *s)
{
    s->stopped = true;
}

/* ---- progress -------------------------------------------------------------*/

/* Rough shares of a job by trials; by time the clock says it. */
static double fraction(const struct haq_search *s, double elapsed_s)
{
    double done = 0;
    if (haq_search_done(s))
        return 1;
    if (s->config.time_s > 0)
        done = elapsed_s / s->config.time_s;
    if (s->config.trials) {
        static const double start[] = {0, 0.05, 0.15, 0.2, 0.9, 0.95};
        double n = s->phase == HAQ_PHASE_EVOLVE
                       ? 0.7 * (double)haq_search_evaluations(s) /
                             (double)s->config.trials
                   : s->n_slots
                       ? 0.05 * (double)s->next_slot / (double)s->n_slots
                       : 0;
        done = fmax(done, start[s->phase] + n);
    }
    return fmin(done, 0.99);
}

/* Best of what keeps to the limits: accuracy, speed-up, size. */
static void best_line(const struct haq_search *s, char *out, size_t room)
{
    double fastest = 0, accuracy = NAN;
    size_t smallest = 0;
    for (size_t i = 0; i < s->n_candidates; i++) {
        const struct haq_candidate *c = s->candidate[i];
        double f[HAQ_MAX_OBJECTIVES], violation;
        if (!c->slice.known || c->outside || c->dropped || c == s->base)
            continue;
        haq_candidate_judge(s, c, false, f, &violation);
        if (violation > 0)
            continue;
        const struct haq_timing *t = haq_candidate_timing(c);
        if (t && t->speedup.value > fastest)
            fastest = t->speedup.value;
        if (!smallest || c->size_bytes < smallest)
            smallest = c->size_bytes;
        double a = c->slice.value.value;
        bool better = s->config.higher_is_better ? a > accuracy : a < accuracy;
        if (isnan(accuracy) || better)
            accuracy = a;
    }
    size_t len = 0;
    out[0] = 0;
    if (!isnan(accuracy))
        len =
            (size_t)snprintf(out, room, "%s %.2f", s->config.metric, accuracy);
    if (fastest > 0 && len < room)
        len +=
            (size_t)snprintf(out + len, room - len, ", %.2fx faster", fastest);
    if (smallest && len < room)
        snprintf(out + len, room - len, ", %.1fx smaller",
                 (double)s->base->size_bytes / (double)smallest);
}

void haq_search_progress(const struct haq_search *s, double elapsed_s,
                         struct haq_progress *out)
{
    const char *name = haq_phases[s->phase].name;
    bool evolving = s->phase == HAQ_PHASE_EVOLVE;
    *out = (struct haq_progress){
        .phase = name ? name : "done",
        .done = evolving ? haq_search_evaluations(s) : s->done_slots,
        .total = evolving ? s->config.trials
                          : s->done_slots + s->open + s->n_slots - s->next_slot,
        .fraction = fraction(s, elapsed_s),
        .evaluations = haq_search_evaluations(s),
    };
    best_line(s, out->best, sizeof out->best);
}
