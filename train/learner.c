#include "train/learner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "quant/layer_weight.h"

/* How fast scales move for one rate: a weight's takes all weights of its
 * channel along, where their codes are good already; an activation's is a
 * single number that often has far to go.  Found by trying, on networks of 3
 * and 4 bits. */
static const float WEIGHT_SCALE = 0.3f, ACTIVATION_SCALE = 3;

static haq_status no_memory(struct haq_diag *d)
{
    return haq_fail(d, HAQ_NOMEM, "what is trained");
}

static void add_parameter(struct haq_learner *l, float *value,
                          const float *gradient, size_t n, float rate)
{
    if (n)
        l->parameter[l->parameters++] =
            (struct haq_parameter){value, gradient, n, rate};
}

/* Biases move in shares of what they are on average, or weights are. */
static float bias_unit(const struct haq_train_layer *l)
{
    double sum = 0;
    for (size_t i = 0; i < l->n; i++)
        sum += fabs((double)l->bias[i]);
    for (size_t i = 0; !(sum > 0) && i < l->n; i++)
        sum += fabs((double)l->w[i]);
    return (float)(sum / (double)(l->n ? l->n : 1));
}

static haq_status add_layer(struct haq_learner *l, size_t i,
                            const struct haq_qgraph *q, struct haq_diag *d)
{
    struct haq_train_layer *layer = &l->net->layer[i];
    struct haq_train_weight *t = &l->weight[i];
    struct haq_layer_weight w;
    haq_status s = haq_layer_weight_get(&w, l->net->graph,
                                        &l->net->graph->nodes[layer->node], d);
    if (s)
        return s;
    s = haq_train_weight_init(t, q->node[layer->node].weight, w.w, d);
    haq_layer_weight_fini(&w);
    if (s)
        return s;
    add_parameter(l, t->u, t->du, layer->n * layer->k, 1);
    if (t->scales)
        add_parameter(l, t->t, t->dt, t->runs, WEIGHT_SCALE);
    if (!layer->bias)
        return HAQ_OK;
    l->dbias[i] = calloc(layer->n + 1, sizeof(float));
    if (!l->dbias[i])
        return no_memory(d);
    add_parameter(l, layer->bias, l->dbias[i], layer->n, bias_unit(layer));
    return HAQ_OK;
}

static haq_status allocate(struct haq_learner *l, struct haq_diag *d)
{
    size_t layers = l->net->layers, acts = l->net->acts, most = 0;
    for (size_t i = 0; i < layers; i++) {
        size_t n = l->net->layer[i].n * l->net->layer[i].k;
        most = n > most ? n : most;
    }
    l->weight = calloc(layers + 1, sizeof *l->weight);
    l->dbias = calloc(layers + 1, sizeof *l->dbias);
    l->start = calloc(acts + 1, sizeof *l->start);
    l->t = calloc(acts + 1, sizeof *l->t);
    l->dt = calloc(acts + 1, sizeof *l->dt);
    l->w = calloc(most + 1, sizeof *l->w);
    l->mine = calloc(acts + 1, sizeof *l->mine);
    l->parameter = calloc(3 * layers + acts + 1, sizeof *l->parameter);
    return l->weight && l->dbias && l->start && l->t && l->dt && l->w &&
                   l->mine && l->parameter
               ? HAQ_OK
               : no_memory(d);
}

/* A step's layer, once: a weight that is not trained yet, and its biases. */
static haq_status add_step(struct haq_learner *l,
                           const struct haq_train_step *s,
                           const struct haq_qgraph *q,
                           const struct haq_learner_part *part,
                           struct haq_diag *d)
{
    if (s->act >= 0 && !l->mine[s->act]) {
        l->mine[s->act] = true;
        add_parameter(l, &l->t[s->act], &l->dt[s->act], 1, ACTIVATION_SCALE);
    }
    if (s->layer < 0 || l->weight[s->layer].runs)
        return HAQ_OK;
    const struct haq_train_layer *layer = &l->net->layer[s->layer];
    const struct haq_qweight *w = q->node[layer->node].weight;
    if (!w || !w->spec.format->integer ||
        !part->trains(part->arg, layer->tensor))
        return HAQ_OK;
    return add_layer(l, (size_t)s->layer, q, d);
}

haq_status haq_learner_init(struct haq_learner *l, struct haq_net *net,
                            const struct haq_qgraph *q,
                            const struct haq_learner_part *part,
                            struct haq_diag *d)
{
    *l = (struct haq_learner){.net = net};
    haq_status s = allocate(l, d);
    for (size_t i = 0; !s && i < net->acts; i++)
        l->start[i] = net->act[i].scale;
    for (size_t i = part->begin; !s && i < part->end; i++)
        s = add_step(l, &net->step[i], q, part, d);
    if (s)
        haq_learner_fini(l);
    else
        haq_learner_use(l);
    return s;
}

void haq_learner_fini(struct haq_learner *l)
{
    for (size_t i = 0; l->net && i < l->net->layers; i++) {
        if (l->weight)
            haq_train_weight_fini(&l->weight[i]);
        if (l->dbias)
            free(l->dbias[i]);
    }
    free(l->weight);
    free(l->dbias);
    free(l->start);
    free(l->t);
    free(l->dt);
    free(l->w);
    free(l->mine);
    free(l->parameter);
    *l = (struct haq_learner){0};
}

void haq_learner_use(struct haq_learner *l)
{
    for (size_t i = 0; i < l->net->layers; i++) {
        if (!l->weight[i].runs)
            continue;
        haq_train_weight_use(&l->weight[i], l->w);
        haq_net_set_weight(l->net, i, l->w);
    }
    for (size_t i = 0; i < l->net->acts; i++)
        if (l->mine[i])
            l->net->act[i].scale = l->start[i] * expf(l->t[i]);
}

void haq_learner_back(struct haq_learner *l, const struct haq_crew *c)
{
    for (size_t i = 0; i < l->net->layers; i++) {
        const struct haq_train_layer *layer = &l->net->layer[i];
        if (!l->weight[i].runs)
            continue;
        memset(l->w, 0, layer->n * layer->k * sizeof *l->w);
        if (l->dbias[i])
            memset(l->dbias[i], 0, layer->n * sizeof(float));
        for (size_t k = 0; k < c->threads; k++)
            haq_tape_layer_sums(c->tape[k], i, l->w, l->dbias[i]);
        haq_train_weight_back(&l->weight[i], l->w);
    }
    for (size_t i = 0; i < l->net->acts; i++) {
        const struct haq_train_act *a = &l->net->act[i];
        if (!l->mine[i])
            continue;
        l->dt[i] = 0;
        for (size_t k = 0; k < c->threads; k++)
            l->dt[i] += c->tape[k]->sums[a->grad_at] * a->scale;
    }
}

size_t haq_learner_size(const struct haq_learner *l)
{
    size_t n = 0;
    for (size_t i = 0; i < l->parameters; i++)
        n += l->parameter[i].n;
    return n;
}

void haq_learner_save(const struct haq_learner *l, float *to)
{
    for (size_t i = 0; i < l->parameters; to += l->parameter[i++].n)
        memcpy(to, l->parameter[i].value, l->parameter[i].n * sizeof *to);
}

void haq_learner_load(struct haq_learner *l, const float *from)
{
    for (size_t i = 0; i < l->parameters; from += l->parameter[i++].n)
        memcpy(l->parameter[i].value, from, l->parameter[i].n * sizeof *from);
    haq_learner_use(l);
}

static haq_status store_range(const struct haq_train_act *a,
                              struct haq_params *p, struct haq_diag *d)
{
    float range[2] = {(float)(a->qlo - a->zero) * a->scale,
                      (float)(a->qhi - a->zero) * a->scale};
    struct haq_array array = {
        .dtype = HAQ_F32, .rank = 1, .dims = {2}, .count = 2, .data = range};
    struct haq_buf name;
    haq_buf_init(&name);
    haq_buf_printf(&name, "act/%s:%s", a->source, a->spec.format->name);
    haq_status s =
        name.failed ? no_memory(d) : haq_params_put(p, name.data, &array, d);
    haq_buf_fini(&name);
    return s;
}

haq_status haq_learner_store(struct haq_learner *l, struct haq_params *p,
                             struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (size_t i = 0; !s && i < l->net->layers; i++) {
        const struct haq_train_layer *layer = &l->net->layer[i];
        const struct haq_qweight *q = &l->weight[i].q;
        if (!l->weight[i].runs)
            continue;
        s = haq_params_put_weight(p, layer->tensor, q, d);
        if (!s)
            s = haq_params_put_codes(p, layer->tensor, q, d);
        if (!s && layer->bias)
            s = haq_params_put_bias(p, layer->tensor, layer->bias, layer->n, d);
    }
    for (size_t i = 0; !s && i < l->net->acts; i++)
        if (l->mine[i])
            s = store_range(&l->net->act[i], p, d);
    return s;
}
