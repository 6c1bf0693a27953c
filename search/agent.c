/* What HAQ's agent (search/algo/algo_ddpg.c) is shown of a network: the columns
 * of its released environment, as far as the table of layers has them.  The
 * stride is not in it; the area is that of the output.
 */
#include "search/search_priv.h"

#include <stdlib.h>

static void fill_row(double row[HAQ_AGENT_FEATURES], const struct haq_layer *l,
                     size_t layer, bool weight_gene)
{
    double area = 1;
    for (int i = 2; i < l->rank; i++)
        area *= (double)l->shape[i];
    double window = (double)(l->kernel[0] * l->kernel[1]);
    const double columns[HAQ_AGENT_FEATURES] = {
        l->depthwise ? 1 : 0,
        (double)(l->reduction * l->group) / window,
        (double)l->channels,
        (double)l->kernel[0],
        (double)(l->channels * l->reduction),
        area,
        (double)layer,
        weight_gene ? 1 : 0,
    };
    for (size_t k = 0; k < HAQ_AGENT_FEATURES; k++)
        row[k] = columns[k];
}

double *haq_agent_features(const struct haq_search *s)
{
    double *all = calloc(s->space.genes, HAQ_AGENT_FEATURES * sizeof *all);
    for (size_t i = 0; all && i < s->space.genes; i++) {
        size_t layer = i / HAQ_GENES_PER_LAYER;
        fill_row(all + i * HAQ_AGENT_FEATURES, &s->space.layers->layer[layer],
                 layer, i % HAQ_GENES_PER_LAYER == HAQ_GENE_WEIGHT);
    }
    return all;
}

double haq_agent_cost(const void *search, const int *genes)
{
    const struct haq_search *s = search;
    const struct haq_candidate *eight = s->uniform[HAQ_WEIGHT_INT8];
    double ms = 0, bytes = (double)s->space.layers->other_bytes;
    for (size_t l = 0; l < s->space.layers->n; l++) {
        struct haq_choice c = haq_space_get(&s->space, l, genes);
        ms += haq_predict_layer_ms(s, l, c);
        bytes += (double)haq_space_bytes(&s->space, l, c);
    }
    double time = ms / haq_predict_ms(s, eight->choice);
    return haq_uses_latency(s) && time > 0 ? time
                                           : bytes / (double)eight->size_bytes;
}
