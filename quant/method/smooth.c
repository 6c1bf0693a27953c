#include "quant/method/smooth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "graph/op.h"
#include "quant/blas.h"
#include "quant/calib.h"
#include "quant/layer_weight.h"

enum { SCALE = 1, BIAS = 2 }; /* inputs of layers and normalizations */
/* Training leaves channels with numbers of 1e-30: what is below this share of
 * the largest counts as zero.  No factor is beyond 2^6 or below 2^-6: the int32
 * biases of readers must still fit. */
static const double dead = 0x1p-12, most_factor = 0x1p6;
enum { GRID = 20 }; /* values of alpha */

/* ---- what stands in front --------------------------------------------------
 */

/* Nodes whose output is s times as large when their input `in` is. */
static bool passes_on(const struct haq_node *n)
{
    static const enum haq_opcode such[] = {
        HAQ_OP_MUL,          HAQ_OP_RELU,     HAQ_OP_LEAKY_RELU,
        HAQ_OP_AVERAGE_POOL, HAQ_OP_MAX_POOL, HAQ_OP_GLOBAL_AVERAGE_POOL};
    for (size_t i = 0; i < sizeof such / sizeof *such; i++)
        if (n->op->code == such[i])
            return haq_prepare_homogeneous(n);
    return false;
}

static bool front_norm(struct haq_smooth_group *g, struct haq_prepare *p,
                       const struct haq_node *n)
{
    const struct haq_value *v = &p->g->values[n->in[0]];
    bool norm =
        n->op->code == HAQ_OP_RMS_NORM || n->op->code == HAQ_OP_LAYER_NORM;
    bool biased = n->n_in > BIAS && n->in[BIAS] != HAQ_NO_VALUE;
    if (!norm || n->n_in <= SCALE || n->in[SCALE] == HAQ_NO_VALUE ||
        n->attr.axis != v->shape.rank - 1 ||
        p->g->values[n->in[SCALE]].count != g->channels ||
        (biased && p->g->values[n->in[BIAS]].count != g->channels))
        return false;
    g->front_scale = haq_prepare_own(p, n->in[SCALE]);
    g->front_bias = biased ? haq_prepare_own(p, n->in[BIAS]) : NULL;
    return g->front_scale && (g->front_bias || !biased);
}

static bool front_layer(struct haq_smooth_group *g, struct haq_prepare *p,
                        int node)
{
    const struct haq_node *n = &p->g->nodes[node];
    bool biased = n->n_in > BIAS && n->in[BIAS] != HAQ_NO_VALUE;
    /* One scale for all rows would feel it that they are made uneven. */
    if (!p->member[node] || !haq_prepare_homogeneous(n) ||
        p->layer[node]->weight.granularity == HAQ_PER_TENSOR)
        return false;
    if (!haq_channels_open(&g->front, p, node) || g->front.out != g->channels)
        return false;
    g->front_bias = biased ? haq_prepare_own(p, n->in[BIAS]) : NULL;
    return g->front_bias || !biased;
}

static bool same_shape(const struct haq_graph *g, int a, int b)
{
    return haq_shape_equal(&g->values[a].shape, &g->values[b].shape);
}

enum { DEEP = 8 };

/* What makes `value` takes the factors; `deep` nodes may lie between. */
static bool find_front(struct haq_smooth_group *g, struct haq_prepare *p,
                       int value, int deep)
{
    int node = p->g->values[value].producer;
    if (node < 0 || !deep)
        return false;
    const struct haq_node *n = &p->g->nodes[node];
    if (n->layer)
        return front_layer(g, p, node);
    if (front_norm(g, p, n))
        return true;
    if (!passes_on(n))
        return false;
    bool product = n->op->code == HAQ_OP_MUL;
    for (int i = 0; i < (product ? n->n_in : 1); i++) {
        const struct haq_value *v = &p->g->values[n->in[i]];
        if (!v->data && v->uses == 1 &&
            (!product || same_shape(p->g, n->in[i], value)) &&
            find_front(g, p, n->in[i], deep - 1))
            return true;
    }
    return false;
}

/* ---- who reads -------------------------------------------------------------
 */

/* All that read a value, if they are members that do so as their data input. */
static bool find_readers(struct haq_smooth_group *g, struct haq_prepare *p,
                         int value)
{
    g->readers = 0;
    for (int i = 0; i < p->g->n_nodes; i++) {
        const struct haq_node *n = &p->g->nodes[i];
        if (p->member[i] && n->in[0] == value)
            g->reader[g->readers++] = i;
    }
    return g->readers > 0 && p->g->values[value].uses == (int)g->readers;
}

static bool open_readers(struct haq_smooth_group *g, struct haq_prepare *p)
{
    for (size_t i = 0; i < g->readers; i++) {
        struct haq_channels *c = &g->weight[i];
        if (!haq_channels_open(c, p, g->reader[i]))
            return false;
        if (!i)
            g->channels = haq_channels_read(c);
        if (haq_channels_read(c) != g->channels)
            return false;
    }
    return true;
}

/* Where input channel c lies in moments [parts][k]. */
static size_t moment_at(const struct haq_channels *c, size_t channel)
{
    return channel * c->taps; /* depthwise: part `channel`, k = taps */
}

static void describe_inputs(struct haq_smooth_group *g,
                            const struct haq_prepare *p)
{
    const struct haq_moments *x = &p->x[g->reader[0]];
    const struct haq_channels *c = &g->weight[0];
    double largest = 0;
    for (size_t i = 0; i < g->channels; i++) {
        g->mean_abs[i] = g->lo[i] = g->hi[i] = 0;
        for (size_t t = 0; t < c->taps; t++) {
            size_t at = moment_at(c, i) + t;
            g->mean_abs[i] += x->mean_abs[at] / (double)c->taps;
            g->lo[i] = fmin(g->lo[i], (double)x->lo[at]);
            g->hi[i] = fmax(g->hi[i], (double)x->hi[at]);
        }
        largest = fmax(largest, fmax(g->hi[i], -g->lo[i]));
    }
    for (size_t i = 0; i < g->channels; i++)
        if (fmax(g->hi[i], -g->lo[i]) <= dead * largest)
            g->mean_abs[i] = g->lo[i] = g->hi[i] = 0;
}

/* ---- what factors cost -----------------------------------------------------
 */

double haq_smooth_largest(const struct haq_smooth_group *g, size_t channel)
{
    double max = 0;
    for (size_t i = 0; i < g->readers; i++)
        max = fmax(max, haq_channels_largest(&g->weight[i], true, channel));
    return max;
}

/* Input channel of column `col` of row `row` of a weight matrix. */
static size_t channel_of(const struct haq_channels *c, size_t row, size_t col)
{
    return c->depthwise ? row : col / c->taps;
}

/* The weights times s; D in diff; the sum of |W s|^2. */
static haq_status round_scaled(double *diff, double *power,
                               const struct haq_layer_weight *m,
                               const struct haq_channels *c,
                               const struct haq_weight_spec *spec,
                               const double *s, struct haq_diag *d)
{
    struct haq_qweight q = {.n = 0};
    size_t count = m->n * m->k;
    float *w = malloc((count + 1) * sizeof *w);
    haq_status status =
        w ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "%zu weights", count);
    *power = 0;
    for (size_t i = 0; !status && i < count; i++) {
        w[i] = (float)((double)m->w[i] * s[channel_of(c, i / m->k, i % m->k)]);
        *power += (double)w[i] * (double)w[i];
    }
    if (!status)
        status = haq_qweight_scales(&q, w, m->n, m->k, spec, d);
    for (size_t i = 0; !status && i < count; i++) {
        size_t row = i / m->k, col = i % m->k;
        int code = haq_qweight_code(&q, row, col, (double)w[i]);
        diff[i] = (haq_qweight_value(&q, row, col, code) - (double)w[i]) /
                  s[channel_of(c, row, col)];
    }
    haq_qweight_fini(&q);
    free(w);
    return status;
}

/* The square of the step with which x / s is rounded; 0: it is not. */
static double step_squared(const struct haq_act_spec *act,
                           const struct haq_smooth_group *g, const double *s)
{
    float lo = 0, hi = 0;
    if (!act->format->integer)
        return 0;
    for (size_t i = 0; i < g->channels; i++) {
        lo = fminf(lo, (float)(g->lo[i] / s[i]));
        hi = fmaxf(hi, (float)(g->hi[i] / s[i]));
    }
    double step = (double)haq_act_params_from_range(act, lo, hi).scale;
    return step * step;
}

/* tr(D H D') over all parts of a layer. */
static haq_status output_error(double *out, const double *diff, size_t n,
                               const struct haq_moments *x, struct haq_diag *d)
{
    size_t k = x->k, rows = n / x->parts;
    int kk = (int)k;
    double *moved = malloc((rows * k + 1) * sizeof *moved);
    if (!moved)
        return haq_fail(d, HAQ_NOMEM, "%zu weights", rows * k);
    *out = 0;
    for (size_t part = 0; part < x->parts; part++) {
        const double *at = diff + part * rows * k;
        x->blas->dgemm(HAQ_BLAS_ROW_MAJOR, HAQ_BLAS_PLAIN, HAQ_BLAS_PLAIN,
                       (int)rows, kk, kk, 1, at, kk, x->qq + part * k * k, kk,
                       0, moved, kk);
        for (size_t i = 0; i < rows * k; i++)
            *out += at[i] * moved[i];
    }
    free(moved);
    return HAQ_OK;
}

static haq_status reader_error(double *out, const struct haq_prepare *p,
                               const struct haq_smooth_group *g, size_t i,
                               const double *s, struct haq_diag *d)
{
    int node = g->reader[i];
    const struct haq_recipe_layer *l = p->layer[node];
    struct haq_layer_weight m;
    double power = 0;
    haq_status status = haq_layer_weight_get(&m, p->g, &p->g->nodes[node], d);
    if (status)
        return status;
    double *diff = malloc((m.n * m.k + 1) * sizeof *diff);
    status =
        diff ? round_scaled(diff, &power, &m, &g->weight[i], &l->weight, s, d)
             : haq_fail(d, HAQ_NOMEM, "layer %s", l->tensor);
    if (!status)
        status = output_error(out, diff, m.n, &p->x[node], d);
    *out += power * step_squared(&l->act, g, s) / 12;
    free(diff);
    haq_layer_weight_fini(&m);
    return status;
}

static haq_status smooth_error(double *out, const struct haq_prepare *p,
                               const struct haq_smooth_group *g,
                               const double *s, struct haq_diag *d)
{
    haq_status status = HAQ_OK;
    *out = 0;
    for (size_t i = 0; !status && i < g->readers; i++) {
        double one = 0;
        status = reader_error(&one, p, g, i, s, d);
        *out += one;
    }
    return status;
}

static void normalize(double *s, size_t n)
{
    double most = 0, least = INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (!(s[i] > 0) || !isfinite(s[i]))
            continue;
        most = fmax(most, s[i]);
        least = fmin(least, s[i]);
    }
    for (size_t i = 0; i < n; i++) {
        bool usable = s[i] > 0 && isfinite(s[i]);
        s[i] = usable ? s[i] / sqrt(most * least) : 1;
        s[i] = fmin(fmax(s[i], 1 / most_factor), most_factor);
    }
}

static void apply(struct haq_smooth_group *g, const double *s)
{
    for (size_t c = 0; c < g->channels; c++) {
        for (size_t i = 0; i < g->readers; i++)
            haq_channels_multiply(&g->weight[i], true, c, s[c]);
        if (g->front.w)
            haq_channels_multiply(&g->front, false, c, 1 / s[c]);
        if (g->front_scale)
            g->front_scale[c] = (float)((double)g->front_scale[c] / s[c]);
        if (g->front_bias)
            g->front_bias[c] = (float)((double)g->front_bias[c] / s[c]);
    }
}

/* ---- all of them -----------------------------------------------------------
 */

static bool group_alloc(struct haq_smooth_group *g, size_t nodes,
                        size_t channels)
{
    g->reader = calloc(nodes + 1, sizeof *g->reader);
    g->weight = calloc(nodes + 1, sizeof *g->weight);
    g->mean_abs = calloc(channels + 1, sizeof *g->mean_abs);
    g->lo = calloc(channels + 1, sizeof *g->lo);
    g->hi = calloc(channels + 1, sizeof *g->hi);
    return g->reader && g->weight && g->mean_abs && g->lo && g->hi;
}

static void group_free(struct haq_smooth_group *g)
{
    free(g->reader);
    free(g->weight);
    free(g->mean_abs);
    free(g->lo);
    free(g->hi);
}

/* More channels than any layer has. */
static size_t most_channels(const struct haq_prepare *p)
{
    size_t most = 0;
    for (int i = 0; i < p->g->n_nodes; i++)
        if (p->member[i]) {
            size_t all = p->x[i].parts * p->x[i].k;
            most = all > most ? all : most;
        }
    return most;
}

/* The least costly factors of one group, applied. */
static haq_status smooth_group(struct haq_prepare *p,
                               struct haq_smooth_group *g,
                               haq_smooth_factors *factors, struct haq_diag *d)
{
    double least = INFINITY, cost;
    double *s = malloc((g->channels + 1) * sizeof *s);
    double *best = malloc((g->channels + 1) * sizeof *best);
    haq_status status =
        s && best ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "factors of channels");
    for (int i = -1; !status && i <= GRID; i++) {
        for (size_t c = 0; c < g->channels; c++)
            s[c] = 1;
        if (i >= 0)
            factors(s, g, (double)i / GRID);
        normalize(s, g->channels);
        status = smooth_error(&cost, p, g, s, d);
        if (!status && cost < least) {
            least = cost;
            memcpy(best, s, g->channels * sizeof *s);
        }
    }
    if (!status && least < INFINITY)
        apply(g, best);
    free(s);
    free(best);
    return status;
}

haq_status haq_smooth(struct haq_prepare *p, haq_smooth_factors *factors,
                      struct haq_diag *d)
{
    struct haq_smooth_group g = {.readers = 0};
    size_t found = 0;
    haq_status s = group_alloc(&g, (size_t)p->g->n_nodes, most_channels(p))
                       ? HAQ_OK
                       : haq_fail(d, HAQ_NOMEM, "channels of a graph");
    for (int i = 0; !s && i < p->g->n_nodes; i++) {
        int value = p->member[i] ? p->g->nodes[i].in[0] : HAQ_NO_VALUE;
        g.front = (struct haq_channels){.w = NULL};
        g.front_scale = g.front_bias = NULL;
        if (value == HAQ_NO_VALUE || !find_readers(&g, p, value) ||
            g.reader[0] != i || !open_readers(&g, p) ||
            !find_front(&g, p, value, DEEP))
            continue;
        describe_inputs(&g, p);
        s = smooth_group(p, &g, factors, d);
        found++;
    }
    if (!s && !found)
        haq_log(HAQ_LOG_WARN,
                "method %s: no normalization or layer stands in front of a "
                "layer such that it could take factors",
                p->method);
    group_free(&g);
    return s;
}
