/* Target "onnx-qdq": a float model in which every number that our engine holds
 * as a code passes through QuantizeLinear and DequantizeLinear with our scales,
 * so that ONNX Runtime computes the same function (formats.md part 3):
 *
 *     x -Q-> codes -DQ->\
 *     int8 weight  -DQ-> Conv -> [Relu] -> y -Q-> codes -DQ-> next
 *     int32 bias   -DQ->/
 *
 * Each tensor is quantized once per format, each consumer has a DQ of its own,
 * zero points are always written.  Weights of fewer than 8 bits keep their
 * codes and scales in int8: the same function, but not the smaller file.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "graph/onnx_import.h"
#include "quant/apply.h"
#include "quant/constants.h"
#include "quant/export/onnx_node.h"
#include "quant/export/targets.h"
#include "quant/layer_weight.h"
#include "quant/split.h"

enum { DATA, WEIGHT, BIAS }; /* inputs of a layer */

enum { CONTAINER_TO_SIGNED = 128, CODE_BITS = 8, NAMES_ROOM = 250 };

/* A tensor as codes. */
struct coded {
    const char *codes, *scale, *zero; /* NULL: not quantized yet */
};

struct qdq {
    struct haq_build b;
    struct haq_onnx_pair pair;
    struct haq_qgraph q;
    struct coded *coded[2]; /* [n_values], by signedness of the format */
    bool *stored;           /* [n_values]: constant is an initializer already */
};

/* ---- what the target cannot say -------------------------------------------
 */

static const char *unexpressible(const struct haq_recipe_layer *l)
{
    if (!haq_format_quantizes(l->weight.format))
        return NULL;
    if (l->weight.format->coder)
        return "weights that are no integers";
    if (!l->weight.format->is_signed)
        return "weights with a zero point";
    if (l->weight.granularity == HAQ_PER_GROUP)
        return "weights in groups";
    if (l->act.format->integer && l->act.dynamic)
        return "dynamic activations";
    if (l->act.format->integer && l->act.format->bits != CODE_BITS)
        return "activations of less than 8 bits";
    return NULL;
}

/* Every layer with its reason: in the sentence as far as there is room, and
 * then in the log. */
static haq_status check_layers(const struct haq_recipe *r, const char *path,
                               struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    struct haq_buf b;
    size_t bad = 0, shown = 0;
    haq_buf_init(&b);
    for (size_t i = 0; i < r->n; i++) {
        const char *why = unexpressible(&r->layer[i]);
        if (!why)
            continue;
        bad++;
        if (b.len + strlen(r->layer[i].tensor) + strlen(why) > NAMES_ROOM)
            continue;
        haq_buf_printf(&b, "%s%s (%s)", shown ? ", " : "", r->layer[i].tensor,
                       why);
        shown++;
    }
    if (!bad)
        goto done;
    if (shown < bad)
        haq_buf_printf(&b, " and %zu more", bad - shown);
    for (size_t i = 0; shown < bad && i < r->n; i++)
        if (unexpressible(&r->layer[i]))
            haq_log(HAQ_LOG_ERROR, "%s: layer %s has %s", path,
                    r->layer[i].tensor, unexpressible(&r->layer[i]));
    s = b.failed
            ? haq_fail(d, HAQ_NOMEM, "export to %s", path)
            : haq_fail(d, HAQ_UNSUPPORTED,
                       "%s: onnx-qdq cannot express layers %s", path, b.data);
done:
    haq_buf_fini(&b);
    return s;
}

static void warn_containers(const struct haq_recipe *r, const char *path)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += r->layer[i].weight.format->bits < CODE_BITS;
    if (n)
        haq_log(HAQ_LOG_WARN,
                "%s: weights of %zu layers have fewer than 8 bits; the file "
                "holds them as int8",
                path, n);
}

/* ---- pieces ---------------------------------------------------------------
 */

/* DequantizeLinear of three tensors into a fresh one; axis < 0: one scale. */
static const char *put_dq(struct haq_build *b, const char *stem,
                          const struct coded *c, int axis)
{
    const char *name = haq_build_name(b, stem, "_dq");
    Onnx__NodeProto *n = haq_build_node(b, "DequantizeLinear", 3, 1);
    haq_build_in(b, n, 0, c->codes);
    haq_build_in(b, n, 1, c->scale);
    haq_build_in(b, n, 2, c->zero);
    haq_build_out(b, n, 0, name);
    if (axis >= 0)
        haq_build_int(b, n, "axis", axis);
    return name;
}

/* Codes that end before the container does are cut by a Clip. */
static const char *put_cut(struct haq_build *b, const char *x,
                           const struct haq_act_params *p)
{
    if (p->qlo == 0 && p->qhi == 255)
        return x;
    struct haq_clamp c = {(float)(p->qlo - p->zero) * p->scale,
                          (float)(p->qhi - p->zero) * p->scale};
    const char *cut = haq_build_name(b, x, "_cut");
    haq_onnx_put_clamp(b, &c, x, cut);
    return cut;
}

static void put_q(struct qdq *e, struct coded *c, const char *x,
                  const struct haq_qinput *in)
{
    struct haq_build *b = &e->b;
    bool is_signed = in->spec.format->is_signed;
    int zero = in->params.zero - (is_signed ? CONTAINER_TO_SIGNED : 0);
    uint8_t byte = (uint8_t)zero; /* two's complement where signed */
    x = put_cut(b, x, &in->params);
    c->scale = haq_build_name(b, x, "_scale");
    c->zero = haq_build_name(b, x, "_zero");
    c->codes = haq_build_name(b, x, "_q");
    if (b->failed)
        return;
    haq_build_tensor(b, c->scale, HAQ_F32, &(struct haq_shape){0},
                     &in->params.scale);
    haq_build_tensor(b, c->zero, is_signed ? HAQ_I8 : HAQ_U8,
                     &(struct haq_shape){0}, &byte);
    Onnx__NodeProto *n = haq_build_node(b, "QuantizeLinear", 3, 1);
    haq_build_in(b, n, 0, x);
    haq_build_in(b, n, 1, c->scale);
    haq_build_in(b, n, 2, c->zero);
    haq_build_out(b, n, 0, c->codes);
}

static const char *put_activation(struct qdq *e, int value,
                                  const struct haq_qinput *in)
{
    const char *x = e->pair.g->values[value].name;
    struct coded *c = &e->coded[in->spec.format->is_signed][value];
    if (!c->codes)
        put_q(e, c, x, in);
    return e->b.failed ? NULL : put_dq(&e->b, x, c, -1);
}

/* Codes of the weight in the order of the file's tensor. */
static int8_t *file_order(const struct haq_node *layer,
                          const struct haq_qweight *w)
{
    int8_t *codes = malloc(w->n * w->k + 1);
    bool transposed = haq_layer_weight_transposed(layer);
    for (size_t r = 0; codes && r < w->n; r++)
        for (size_t i = 0; i < w->k; i++)
            codes[transposed ? i * w->n + r : r * w->k + i] =
                w->codes[r * w->k + i];
    return codes;
}

/* Scales and zero points of one value per output channel, or of one in all. */
static void put_scales(struct haq_build *b, struct coded *c, const char *stem,
                       const float *scale, size_t n, bool one,
                       enum haq_dtype zero_type)
{
    struct haq_shape shape = {one ? 0 : 1, {(int64_t)n}};
    void *zeros = haq_arena_array(&b->arena, n, sizeof(int32_t));
    c->scale = haq_build_name(b, stem, "_scale");
    c->zero = haq_build_name(b, stem, "_zero");
    b->failed = b->failed || !zeros;
    if (b->failed)
        return;
    haq_build_tensor(b, c->scale, HAQ_F32, &shape, scale);
    haq_build_tensor(b, c->zero, zero_type, &shape, zeros);
}

static const char *put_weight(struct qdq *e, const struct haq_node *layer,
                              const struct haq_qweight *w)
{
    struct haq_build *b = &e->b;
    const struct haq_value *v = &e->pair.g->values[layer->in[WEIGHT]];
    bool one = w->spec.granularity == HAQ_PER_TENSOR;
    int last = haq_layer_weight_transposed(layer) ? v->shape.rank - 1 : 0;
    struct coded c = {.codes = haq_build_name(b, v->name, "_q")};
    int8_t *codes = file_order(layer, w);
    b->failed = b->failed || !codes;
    if (!b->failed)
        haq_build_tensor(b, c.codes, HAQ_I8, &v->shape, codes);
    free(codes);
    put_scales(b, &c, v->name, w->scale, w->n, one, HAQ_I8);
    return b->failed ? NULL : put_dq(b, v->name, &c, one ? -1 : last);
}

/* The bias that an integer layer adds to its accumulators: int32 with scale
 * sx * sw.  codes, scale and real are [n]. */
static void round_bias(const struct haq_value *bias, const float *tuned,
                       const struct haq_qweight *w, float act_scale,
                       int32_t *codes, float *scale, float *real)
{
    for (size_t i = 0; i < w->n; i++) {
        scale[i] = act_scale * w->scale[i];
        double b = tuned ? (double)tuned[i]
                         : haq_dtype_get(bias->dtype, bias->data, i);
        double q = nearbyint(b / (double)scale[i]);
        codes[i] = (int32_t)fmin(fmax(q, INT32_MIN), INT32_MAX);
        real[i] = (float)codes[i] * scale[i];
    }
}

static const char *put_bias(struct qdq *e, int node)
{
    struct haq_build *b = &e->b;
    const struct haq_node *layer = &e->pair.g->nodes[node];
    const struct haq_qnode *qn = &e->q.node[node];
    const struct haq_value *v = &e->pair.g->values[layer->in[BIAS]];
    const struct haq_qweight *w = qn->weight;
    int32_t *codes = haq_arena_array(&b->arena, w->n, sizeof *codes);
    float *scale = haq_arena_array(&b->arena, w->n, sizeof *scale);
    float *real = haq_arena_array(&b->arena, w->n, sizeof *real);
    struct coded c = {.codes = haq_build_name(b, v->name, "_q")};
    b->failed = b->failed || !codes || !scale || !real;
    if (b->failed)
        return NULL;
    round_bias(v, qn->bias, w, qn->in[DATA].params.scale, codes, scale, real);
    /* A MatMul takes its bias from an Add behind it, on real numbers. */
    if (layer->op->code == HAQ_OP_MATMUL) {
        haq_build_tensor(b, c.codes, HAQ_F32, &v->shape, real);
        return c.codes;
    }
    haq_build_tensor(b, c.codes, HAQ_I32, &v->shape, codes);
    bool one = w->spec.granularity == HAQ_PER_TENSOR;
    put_scales(b, &c, v->name, scale, w->n, one, HAQ_I32);
    return b->failed ? NULL : put_dq(b, v->name, &c, one ? -1 : 0);
}

static const char *put_constant(struct qdq *e, int value)
{
    const struct haq_value *v = &e->pair.g->values[value];
    if (!e->stored[value])
        haq_build_tensor(&e->b, v->name, v->dtype, &v->shape, v->data);
    e->stored[value] = true;
    return v->name;
}

/* A bias on real numbers that a method has changed. */
static const char *put_tuned_bias(struct qdq *e, const struct haq_value *v,
                                  const float *bias)
{
    const char *name = haq_build_name(&e->b, v->name, "_tuned");
    if (name)
        haq_build_tensor(&e->b, name, HAQ_F32, &v->shape, bias);
    return name;
}

/* ---- the whole ------------------------------------------------------------
 */

static const char *put_input(struct qdq *e, int node, int i)
{
    const struct haq_node *n = &e->pair.g->nodes[node];
    const struct haq_qnode *qn = &e->q.node[node];
    if (n->in[i] == HAQ_NO_VALUE)
        return NULL;
    const struct haq_value *v = &e->pair.g->values[n->in[i]];
    if (qn->in[i].quantized)
        return put_activation(e, n->in[i], &qn->in[i]);
    if (qn->weight && i == WEIGHT)
        return put_weight(e, n, qn->weight);
    if (qn->weight && i == BIAS && qn->in[DATA].quantized && v->data)
        return put_bias(e, node);
    if (qn->bias && i == BIAS)
        return put_tuned_bias(e, v, qn->bias);
    return v->data ? put_constant(e, n->in[i]) : v->name;
}

static bool has_clamp(const struct haq_node *n)
{
    bool own = n->op->code == HAQ_OP_RELU || n->op->code == HAQ_OP_CLIP;
    return !own && (isfinite(n->clamp.lo) || isfinite(n->clamp.hi));
}

static void put_node(struct qdq *e, int node)
{
    const struct haq_graph *g = e->pair.g;
    const struct haq_node *n = &g->nodes[node];
    struct haq_build *b = &e->b;
    size_t n_in = (size_t)n->n_in, n_out = (size_t)n->n_out;
    const char **in = haq_arena_array(&b->arena, n_in, sizeof *in);
    const char **out = haq_arena_array(&b->arena, n_out, sizeof *out);
    b->failed = b->failed || !in || !out;
    if (b->failed)
        return;
    for (int i = 0; i < n->n_in; i++)
        in[i] = put_input(e, node, i);
    for (int i = 0; i < n->n_out; i++)
        out[i] = g->values[n->out[i]].name;
    const char *y = out[0];
    if (has_clamp(n))
        out[0] = haq_build_name(b, y, "_linear");
    haq_onnx_put_node(b, &e->pair, node, in, out);
    if (has_clamp(n) && !b->failed)
        haq_onnx_put_clamp(b, &n->clamp, out[0], y);
}

static void put_borders(struct qdq *e)
{
    const struct haq_graph *g = e->pair.g;
    for (int side = 0; side < 2; side++) {
        const int *list = side ? g->outputs : g->inputs;
        for (int i = 0; i < (side ? g->n_outputs : g->n_inputs); i++) {
            const struct haq_value *v = &g->values[list[i]];
            struct haq_shape s = haq_onnx_shape(&e->pair, list[i]);
            for (int k = 0; k < s.rank; k++)
                if (s.dims[k] < 0 && v->shape.dims[k] != g->batch)
                    s.dims[k] = -2; /* a multiple of the batch, say */
            haq_build_value(&e->b, side, v->name, v->dtype, &s);
            if (side && v->data)
                put_constant(e, list[i]);
        }
    }
}

static haq_status put_model(struct qdq *e, struct haq_diag *d)
{
    const struct haq_graph *g = e->pair.g;
    size_t n = (size_t)g->n_values;
    struct haq_arena *a = &e->b.arena;
    e->b.opset = haq_onnx_opset(g);
    e->coded[0] = haq_arena_array(a, n, sizeof *e->coded[0]);
    e->coded[1] = haq_arena_array(a, n, sizeof *e->coded[1]);
    e->stored = haq_arena_array(a, n, sizeof *e->stored);
    if (!e->coded[0] || !e->coded[1] || !e->stored)
        return haq_fail(d, HAQ_NOMEM, "%zu values", n);
    for (size_t i = 0; i < n; i++)
        haq_build_reserve(&e->b, g->values[i].name);
    for (int i = 0; i < g->n_nodes; i++)
        put_node(e, i);
    put_borders(e);
    return HAQ_OK;
}

/* Two batch sizes that no other dimension is likely to have by chance; when the
 * batch cannot stay open the model is written for single samples. */
static haq_status load(struct haq_graph *out[2], struct haq_onnx_pair *pair,
                       const char *path, struct haq_diag *d)
{
    struct haq_import_options opt = {.keep_nchw = true, .batch = 2};
    haq_status s = haq_onnx_load(&out[0], path, &opt, d);
    opt.batch = 3;
    if (!s)
        s = haq_onnx_load(&out[1], path, &opt, d);
    if (s)
        return s;
    *pair = (struct haq_onnx_pair){out[0], out[1]};
    if (haq_onnx_any_batch(pair))
        return HAQ_OK;
    haq_log(HAQ_LOG_WARN, "%s: shapes depend on the batch; exported for 1",
            path);
    haq_graph_free(out[0]);
    out[0] = NULL;
    opt.batch = 1;
    s = haq_onnx_load(&out[0], path, &opt, d);
    *pair = (struct haq_onnx_pair){out[0], out[0]};
    return s;
}

haq_status haq_export_onnx_qdq(const struct haq_export_job *job,
                               struct haq_diag *d)
{
    struct haq_graph *g[2] = {NULL, NULL};
    struct haq_qweight_cache *cache = NULL;
    struct qdq e = {0};
    haq_status s = check_layers(job->recipe, job->out_path, d);
    haq_build_init(&e.b);
    if (!s)
        s = load(g, &e.pair, job->model_path, d);
    if (s)
        goto done;
    if (strcmp(g[0]->model_hash, job->recipe->model_hash)) {
        s = haq_fail(d, HAQ_INVALID,
                     "%s is model sha256:%s, the recipe is for sha256:%s",
                     job->model_path, g[0]->model_hash,
                     job->recipe->model_hash);
        goto done;
    }
    cache = haq_qweight_cache_new();
    if (!cache) {
        s = haq_fail(d, HAQ_NOMEM, "export to %s", job->out_path);
        goto done;
    }
    warn_containers(job->recipe, job->out_path);
    for (int i = 0; !s && i < 2 && g[i]; i++)
        s = haq_split_apply(g[i], job->params, d);
    if (!s)
        s = haq_constants_apply(g[0], job->params, d);
    if (s)
        goto done;
    s = haq_apply(&e.q, e.pair.g, job->recipe, NULL, job->params, cache, d);
    if (!s)
        s = put_model(&e, d);
    if (!s)
        s = haq_build_write(&e.b, job->out_path, d);
done:
    haq_qgraph_fini(&e.q);
    haq_qweight_cache_free(cache);
    haq_build_fini(&e.b);
    haq_graph_free(g[0]);
    haq_graph_free(g[1]);
    return s;
}
