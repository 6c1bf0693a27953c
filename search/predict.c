/* Latency from the table of layer times.
 *
 *     r = sum of the table for a candidate / for float
 *     predicted time / float's = add + scale * r
 *
 * What a sum of layer times misses on a device (threads that meet between
 * layers, caches that are warm already) is about the same for every network of
 * one shape: a line through the whole networks that were timed, which are float
 * and the uniform widths.
 */
#include <math.h>

#include "base/json.h"

#include "search/search_priv.h"

/* Half width of what a sum of layer times is trusted for. */
static const double trust = 0.05;

/* A line needs points that are apart, and is a correction, not a model. */
enum { FIT_POINTS = 4 };
static const double fit_spread = 0.1, scale_least = 0.5, scale_most = 2;

double haq_predict_layer_ms(const struct haq_search *s, size_t layer,
                            struct haq_choice c)
{
    size_t class = haq_choice_class(c);
    return s->layer_ms[layer * HAQ_CLASSES + class] +
           s->other_ms[class] / (double)s->space.layers->n;
}

double haq_predict_ms(const struct haq_search *s,
                      const struct haq_choice *choice)
{
    size_t n = s->space.layers->n;
    double ms = 0;
    for (size_t l = 0; l < n; l++)
        ms += haq_predict_layer_ms(s, l, choice[l]);
    return ms;
}

/* Time over float's by the table alone. */
static double table_ratio(const struct haq_search *s,
                          const struct haq_candidate *c)
{
    return haq_predict_ms(s, c->choice) / haq_predict_ms(s, s->base->choice);
}

static double corrected(const struct haq_search *s, double ratio)
{
    return s->line.add + s->line.scale * ratio;
}

/* A whole network that was timed beside float on a calm machine. */
static bool is_timed(const struct haq_search *s, const struct haq_candidate *c)
{
    return c->thorough.known && !haq_timing_spoilt(&c->thorough) &&
           c->thorough.speedup.value > 0 && isfinite(table_ratio(s, c));
}

void haq_predict_fit(struct haq_search *s)
{
    double n = 0, x = 0, y = 0, xx = 0, xy = 0, low = INFINITY, high = 0;
    s->line = (struct haq_line){0, 1};
    for (size_t i = 0; i < s->n_candidates; i++) {
        const struct haq_candidate *c = s->candidate[i];
        if (!is_timed(s, c))
            continue;
        double r = table_ratio(s, c), t = 1 / c->thorough.speedup.value;
        n++, x += r, y += t, xx += r * r, xy += r * t;
        low = fmin(low, r), high = fmax(high, r);
    }
    if (n < FIT_POINTS || high - low < fit_spread)
        return;
    double scale = (n * xy - x * y) / (n * xx - x * x);
    double add = (y - scale * x) / n;
    bool sane =
        scale >= scale_least && scale <= scale_most && add + scale * low > 0;
    if (sane)
        s->line = (struct haq_line){add, scale};
}

static bool is_unseen(const struct haq_search *s, const struct haq_candidate *c)
{
    return !c->label && c != s->base && is_timed(s, c);
}

/* Kendall's tau of predicted and measured times: pairs in the same order less
 * pairs in the other one, as a part of all. */
static double order_kept(const struct haq_search *s)
{
    double same = 0, pairs = 0;
    for (size_t i = 0; i < s->n_candidates; i++)
        for (size_t j = 0; j < i; j++) {
            const struct haq_candidate *a = s->candidate[i],
                                       *b = s->candidate[j];
            if (!is_unseen(s, a) || !is_unseen(s, b))
                continue;
            double r = table_ratio(s, a) - table_ratio(s, b);
            double t = b->thorough.speedup.value - a->thorough.speedup.value;
            same += r * t > 0 ? 1 : r * t < 0 ? -1 : 0;
            pairs++;
        }
    return pairs > 0 ? same / pairs : NAN;
}

json_t *haq_predict_error_json(const struct haq_search *s)
{
    double sum = 0, most = 0, width = 0;
    size_t n = 0;
    for (size_t i = 0; i < s->n_candidates; i++) {
        const struct haq_candidate *c = s->candidate[i];
        if (!is_unseen(s, c))
            continue;
        struct haq_interval up = c->thorough.speedup;
        double off = fabs(corrected(s, table_ratio(s, c)) * up.value - 1);
        sum += off, most = fmax(most, off), n++;
        width += (up.high - up.low) / 2 / up.value;
    }
    if (!n)
        return json_null();
    return json_pack("{s:I,s:o,s:o,s:o,s:o}", "points", (json_int_t)n,
                     "mean_percent", haq_json_real(100 * sum / (double)n),
                     "max_percent", haq_json_real(100 * most), "kendall_tau",
                     haq_json_real(order_kept(s)), "measured_within_percent",
                     haq_json_real(100 * width / (double)n));
}

double haq_predict_least_ms(const struct haq_search *s)
{
    double sum = 0, base = haq_predict_ms(s, s->base->choice);
    for (size_t l = 0; l < s->space.layers->n; l++) {
        double least = NAN;
        for (size_t o = 0; o < HAQ_OPTIONS; o++) {
            struct haq_choice c = haq_choice_at(o);
            if (haq_space_offers(&s->space, l, c))
                least = fmin(least, haq_predict_layer_ms(s, l, c));
        }
        sum += least;
    }
    return s->base_ms.value * corrected(s, sum / base);
}

bool haq_predict_timing(const struct haq_search *s,
                        const struct haq_candidate *c, struct haq_timing *out)
{
    double ratio = table_ratio(s, c);
    if (!(ratio > 0) || isinf(ratio) || !s->base->thorough.known)
        return false;
    double up = 1 / corrected(s, ratio), unit = s->base_ms.value / up;
    *out = (struct haq_timing){
        .known = true,
        .ms = {unit, unit * (1 - trust), unit * (1 + trust)},
        .speedup = {up, up * (1 - trust), up * (1 + trust)},
        .predicted = true,
    };
    return true;
}
