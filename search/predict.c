/* Latency from the table of layer times. */
#include <math.h>

#include "search/search_priv.h"

/* Half width of what a sum of layer times is trusted for. */
static const double trust = 0.05;

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
    return s->base_ms.value * sum / base;
}

bool haq_predict_timing(const struct haq_search *s,
                        const struct haq_candidate *c, struct haq_timing *out)
{
    double base = haq_predict_ms(s, s->base->choice),
           ms = haq_predict_ms(s, c->choice);
    if (!(base > 0) || !(ms > 0) || !s->base->thorough.known)
        return false;
    double up = base / ms, unit = s->base_ms.value / up;
    *out = (struct haq_timing){
        .known = true,
        .ms = {unit, unit * (1 - trust), unit * (1 + trust)},
        .speedup = {up, up * (1 - trust), up * (1 + trust)},
        .predicted = true,
    };
    return true;
}
