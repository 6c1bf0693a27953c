/* The time of each layer under each choice.
 *
 *     widths of one grain and one activation, few bits first
 *     b   2   3   4   5   6   7   8
 *     x---------------------------x     both ends are measured
 *     x-----------x---------------x     where a layer's kernel or the bytes of
 *     x-----x-----x=======x=======x     its weights differ, the middle is too
 *
 * Between two widths that ran the same kernel over as many bytes everywhere
 * (=) nothing can differ, and nothing is measured.  An engine that unpacks
 * every width to int8 beforehand takes two runs, one with a kernel for each
 * takes as many as there are widths.
 */
#include "search/search_priv.h"

#include <math.h>
#include <stdlib.h>

/* Widths of one grain and activation. */
struct line {
    int grain, act;
};

/* Genes of integer formats: float is the last one. */
static int integers(const struct haq_search *s)
{
    return s->space.weights - 1;
}

static struct haq_choice choice_of(const struct haq_search *s, struct line k,
                                   int gene)
{
    return (struct haq_choice){s->space.weight[gene], k.grain, k.act};
}

/* May any layer be this? */
static bool anywhere(const struct haq_search *s, struct haq_choice c)
{
    for (size_t l = 0; l < s->space.layers->n; l++)
        if (haq_space_offers(&s->space, l, c))
            return true;
    return false;
}

/* ---- what to measure ------------------------------------------------------*/

static size_t class_of(const struct haq_search *s, struct line k, int gene)
{
    return haq_choice_class(choice_of(s, k, gene));
}

static void ask(struct haq_search *s, struct line k, int gene, int *genes)
{
    size_t class = class_of(s, k, gene);
    if (s->profiled[class])
        return;
    s->profiled[class] = true;
    haq_space_fill(&s->space, choice_of(s, k, gene), genes);
    haq_slot_add(s, HAQ_SLOT_PROFILE, haq_candidate_get(s, genes), 0, class);
}

/* Did all layers run the same in both?  What is not known is not the same. */
static bool same_kernels(const struct haq_search *s, size_t a, size_t b)
{
    for (size_t l = 0; l < s->space.layers->n; l++) {
        const uint64_t *row = s->layer_kernel + l * HAQ_CLASSES;
        if (!row[a] || row[a] != row[b])
            return false;
    }
    return true;
}

static void ask_between(struct haq_search *s, struct line k, int *genes)
{
    int last = -1;
    for (int g = 0; g < integers(s); g++) {
        if (!s->profiled[class_of(s, k, g)])
            continue;
        if (last >= 0 && g - last > 1 &&
            !same_kernels(s, class_of(s, k, last), class_of(s, k, g)))
            ask(s, k, (last + g) / 2, genes);
        last = g;
    }
}

static void ask_line(struct haq_search *s, struct line k, int *genes)
{
    if (s->step) {
        ask_between(s, k, genes);
        return;
    }
    int widest = integers(s) - 1, narrowest = 0;
    while (widest >= 0 && !anywhere(s, choice_of(s, k, widest)))
        widest--;
    while (narrowest < widest && !anywhere(s, choice_of(s, k, narrowest)))
        narrowest++;
    if (widest < 0)
        return; /* no layer may be any of these */
    ask(s, k, widest, genes);
    ask(s, k, narrowest, genes);
}

/* ---- the table ------------------------------------------------------------*/

/* Times as if all were measured when the float model was: a machine that was
 * slower for a while was it for both. */
static void settle_drift(struct haq_search *s)
{
    double base = s->float_ms[0];
    for (size_t c = 1; c < HAQ_CLASSES; c++) {
        double share = base / s->float_ms[c];
        if (!(share > 0) || isinf(share))
            continue;
        s->other_ms[c] *= share;
        for (size_t l = 0; l < s->space.layers->n; l++)
            s->layer_ms[l * HAQ_CLASSES + c] *= share;
    }
}

/* Equal kernels get the mean of their times. */
static void share_times(struct haq_search *s, struct line k, size_t layer)
{
    double *ms = s->layer_ms + layer * HAQ_CLASSES, mean[HAQ_WEIGHT_VALUES];
    const uint64_t *kernel = s->layer_kernel + layer * HAQ_CLASSES;
    for (int g = 0; g < integers(s); g++) {
        size_t mine = class_of(s, k, g), n = 0;
        mean[g] = 0;
        for (int h = 0; h < integers(s); h++) {
            size_t c = class_of(s, k, h);
            if (!isnan(ms[c]) &&
                (c == mine || (kernel[c] == kernel[mine] && kernel[mine])))
                mean[g] += ms[c], n++;
        }
        mean[g] = n ? mean[g] / (double)n : NAN;
    }
    for (int g = 0; g < integers(s); g++)
        ms[class_of(s, k, g)] = mean[g];
}

/* Unmeasured widths lie on the line between their neighbours. */
static void fill_times(struct haq_search *s, struct line k, size_t layer)
{
    double *ms = s->layer_ms + layer * HAQ_CLASSES;
    int last = -1;
    for (int g = 0; g <= integers(s); g++) {
        bool end = g == integers(s);
        if (!end && isnan(ms[class_of(s, k, g)]))
            continue;
        if (end && last < 0)
            return;
        double right = ms[class_of(s, k, end ? last : g)];
        double left = last < 0 ? right : ms[class_of(s, k, last)];
        for (int i = last + 1; i < g; i++)
            ms[class_of(s, k, i)] =
                left + (right - left) * (i - last) / (g - last);
        last = g;
    }
}

/* What is outside layers does not see the weights. */
static void settle_other(struct haq_search *s, struct line k)
{
    double sum = 0;
    size_t n = 0;
    for (int g = 0; g < integers(s); g++) {
        double ms = s->other_ms[class_of(s, k, g)];
        if (!isnan(ms))
            sum += ms, n++;
    }
    for (int g = 0; g < integers(s); g++)
        s->other_ms[class_of(s, k, g)] = n ? sum / (double)n : NAN;
}

static void settle_line(struct haq_search *s, struct line k)
{
    for (size_t l = 0; l < s->space.layers->n; l++) {
        share_times(s, k, l);
        fill_times(s, k, l);
    }
    settle_other(s, k);
}

/* ---- the phase ------------------------------------------------------------*/

static void each_line(struct haq_search *s, int *genes)
{
    for (int grain = 0; grain < HAQ_GRAIN_VALUES; grain++)
        for (int act = (int)s->space.first_act; act < HAQ_ACT_VALUES; act++) {
            struct line k = {grain, act};
            if (genes)
                ask_line(s, k, genes);
            else
                settle_line(s, k);
        }
}

void haq_plan_profile(struct haq_search *s)
{
    if (!haq_uses_latency(s))
        return;
    int *genes = calloc(s->space.genes, sizeof *genes);
    if (!genes) {
        haq_search_fail(s, HAQ_NOMEM, "no memory for the profile");
        return;
    }
    if (!s->step)
        haq_slot_add(s, HAQ_SLOT_PROFILE, s->base, 0, 0);
    each_line(s, genes);
    free(genes);
    if (!s->n_slots) {
        settle_drift(s);
        each_line(s, NULL);
        haq_predict_fit(s);
        haq_warn_profile(s);
    }
}
