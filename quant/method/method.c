#include "quant/method/method.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "graph/op.h"
#include "quant/layer_weight.h"
#include "quant/method/expected.h"
#include "quant/method/prepare.h"
#include "quant/range.h"
#include "quant/split.h"

static const struct haq_method table[] = {
    {.name = "rtn", .summary = "round to nearest"},
    {.name = "ocs",
     .summary = "inputs with large weights read twice",
     .split = haq_method_ocs},
    {.name = "outliers",
     .summary = "inputs with large numbers kept in float",
     .split = haq_method_outliers,
     .wants_inputs = true},
    {.name = "cle",
     .summary = "ranges of neighbouring layers equalized",
     .prepare = haq_method_cle},
    {.name = "hadamard",
     .summary = "residual stream rotated at random",
     .prepare = haq_method_hadamard},
    {.name = "smoothquant",
     .summary = "large activations partly moved into weights",
     .prepare = haq_method_smoothquant,
     .wants_inputs = true},
    {.name = "awq",
     .summary = "weights of large activations made larger, ranges cut",
     .prepare = haq_method_awq_scale,
     .tune = haq_method_awq_clip,
     .wants_inputs = true},
    {.name = "clip",
     .summary = "scales of least squared weight error",
     .tune = haq_method_clip},
    {.name = "gptq",
     .summary = "rounding errors made up for by later weights",
     .tune = haq_method_gptq,
     .wants_inputs = true},
    {.name = "adaround",
     .summary = "rounding up or down learned",
     .tune = haq_method_adaround,
     .wants_inputs = true},
    {.name = "adaquant",
     .summary = "weights and scales learned through rounding",
     .tune = haq_method_adaquant,
     .wants_inputs = true},
    {.name = "refine",
     .summary = "codes and scales by descent on the output's error",
     .tune = haq_method_refine,
     .wants_inputs = true},
    {.name = "bias",
     .summary = "means of the output corrected",
     .tune = haq_method_bias,
     .wants_inputs = true,
     .means_only = true,
     .corrects = true},
    {.name = "bnbias",
     .summary = "the same by batch normalizations, without data",
     .tune = haq_method_bn_bias,
     .corrects = true},
    {.name = "brecq",
     .summary = "blocks that learn to do what they did",
     .trains = true},
    {.name = "qat",
     .summary = "the whole network fine-tuned on its data",
     .trains = true},
};
enum { N_METHODS = sizeof table / sizeof *table };

const struct haq_method *haq_method_at(size_t i)
{
    return i < N_METHODS ? &table[i] : NULL;
}

static haq_status unknown(const char *word, size_t len, struct haq_diag *d)
{
    struct haq_buf b;
    haq_buf_init(&b);
    for (size_t i = 0; i < N_METHODS; i++)
        haq_buf_printf(&b, "%s%s", i ? ", " : "", table[i].name);
    haq_status s = haq_fail(d, HAQ_USAGE, "no method \"%.*s\"; there are %s",
                            (int)(len < 40 ? len : 40), word,
                            b.failed ? "others" : b.data);
    haq_buf_fini(&b);
    return s;
}

static size_t find(const char *word, size_t len)
{
    size_t i = 0;
    while (i < N_METHODS &&
           (strlen(table[i].name) != len || memcmp(table[i].name, word, len)))
        i++;
    return i;
}

haq_status haq_methods_parse(char out[HAQ_METHODS_TEXT], const char *list,
                             struct haq_diag *d)
{
    bool asked[N_METHODS] = {false};
    const char *corrected = NULL;
    size_t used = 0;
    for (const char *at = list;; at++) {
        size_t len = strcspn(at, ","), i = find(at, len);
        if (i == N_METHODS)
            return unknown(at, len, d);
        if (asked[i])
            return haq_fail(d, HAQ_USAGE, "method %s is listed twice",
                            table[i].name);
        asked[i] = true;
        at += len;
        if (!*at)
            break;
    }
    out[0] = '\0';
    for (size_t i = 1; i < N_METHODS; i++) {
        if (!asked[i])
            continue;
        if (table[i].corrects && corrected)
            return haq_fail(d, HAQ_USAGE,
                            "methods %s and %s correct the same biases",
                            corrected, table[i].name);
        if (table[i].corrects)
            corrected = table[i].name;
        used += (size_t)snprintf(out + used, HAQ_METHODS_TEXT - used, "%s%s",
                                 used ? "," : "", table[i].name);
    }
    if (!used)
        strcpy(out, table[0].name);
    return HAQ_OK;
}

/* Is one of a list such a row? */
static bool any(const char *methods, bool (*is)(const struct haq_method *m))
{
    for (const char *at = methods; *at;) {
        size_t len = strcspn(at, ","), i = find(at, len);
        if (i < N_METHODS && is(&table[i]))
            return true;
        at += len + (at[len] == ',');
    }
    return false;
}

static bool looks(const struct haq_method *m)
{
    return m->tune && m->wants_inputs;
}

static bool solves(const struct haq_method *m)
{
    return m->tune && m->wants_inputs && !m->means_only;
}

static bool prepares(const struct haq_method *m)
{
    return m->prepare || m->split;
}

static bool trains(const struct haq_method *m)
{
    return m->trains;
}

bool haq_methods_want_inputs(const char *methods)
{
    return any(methods, looks);
}

bool haq_methods_want_moments(const char *methods)
{
    return any(methods, solves);
}

bool haq_methods_prepare(const char *methods)
{
    return any(methods, prepares);
}

bool haq_methods_train(const char *methods)
{
    return any(methods, trains);
}

bool haq_methods_have(const char *methods, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = methods; *at;) {
        size_t n = strcspn(at, ",");
        if (n == len && !memcmp(at, name, n))
            return true;
        at += n + (at[n] == ',');
    }
    return false;
}

/* What members read, in the graph as the methods in front have left it. */
static haq_status look_at_members(struct haq_prepare *p,
                                  const struct haq_method_eyes *eyes,
                                  struct haq_diag *d)
{
    size_t nodes = (size_t)p->g->n_nodes, n = 0;
    int *node = malloc((nodes + 1) * sizeof *node);
    struct haq_moments *x = calloc(nodes + 1, sizeof *x);
    haq_status s =
        node && x ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "%zu nodes", nodes);
    for (int i = 0; !s && i < p->g->n_nodes; i++)
        if (p->member[i])
            node[n++] = i;
    if (!s && n)
        s = eyes->look(eyes->arg, p->g, node, n, x, d);
    for (size_t i = 0; !s && i < n; i++)
        p->x[node[i]] = x[i];
    free(node);
    free(x);
    return s;
}

/* One method that changes the graph: its split, or what it prepares. */
static haq_status prepare(struct haq_prepare *p, const struct haq_method *m,
                          const struct haq_method_eyes *eyes,
                          struct haq_params *changes, struct haq_diag *d)
{
    bool some = false;
    p->method = m->name;
    for (int i = 0; i < p->g->n_nodes; i++) {
        const struct haq_recipe_layer *l = p->layer[i];
        p->member[i] = l && l->weight.format->integer &&
                       haq_methods_have(l->methods, m->name);
        some = some || p->member[i];
    }
    if (!some)
        return HAQ_OK;
    haq_status s = m->wants_inputs ? look_at_members(p, eyes, d) : HAQ_OK;
    if (!s)
        s = m->split ? m->split(p, changes, d) : m->prepare(p, d);
    haq_prepare_forget(p);
    return s;
}

/* All that do the one or the other, in the order of the table. */
static haq_status prepare_all(struct haq_graph *g, const struct haq_recipe *r,
                              const struct haq_method_eyes *eyes, bool split,
                              struct haq_params *changes, struct haq_diag *d)
{
    struct haq_prepare p;
    haq_status s = haq_prepare_init(&p, g, r, d);
    for (size_t m = 0; !s && m < N_METHODS; m++)
        if (split ? table[m].split != NULL : table[m].prepare != NULL)
            s = prepare(&p, &table[m], eyes, changes, d);
    if (!s)
        s = haq_prepare_keep(&p, changes, d);
    haq_prepare_fini(&p);
    return s;
}

haq_status haq_methods_prepare_graph(struct haq_graph *g,
                                     const struct haq_recipe *r,
                                     const struct haq_method_eyes *eyes,
                                     struct haq_params *changes,
                                     struct haq_diag *d)
{
    haq_status s = prepare_all(g, r, eyes, true, changes, d);
    if (!s)
        s = haq_split_apply(g, changes, d);
    return s ? s : prepare_all(g, r, eyes, false, changes, d);
}

static haq_status run_all(struct haq_method_layer *l, const char *methods,
                          struct haq_diag *d)
{
    char ordered[HAQ_METHODS_TEXT];
    haq_status s = haq_methods_parse(ordered, methods, d);
    if (s)
        return haq_fail(d, HAQ_INVALID, "layer %s: methods \"%.40s\"", l->name,
                        methods);
    for (const char *at = ordered; !s && *at;) {
        size_t len = strcspn(at, ",");
        const struct haq_method *m = &table[find(at, len)];
        if ((m->wants_inputs || m->corrects || m->trains || prepares(m)) &&
            !l->q->spec.format->integer)
            return haq_fail(d, HAQ_INVALID,
                            "layer %s: method %s is for integers, not for %s",
                            l->name, m->name, l->q->spec.format->name);
        if (m->tune)
            s = m->tune(l, d);
        at += len + (at[len] == ',');
    }
    return s;
}

/* A copy of the graph's bias; NULL with HAQ_OK: the layer has none. */
static haq_status copy_bias(float **out, const struct haq_graph *g,
                            const struct haq_node *node, size_t n,
                            struct haq_diag *d)
{
    *out = NULL;
    if (!haq_layer_has_bias(g, node))
        return HAQ_OK;
    const struct haq_value *v = &g->values[node->in[2]];
    *out = calloc(n + 1, sizeof **out);
    if (!*out)
        return haq_fail(d, HAQ_NOMEM, "bias of %s", node->layer);
    for (size_t i = 0; i < n && i < v->count; i++)
        (*out)[i] = (float)haq_dtype_get(v->dtype, v->data, i);
    return HAQ_OK;
}

/* Of a layer that was changed beforehand the model's own weights and bias say
 * nothing any more. */
static haq_status keep(struct haq_params *p, const struct haq_method_layer *l,
                       const float *bias_before, bool changed,
                       struct haq_diag *d)
{
    struct haq_qweight *q = l->q;
    haq_status s = haq_params_put_weight(p, l->name, q, d);
    if (!s && changed && !q->codes)
        s = haq_qweight_round(q, l->w, d);
    if (!s && q->codes)
        s = haq_params_put_codes(p, l->name, q, d);
    if (!s && l->bias &&
        (changed || memcmp(l->bias, bias_before, q->n * sizeof *l->bias) != 0))
        s = haq_params_put_bias(p, l->name, l->bias, q->n, d);
    return s;
}

/* Factors between layers may leave a channel whose weights are next to nothing
 * beside its bias, which then is too large for an int32 in steps of the
 * accumulator.  Its scale becomes so coarse that the bias fits; what the
 * weights lose by that is 2^-28 of the bias. */
static haq_status fit_bias(struct haq_qweight *q, const float *bias,
                           const struct haq_params *p, const char *tensor,
                           const struct haq_act_spec *act, struct haq_diag *d)
{
    static const float steps = 0x1p28F;
    float range[2];
    if (!bias || !act->format->integer || act->dynamic ||
        q->spec.granularity != HAQ_PER_CHANNEL)
        return HAQ_OK;
    haq_status s = haq_range_find(range, tensor, act, NULL, NULL, p, d);
    if (s)
        return s;
    float step = haq_act_params_from_range(act, range[0], range[1]).scale;
    for (size_t r = 0; r < q->n; r++) {
        float least = fabsf(bias[r]) / (step * steps);
        if (q->scale[r] < least)
            haq_qweight_store_scale(q, r, least);
    }
    return HAQ_OK;
}

haq_status haq_methods_tune(struct haq_params *p, const struct haq_graph *g,
                            const struct haq_node *node,
                            const struct haq_recipe_layer *layer,
                            const struct haq_moments *x, struct haq_diag *d)
{
    struct haq_layer_weight m;
    struct haq_qweight q = {0};
    float *bias = NULL, *before = NULL;
    bool changed =
        layer->weight.format->integer && haq_methods_prepare(layer->methods);
    haq_status s = haq_layer_weight_get(&m, g, node, d);
    if (s)
        return s;
    struct haq_method_layer l = {
        .name = node->layer, .w = m.w, .x = x, .q = &q};
    s = haq_qweight_scales(&q, m.w, m.n, m.k, &layer->weight, d);
    if (!s)
        s = copy_bias(&bias, g, node, m.n, d);
    if (!s)
        s = copy_bias(&before, g, node, m.n, d);
    l.bias = bias;
    l.parts =
        node->op->code == HAQ_OP_CONV ? (size_t)node->attr.window.group : 1;
    if (!s)
        s = haq_expected_inputs(&l.expected, g, node, d);
    if (!s && changed)
        s = fit_bias(&q, bias, p, g->values[node->in[0]].source, &layer->act,
                     d);
    if (!s)
        s = run_all(&l, layer->methods, d);
    if (!s)
        s = keep(p, &l, before, changed, d);
    free(bias);
    free(before);
    free(l.target);
    free(l.expected);
    haq_qweight_fini(&q);
    haq_layer_weight_fini(&m);
    return s;
}
