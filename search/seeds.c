#include "search/seeds.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "search/knapsack.h"

static const double tiny = 1e-12; /* stands for no damage at all */
static const double dynamic_share = 0.7;

/* Columns of a row of probes: widths first. */
enum { INT2, INT3, INT4, INT6, INT3_GROUP, INT8_ACT, TERNARY, BINARY };

enum { WIDTHS = HAQ_WEIGHT_FLOAT };

const struct haq_choice haq_probes[HAQ_PROBES] = {
    [INT2] = {HAQ_WEIGHT_INT2, HAQ_GRAIN_CHANNEL, HAQ_ACT_FLOAT},
    [INT3] = {HAQ_WEIGHT_INT3, HAQ_GRAIN_CHANNEL, HAQ_ACT_FLOAT},
    [INT4] = {HAQ_WEIGHT_INT4, HAQ_GRAIN_CHANNEL, HAQ_ACT_FLOAT},
    [INT6] = {HAQ_WEIGHT_INT6, HAQ_GRAIN_CHANNEL, HAQ_ACT_FLOAT},
    [INT3_GROUP] = {HAQ_WEIGHT_INT3, HAQ_GRAIN_GROUP, HAQ_ACT_FLOAT},
    [INT8_ACT] = {HAQ_WEIGHT_INT8, HAQ_GRAIN_CHANNEL, HAQ_ACT_STATIC},
    [TERNARY] = {HAQ_WEIGHT_TERNARY, HAQ_GRAIN_CHANNEL, HAQ_ACT_FLOAT},
    [BINARY] = {HAQ_WEIGHT_BINARY, HAQ_GRAIN_CHANNEL, HAQ_ACT_FLOAT},
};

/* ---- damage ---------------------------------------------------------------*/

/* Of int2's damage; of ternary's. */
static const double ternary_share = 0.5, binary_share = 4;

/* The formats whose few codes are fitted stand outside the law. */
static void fill_fitted(const double *probe, double *width)
{
    double t = probe[TERNARY], b = probe[BINARY];
    if (isnan(t))
        t = ternary_share * width[HAQ_WEIGHT_INT2];
    if (isnan(b))
        b = binary_share * t;
    width[HAQ_WEIGHT_TERNARY] = fmax(t, tiny);
    width[HAQ_WEIGHT_BINARY] = fmax(b, width[HAQ_WEIGHT_TERNARY]);
}

/* What int2 would do, where one of them was measured and no width was. */
static double int2_from_fitted(const double *probe)
{
    if (!isnan(probe[TERNARY]))
        return fmax(probe[TERNARY] / ternary_share, tiny);
    return fmax(probe[BINARY], tiny) / binary_share / ternary_share;
}

/* Damage of each width from those that are known; false when none is. */
static bool fill_widths(const double *probe, double *width)
{
    int known[WIDTHS], n = 0;
    for (int i = 0; i <= INT6; i++)
        if (!isnan(probe[i])) {
            int w = haq_probes[i].weight;
            width[w] = fmax(probe[i], tiny);
            known[n++] = w;
        }
    if (!n && !(isnan(probe[TERNARY]) && isnan(probe[BINARY]))) {
        width[HAQ_WEIGHT_INT2] = int2_from_fitted(probe);
        known[n++] = HAQ_WEIGHT_INT2;
    }
    if (!n)
        return false;
    for (int w = HAQ_WEIGHT_INT2; w < WIDTHS; w++) {
        int next = 0;
        while (next < n && known[next] < w)
            next++;
        if (next < n && known[next] == w)
            continue;
        int near = known[next ? next - 1 : 0],
            far = next < n ? known[next] : -1;
        if (!next || far < 0)
            width[w] = width[near] * pow(4, near - w);
        else
            width[w] =
                exp(log(width[near]) + (log(width[far]) - log(width[near])) *
                                           (w - near) / (far - near));
    }
    for (int w = WIDTHS - 1; w-- > HAQ_WEIGHT_INT2;)
        width[w] = fmax(width[w], width[w + 1]);
    fill_fitted(probe, width);
    return true;
}

/* What a layer loses with each of its options. */
static void fill_layer(const struct haq_space *s, size_t layer,
                       const double *width, const double *probe, double *damage)
{
    double group = probe[INT3_GROUP] / width[HAQ_WEIGHT_INT3];
    if (!(group <= 1)) /* unknown, or noise: groups are never worse */
        group = isnan(group) ? 0.5 : 1;
    double act = probe[INT8_ACT] - width[WIDTHS - 1];
    if (isnan(act))
        act = width[WIDTHS - 1];
    act = fmax(act, tiny);
    bool is_static = s->first_act == HAQ_ACT_STATIC;
    const double acts[HAQ_ACT_VALUES] = {
        [HAQ_ACT_STATIC] = act,
        [HAQ_ACT_DYNAMIC] = is_static ? dynamic_share * act : act,
        [HAQ_ACT_FLOAT] = 0,
    };
    for (size_t o = 0; o < HAQ_OPTIONS; o++) {
        struct haq_choice c = haq_choice_at(o);
        double w = c.weight == HAQ_WEIGHT_FLOAT ? 0 : width[c.weight];
        if (c.grain == HAQ_GRAIN_GROUP)
            w *= fmax(group, 0.05);
        damage[o] = haq_space_offers(s, layer, c) ? w + acts[c.act] : INFINITY;
    }
}

/* The damage of tied layers was measured together, and stands with the first.
 */
static void fill_follower(const struct haq_space *s, size_t layer,
                          double *damage)
{
    for (size_t o = 0; o < HAQ_OPTIONS; o++)
        damage[o] = haq_space_offers(s, layer, haq_choice_at(o)) ? 0 : INFINITY;
}

/* Mean of the known damages of each probe, for layers that have none. */
static void mean_probe(const struct haq_space *s, const double *probe,
                       double *mean)
{
    for (size_t p = 0; p < HAQ_PROBES; p++) {
        double sum = 0;
        size_t n = 0;
        for (size_t l = 0; l < s->layers->n; l++)
            if (!isnan(probe[l * HAQ_PROBES + p]))
                sum += probe[l * HAQ_PROBES + p], n++;
        mean[p] = n ? sum / (double)n : NAN;
    }
    if (isnan(mean[INT4]))
        mean[INT4] = 1; /* nothing is known: only the 4^-b law */
}

void haq_damage_table(const struct haq_space *s, const double *probe,
                      double *damage)
{
    double mean[HAQ_PROBES], width[WIDTHS];
    mean_probe(s, probe, mean);
    for (size_t l = 0; l < s->layers->n; l++) {
        const double *row = probe + l * HAQ_PROBES;
        if (s->domain[l].lead != l) {
            fill_follower(s, l, damage + l * HAQ_OPTIONS);
            continue;
        }
        if (!fill_widths(row, width)) {
            row = mean;
            fill_widths(row, width);
        }
        fill_layer(s, l, width, row, damage + l * HAQ_OPTIONS);
    }
}

/* ---- cost -----------------------------------------------------------------*/

/* Milliseconds of one class on one layer; an unknown class takes the time of
 * float. */
static double class_ms(const double *layer_ms, size_t layer, size_t class)
{
    const double *row = layer_ms + layer * HAQ_CLASSES;
    double ms = isnan(row[class]) ? row[0] : row[class];
    return isnan(ms) ? 0 : ms;
}

/* Cost of every option: `share` of it is time, the rest size, each relative to
 * the float network.  Layers that are tied cost what they cost together. */
static void fill_cost(const struct haq_space *s, const double *layer_ms,
                      double share, double *cost)
{
    double bytes = 0, ms = 0;
    for (size_t l = 0; l < s->layers->n; l++) {
        struct haq_choice f = {HAQ_WEIGHT_FLOAT, 0, HAQ_ACT_FLOAT};
        bytes += (double)haq_space_bytes(s, l, f);
        ms += layer_ms ? class_ms(layer_ms, l, 0) : 0;
    }
    memset(cost, 0, s->layers->n * HAQ_OPTIONS * sizeof *cost);
    for (size_t l = 0; l < s->layers->n; l++)
        for (size_t o = 0; o < HAQ_OPTIONS; o++) {
            struct haq_choice c = haq_choice_at(o);
            double x = 0;
            if (haq_space_offers(s, l, c))
                x = (1 - share) * (double)haq_space_bytes(s, l, c) / bytes;
            if (share > 0 && ms > 0)
                x += share * class_ms(layer_ms, l, haq_choice_class(c)) / ms;
            cost[s->domain[l].lead * HAQ_OPTIONS + o] += x;
        }
}

/* Smallest at any speed; fastest; half of each; smallest at full speed. */
static const struct {
    double share; /* of time in the cost, the rest is size */
    bool fastest; /* only options of each layer that are as fast as any */
} sweep_of[] = {{0, false}, {1, false}, {0.5, false}, {0, true}};

/* Options within this of the fastest count as equally fast. */
static const double same_speed = 1.03;

/* The least time that a quantized option takes on a layer. */
static double fastest_ms(const struct haq_space *s, size_t layer,
                         const double *layer_ms)
{
    double best = INFINITY;
    for (size_t o = 0; o < HAQ_OPTIONS; o++) {
        struct haq_choice c = haq_choice_at(o);
        if (c.weight != HAQ_WEIGHT_FLOAT && haq_space_offers(s, layer, c))
            best = fmin(best, class_ms(layer_ms, layer, haq_choice_class(c)));
    }
    return best;
}

static void restrict_options(const struct haq_space *s, const double *damage,
                             const double *layer_ms, bool fastest,
                             double *allowed)
{
    for (size_t l = 0; l < s->layers->n; l++) {
        double most =
            fastest ? same_speed * fastest_ms(s, l, layer_ms) : INFINITY;
        for (size_t o = 0; o < HAQ_OPTIONS; o++) {
            struct haq_choice c = haq_choice_at(o);
            bool in = !fastest ||
                      (c.weight != HAQ_WEIGHT_FLOAT &&
                       class_ms(layer_ms, l, haq_choice_class(c)) <= most);
            allowed[l * HAQ_OPTIONS + o] =
                in ? damage[l * HAQ_OPTIONS + o] : INFINITY;
        }
    }
}

static void put_choices(const struct haq_space *s, const size_t *choice,
                        size_t n, int *genes)
{
    for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < s->layers->n; l++)
            if (s->domain[l].lead == l)
                haq_space_put(s, l, haq_choice_at(choice[i * s->layers->n + l]),
                              genes + i * s->genes);
}

haq_status haq_seeds_make(const struct haq_space *s, const double *damage,
                          const double *layer_ms, size_t per_cost, int **genes,
                          size_t *n, struct haq_diag *d)
{
    haq_status status = HAQ_OK;
    size_t sweeps = layer_ms ? sizeof sweep_of / sizeof *sweep_of : 1;
    size_t layers = s->layers->n;
    double *cost = calloc(layers * HAQ_OPTIONS, sizeof *cost);
    double *allowed = calloc(layers * HAQ_OPTIONS, sizeof *allowed);
    size_t *choice = calloc(layers * per_cost, sizeof *choice);
    int *out = calloc(sweeps * per_cost * s->genes, sizeof *out);
    bool ok = cost && allowed && choice && out;
    for (size_t i = 0; ok && i < sweeps; i++) {
        fill_cost(s, layer_ms, sweep_of[i].share, cost);
        restrict_options(s, damage, layer_ms, sweep_of[i].fastest, allowed);
        struct haq_knapsack k = {layers, HAQ_OPTIONS, allowed, cost};
        ok = haq_knapsack_sweep(&k, per_cost, choice);
        if (ok)
            put_choices(s, choice, per_cost, out + i * per_cost * s->genes);
    }
    if (!ok) {
        status = haq_fail(d, HAQ_NOMEM, "seeds of the search");
        goto done;
    }
    *genes = out, *n = sweeps * per_cost;
    out = NULL;
done:
    free(cost);
    free(allowed);
    free(choice);
    free(out);
    return status;
}
