/* y = gamma (x - mean) / sqrt(var + eps) + beta is a scale and an offset per
 * channel: both go into the weight and bias before it (Jacob et al. 2018, 3.2).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/pass_priv.h"

enum { GAMMA = 1, BETA, MEAN, VAR };

static const float *floats(const struct haq_graph *g, const struct haq_node *n,
                           int k)
{
    return g->values[n->in[k]].data;
}

static bool foldable(const struct haq_graph *g, const struct haq_node *bn,
                     const struct haq_node *p)
{
    if (!p || (p->op->code != HAQ_OP_CONV && p->op->code != HAQ_OP_GEMM) ||
        isfinite(p->clamp.lo) || isfinite(p->clamp.hi) ||
        p->out[0] != bn->in[0])
        return false;
    for (int k = GAMMA; k <= VAR; k++)
        if (!haq_pass_is_f32_const(g, bn, k))
            return false;
    return haq_pass_is_f32_const(g, p, 1) &&
           (p->n_in < 3 || p->in[2] == HAQ_NO_VALUE ||
            haq_pass_is_f32_const(g, p, 2));
}

/* Channel of weight element i: rows of a block are `run` elements long and
 * belong to channel (i / run) % channels. */
static size_t channel_run(const struct haq_graph *g, const struct haq_node *p,
                          size_t channels)
{
    const struct haq_value *w = &g->values[p->in[1]];

    if (p->op->code == HAQ_OP_GEMM && !p->attr.trans_b)
        return 1;
    return w->count / channels;
}

/* A float constant like the one at p->in[k] takes its place. */
static haq_status replace(struct haq_graph *g, struct haq_node *p, int k,
                          const char *stem, const char *source,
                          const struct haq_shape *shape, const float *data,
                          struct haq_diag *d)
{
    const char *name = haq_graph_fresh_name(g, stem);
    int v = name ? haq_graph_add_const(g, name, HAQ_F32, shape, data) : -1;

    if (v < 0)
        return haq_fail(d, HAQ_NOMEM, "folding into '%.120s'", p->name);
    g->values[v].source = source;
    p->in[k] = v;
    return HAQ_OK;
}

/* Behind the normalization channels have mean beta and deviation |gamma|. */
static haq_status remember(struct haq_graph *g, struct haq_node *p,
                           const struct haq_node *bn, struct haq_diag *d)
{
    size_t n = g->values[bn->in[BETA]].count;
    const float *gamma = floats(g, bn, GAMMA), *beta = floats(g, bn, BETA);
    p->normal = haq_arena_array(&g->arena, 2 * n, sizeof *p->normal);
    if (!p->normal)
        return haq_fail(d, HAQ_NOMEM, "folding '%.120s'", bn->name);
    for (size_t c = 0; c < n; c++) {
        p->normal[c] = beta[c];
        p->normal[n + c] = fabsf(gamma[c]);
    }
    return HAQ_OK;
}

static haq_status fold(struct haq_graph *g, struct haq_node *p,
                       const struct haq_node *bn, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    struct haq_value w = g->values[p->in[1]];
    struct haq_value beta_value = g->values[bn->in[BETA]];
    bool had_bias = p->n_in > 2 && p->in[2] != HAQ_NO_VALUE;
    size_t channels = beta_value.count;
    size_t run = channel_run(g, p, channels);
    const float *gamma = floats(g, bn, GAMMA), *beta = floats(g, bn, BETA);
    const float *mean = floats(g, bn, MEAN), *var = floats(g, bn, VAR);
    const float *bias = had_bias ? floats(g, p, 2) : NULL;
    const char *bias_name =
        had_bias ? g->values[p->in[2]].source : beta_value.source;
    double *factor = malloc(channels * sizeof *factor);
    float *new_w = malloc((w.count + 1) * sizeof *new_w);
    float *new_b = malloc(channels * sizeof *new_b);
    int *in = haq_arena_array(&g->arena, 3, sizeof *in);

    if (!factor || !new_w || !new_b || !in) {
        s = haq_fail(d, HAQ_NOMEM, "folding '%.120s'", bn->name);
        goto done;
    }
    for (size_t c = 0; c < channels; c++) {
        double v = (double)var[c] + (double)bn->attr.epsilon;
        if (!(v > 0)) {
            s = haq_fail(d, HAQ_INVALID,
                         "node '%.120s': variance of channel %zu is not "
                         "positive",
                         bn->name, c);
            goto done;
        }
        factor[c] = gamma[c] / sqrt(v);
        new_b[c] =
            (float)((bias ? (double)bias[c] - mean[c] : -(double)mean[c]) *
                        factor[c] +
                    beta[c]);
    }
    for (size_t i = 0; i < w.count; i++)
        new_w[i] =
            (float)(((const float *)w.data)[i] * factor[i / run % channels]);
    in[0] = p->in[0];
    p->in = in;
    p->n_in = 3;
    s = replace(g, p, 1, w.name, w.source, &w.shape, new_w, d);
    if (!s)
        s = replace(g, p, 2, bias_name, bias_name, &beta_value.shape, new_b, d);
done:
    free(factor);
    free(new_w);
    free(new_b);
    return s;
}

haq_status haq_pass_batch_norm(struct haq_graph *g, struct haq_diag *d)
{
    for (int i = 0; i < g->n_nodes; i++) {
        struct haq_node *bn = &g->nodes[i];
        if (bn->op->code != HAQ_OP_BATCH_NORM)
            continue;
        struct haq_node *p = haq_pass_sole_producer(g, bn->in[0]);
        if (!foldable(g, bn, p))
            continue;
        haq_status s = fold(g, p, bn, d);
        if (!s)
            s = remember(g, p, bn, d);
        if (s)
            return s;
        haq_pass_absorb(g, (int)(p - g->nodes), bn);
    }
    return haq_graph_rebuild(g, d);
}
