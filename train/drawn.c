#include "train/drawn.h"

#include <math.h>

#include "base/rng.h"

size_t haq_drawn_label(const float *logits, size_t n, double u)
{
    float most = logits[0];
    double total = 0;
    for (size_t i = 1; i < n; i++)
        most = logits[i] > most ? logits[i] : most;
    for (size_t i = 0; i < n; i++)
        total += exp((double)(logits[i] - most));
    for (size_t i = 0; i < n; i++) {
        u -= exp((double)(logits[i] - most)) / total;
        if (u <= 0)
            return i;
    }
    return n - 1;
}

void haq_drawn_gradient(const struct haq_net *net, const float *out,
                        float *grad, size_t size, bool real, uint64_t seed)
{
    const struct haq_graph *g = net->graph;
    const struct haq_shape *s = &g->values[g->outputs[0]].shape;
    size_t classes = s->rank ? (size_t)s->dims[s->rank - 1] : 1;
    struct haq_rng rng;
    haq_rng_seed(&rng, seed);
    for (size_t p = 0; p < size; p += classes) {
        float most = out[p];
        double total = 0;
        size_t label = haq_drawn_label(out + p, classes, haq_rng_unit(&rng));
        for (size_t i = 1; i < classes; i++)
            most = out[p + i] > most ? out[p + i] : most;
        for (size_t i = 0; i < classes; i++)
            total += exp((double)(out[p + i] - most));
        for (size_t i = 0; i < classes; i++)
            grad[p + i] =
                real ? (float)haq_rng_normal(&rng)
                     : (float)(exp((double)(out[p + i] - most)) / total) -
                           (i == label ? 1.0f : 0.0f);
    }
}
