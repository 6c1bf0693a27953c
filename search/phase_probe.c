/* The phases that look before the search leaps: baselines, one-in damages. */
#include "search/search_priv.h"

#include <math.h>
#include <stdlib.h>

enum { INT8 = HAQ_WEIGHT_INT8 };

/* Share of the time that one-in damages may take. */
static const double damage_share = 0.2;

static const struct haq_choice float_choice = {
    HAQ_WEIGHT_FLOAT, HAQ_GRAIN_CHANNEL, HAQ_ACT_FLOAT};

/* References are what they say, whatever the space leaves a layer. */
static struct haq_candidate *uniform(struct haq_search *s, struct haq_choice c,
                                     struct haq_choice *scratch)
{
    for (size_t l = 0; l < s->space.layers->n; l++)
        scratch[l] = c;
    return haq_candidate_of(s, scratch);
}

static void name_baselines(struct haq_search *s, struct haq_choice *scratch)
{
    s->base = uniform(s, float_choice, scratch);
    if (s->base)
        s->base->label = "float";
    for (int w = 0; w < HAQ_WEIGHT_FLOAT && !s->status; w++) {
        struct haq_choice c = {w, HAQ_GRAIN_CHANNEL, (int)s->space.first_act};
        if (!haq_space_has(&s->space, w))
            continue;
        s->uniform[w] = uniform(s, c, scratch);
        if (s->uniform[w])
            s->uniform[w]->label = haq_choice_format(c)->name;
    }
}

static void add_baseline(struct haq_search *s, struct haq_candidate *c)
{
    haq_slot_add(s, HAQ_SLOT_SLICE, c, 0, 0);
    if (!haq_slice_is_whole(s))
        haq_slot_add(s, HAQ_SLOT_WHOLE, c, 0, 0);
}

static void plan_references(struct haq_search *s)
{
    add_baseline(s, s->base);
    add_baseline(s, s->uniform[INT8]);
    if (haq_uses_latency(s)) {
        haq_slot_add(s, HAQ_SLOT_THOROUGH, s->base, 0, 0);
        haq_slot_add(s, HAQ_SLOT_THOROUGH, s->uniform[INT8], 0, 0);
    }
}

/* Widths below 8 on the whole set only where that is cheap; those on the front
 * are confirmed later anyway. */
static void plan_uniform(struct haq_search *s)
{
    double whole = s->sample_s * (double)s->config.eval_samples;
    int below = s->space.weights - 2; /* without int8 and float */
    bool cheap =
        !(s->config.time_s > 0) || whole * below < 0.15 * s->config.time_s;
    for (int w = INT8; w-- > 0;) {
        haq_slot_add(s, HAQ_SLOT_SLICE, s->uniform[w], 0, 0);
        if (cheap && !haq_slice_is_whole(s))
            haq_slot_add(s, HAQ_SLOT_WHOLE, s->uniform[w], 0, 0);
    }
    for (int w = INT8; w-- > 0 && haq_uses_latency(s);)
        haq_slot_add(s, HAQ_SLOT_THOROUGH, s->uniform[w], 0, 0);
}

void haq_plan_baseline(struct haq_search *s)
{
    if (s->step == 0)
        plan_references(s);
    else if (s->step == 1)
        plan_uniform(s);
}

void haq_name_baselines(struct haq_search *s)
{
    struct haq_choice *scratch = haq_choices_new(s);
    if (scratch)
        name_baselines(s, scratch);
    free(scratch);
}

/* ---- sensitivity ----------------------------------------------------------*/

/* Probes by worth: with little time only the first ones are measured. */
static const size_t probe_order[HAQ_PROBES] = {2, 0, 5, 6, 7, 4, 1, 3};

static bool may_probe(const struct haq_search *s, size_t probe)
{
    return haq_space_has(&s->space, haq_probes[probe].weight);
}

static size_t affordable_probes(const struct haq_search *s)
{
    if (!(s->config.time_s > 0) || !(s->sample_s > 0))
        return HAQ_PROBES;
    double one = s->sample_s * (double)haq_damage_samples(s) *
                 (double)s->space.layers->n;
    double n = damage_share * s->config.time_s / one;
    return n < 1 ? 1 : n > HAQ_PROBES ? HAQ_PROBES : (size_t)n;
}

/* A probe tells something about a layer that may have its format at all, with
 * whatever activations. */
static bool useful(const struct haq_space *s, size_t layer, struct haq_choice c)
{
    const struct haq_domain *x = &s->domain[layer];
    int grain = c.grain == HAQ_GRAIN_GROUP ? c.grain : -1;
    bool chosen = x->weights == 1 && x->grains == 1 && x->acts == 1;
    return !chosen && x->options & haq_options_weight(c.weight, grain);
}

/* Layers that are tied are changed together, and are one row. */
static void add_probe(struct haq_search *s, size_t layer, size_t probe,
                      struct haq_choice *choice)
{
    const struct haq_space *space = &s->space;
    struct haq_choice c = haq_probes[probe];
    if (c.act == HAQ_ACT_STATIC)
        c.act = (int)space->first_act;
    if (space->domain[layer].lead != layer || !useful(space, layer, c))
        return;
    for (size_t l = 0; l < space->layers->n; l++)
        choice[l] = space->domain[l].lead == layer ? c : float_choice;
    haq_slot_add(s, HAQ_SLOT_DAMAGE, haq_candidate_of(s, choice), layer, probe);
}

void haq_plan_sensitivity(struct haq_search *s)
{
    if (s->step)
        return;
    struct haq_choice *choice = haq_choices_new(s);
    if (!choice)
        return;
    size_t left = affordable_probes(s);
    for (size_t p = 0; p < HAQ_PROBES && left; p++) {
        if (!may_probe(s, probe_order[p]))
            continue;
        left--;
        for (size_t l = 0; l < s->space.layers->n && !s->status; l++)
            add_probe(s, l, probe_order[p], choice);
    }
    free(choice);
}
