/* Latency from the table of layer times. */
#include <math.h>

#include "search/search_priv.h"

/* Half width of what a sum of layer times is trusted for. */
static const double trust = 0.05;

/* Milliseconds of a network; what is outside layers (conversions, elementwise
 * work) is weighted by how many layers are of each class. */
static double sum_ms(const struct haq_search *s, const int *genes)
{
    size_t n = s->space.layers->n;
    double ms = 0;
    for (size_t l = 0; l < n; l++) {
        size_t class = haq_choice_class(haq_space_get(&s->space, l, genes));
        ms += s->layer_ms[l * HAQ_CLASSES + class];
        ms += s->other_ms[class] / (double)n;
    }
    return ms;
}

bool haq_predict_timing(const struct haq_search *s,
                        const struct haq_candidate *c, struct haq_timing *out)
{
    double base = sum_ms(s, s->base->genes), ms = sum_ms(s, c->genes);
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
