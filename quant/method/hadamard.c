/* Random Hadamard rotation (QuaRot, Ashkboos et al. 2024, arXiv 2404.00456;
 * QuIP in fact sheet 4.9) of the residual stream of a network with RMS
 * normalization.
 *
 * The stream is what embeddings and layers write, Adds sum up and RMS norms
 * read.  With R orthogonal its length, all that such a norm looks at, does not
 * change when it becomes x R:
 *
 *     x R  =  sum of (table R), (W R, b R)           who writes
 *     norm(x R) = norm(x) R, its scale g moved into the readers
 *     y = norm(x) diag(g) W = norm(x R) (R' diag(g) W)        who reads
 *
 * R mixes every channel with all others: outliers of activations and weights
 * are spread evenly.  It is a random sign for each channel, then the tensor
 * product of a Hadamard matrix (2^k) and, where the width is p 2^k with p odd,
 * a cosine transform (DCT-II, orthonormal) of size p.
 *
 * Everything that touches the stream must be known to be one of these, or
 * nothing is rotated at all, and the log says why.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/rng.h"
#include "graph/op.h"
#include "quant/method/prepare.h"

enum { TABLE = 0, SCALE = 1, WEIGHT = 1, BIAS = 2 }; /* inputs */
enum { MOST_ODD = 1024 }; /* of the width: its square is kept */
static const uint64_t seed = 1;

/* ---- the rotation ----------------------------------------------------------
 */

struct rotation {
    size_t width, odd, power; /* width = odd * power */
    double *sign;             /* [width] */
    double *cosine;           /* [odd][odd] */
    double *scratch;          /* [width], then [odd] */
};

static void rotation_fini(struct rotation *r)
{
    free(r->sign);
    free(r->cosine);
    free(r->scratch);
}

static size_t odd_part(size_t n)
{
    while (n && n % 2 == 0)
        n /= 2;
    return n;
}

static bool rotation_init(struct rotation *r, size_t width)
{
    struct haq_rng rng;
    *r = (struct rotation){.width = width, .odd = odd_part(width)};
    r->power = width / r->odd;
    r->sign = malloc((width + 1) * sizeof *r->sign);
    r->cosine = malloc((r->odd * r->odd + 1) * sizeof *r->cosine);
    r->scratch = malloc((width + r->odd + 1) * sizeof *r->scratch);
    if (!r->sign || !r->cosine || !r->scratch)
        return false;
    haq_rng_seed(&rng, seed);
    for (size_t i = 0; i < width; i++)
        r->sign[i] = haq_rng_unit(&rng) < 0.5 ? -1 : 1;
    for (size_t i = 0; i < r->odd; i++)
        for (size_t k = 0; k < r->odd; k++)
            r->cosine[i * r->odd + k] =
                sqrt((k ? 2.0 : 1.0) / (double)r->odd) *
                cos(M_PI * ((double)i + 0.5) * (double)k / (double)r->odd);
    return true;
}

/* Walsh-Hadamard transform of n = 2^k numbers, orthonormal. */
static void hadamard(double *x, size_t n)
{
    double unit = 1 / sqrt((double)n);
    for (size_t half = 1; half < n; half *= 2)
        for (size_t i = 0; i < n; i++)
            if (!(i & half)) {
                double a = x[i], b = x[i + half];
                x[i] = a + b;
                x[i + half] = a - b;
            }
    for (size_t i = 0; i < n; i++)
        x[i] *= unit;
}

/* The row vector of elements x[i * apart] times R. */
static void rotate(const struct rotation *r, float *x, size_t apart)
{
    double *row = r->scratch, *column = r->scratch + r->width;
    for (size_t i = 0; i < r->width; i++)
        row[i] = (double)x[i * apart] * r->sign[i];
    for (size_t i = 0; i < r->odd; i++)
        hadamard(row + i * r->power, r->power);
    for (size_t c = 0; r->odd > 1 && c < r->power; c++) {
        for (size_t k = 0; k < r->odd; k++) {
            column[k] = 0;
            for (size_t i = 0; i < r->odd; i++)
                column[k] += row[i * r->power + c] * r->cosine[i * r->odd + k];
        }
        for (size_t k = 0; k < r->odd; k++)
            row[k * r->power + c] = column[k];
    }
    for (size_t i = 0; i < r->width; i++)
        x[i * apart] = (float)row[i];
}

/* ---- who touches the stream ------------------------------------------------
 */

/* What a node is to the stream; a layer may both read and write it. */
enum role { NORM = 1, WRITER = 2, READER = 4 };

struct stream {
    struct haq_prepare *p;
    size_t width;
    bool *in;        /* [values] part of the stream */
    bool *constant;  /* [values] added to it, or a table of it */
    unsigned *role;  /* [nodes] */
    const char *why; /* it cannot be rotated */
    const char *where;
};

static bool refuse(struct stream *s, const char *why, const char *where)
{
    s->why = why;
    s->where = where;
    return false;
}

static bool is_output(const struct haq_graph *g, int value)
{
    for (int i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == value)
            return true;
    return false;
}

static bool unclamped(const struct haq_node *n)
{
    return n->clamp.lo == -INFINITY && n->clamp.hi == INFINITY;
}

static bool last_is_width(const struct stream *s, int value)
{
    const struct haq_shape *shape = &s->p->g->values[value].shape;
    return shape->rank && shape->dims[shape->rank - 1] == (int64_t)s->width;
}

/* A layer whose weight may be changed: a matrix, and where it is codes, with
 * this method. */
static bool changeable(struct stream *s, int node)
{
    struct haq_channels c;
    const struct haq_node *n = &s->p->g->nodes[node];
    if (!n->layer || n->op->code == HAQ_OP_CONV)
        return refuse(s, "is no matrix product with constant weights", n->name);
    if (haq_prepare_quantized(s->p, node) && !s->p->member[node])
        return refuse(s, "is quantized without this method", n->layer);
    if (!haq_channels_open(&c, s->p, node) ||
        (n->n_in > BIAS && n->in[BIAS] != HAQ_NO_VALUE &&
         !haq_prepare_own(s->p, n->in[BIAS])))
        return refuse(s, "has weights that cannot be changed", n->layer);
    return true;
}

static bool take_sum(struct stream *s, int node)
{
    const struct haq_node *n = &s->p->g->nodes[node];
    if (!unclamped(n) || !last_is_width(s, n->out[0]))
        return refuse(s, "clamps the stream or broadcasts it", n->name);
    s->in[n->out[0]] = true;
    for (int i = 0; i < n->n_in; i++) {
        bool constant = s->p->g->values[n->in[i]].data;
        if (!last_is_width(s, n->in[i]) ||
            (constant && !haq_prepare_own(s->p, n->in[i])))
            return refuse(s, "adds something else to the stream", n->name);
        (constant ? s->constant : s->in)[n->in[i]] = true;
    }
    return true;
}

static bool take_writer(struct stream *s, int value)
{
    int node = s->p->g->values[value].producer;
    const struct haq_node *n = node < 0 ? NULL : &s->p->g->nodes[node];
    if (!n)
        return refuse(s, "is an input of the model",
                      s->p->g->values[value].name);
    if (n->op->code == HAQ_OP_ADD)
        return take_sum(s, node);
    if (n->op->code == HAQ_OP_GATHER) {
        s->constant[n->in[TABLE]] = true;
        return (n->attr.axis == 0 &&
                s->p->g->values[n->in[TABLE]].shape.rank == 2 &&
                haq_prepare_own(s->p, n->in[TABLE])) ||
               refuse(s, "is no lookup in a table of its own", n->name);
    }
    s->role[node] |= WRITER;
    return unclamped(n) ? changeable(s, node)
                        : refuse(s, "has an activation function", n->name);
}

/* Who reads what a norm makes: layers, as their data. */
static bool take_norm(struct stream *s, int node)
{
    const struct haq_graph *g = s->p->g;
    const struct haq_node *n = &g->nodes[node];
    s->role[node] |= NORM;
    if (n->attr.axis != g->values[n->in[0]].shape.rank - 1 ||
        n->n_in <= SCALE || !haq_prepare_own(s->p, n->in[SCALE]))
        return refuse(s, "has no scale of its own", n->name);
    if (is_output(g, n->out[0]))
        return refuse(s, "is an output of the model", n->name);
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++) {
            if (g->nodes[i].in[k] != n->out[0])
                continue;
            s->role[i] |= READER;
            if (k || !changeable(s, i))
                return s->why || refuse(s, "reads a norm", g->nodes[i].name);
        }
    return true;
}

static bool take_readers(struct stream *s, int value)
{
    const struct haq_graph *g = s->p->g;
    if (is_output(g, value))
        return refuse(s, "is an output of the model", g->values[value].name);
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++) {
            enum haq_opcode code = g->nodes[i].op->code;
            if (g->nodes[i].in[k] != value)
                continue;
            bool ok = code == HAQ_OP_ADD              ? take_sum(s, i)
                      : code == HAQ_OP_RMS_NORM && !k ? take_norm(s, i)
                                                      : false;
            if (!ok)
                return s->why ? false
                              : refuse(s, "reads the stream but is no RMS norm",
                                       g->nodes[i].name);
        }
    return true;
}

/* From one RMS norm to all that it is connected with. */
static bool follow(struct stream *s)
{
    const struct haq_graph *g = s->p->g;
    bool *done = calloc((size_t)g->n_values + 1, sizeof *done);
    bool ok = done, more = true;
    while (ok && more) {
        more = false;
        for (int v = 0; ok && v < g->n_values; v++) {
            if (!s->in[v] || done[v])
                continue;
            done[v] = more = true;
            ok = take_writer(s, v) && take_readers(s, v);
        }
    }
    free(done);
    return ok;
}

/* ---- turning it ------------------------------------------------------------
 */

static void turn_rows(const struct rotation *r, float *x, size_t count)
{
    for (size_t i = 0; i < count; i += r->width)
        rotate(r, x + i, 1);
}

/* Layers were open before: they open again. */
static void turn_reader(struct stream *s, const struct rotation *r, int node,
                        const float *scale)
{
    struct haq_channels c;
    if (!haq_channels_open(&c, s->p, node))
        return;
    for (size_t i = 0; i < c.in; i++)
        haq_channels_multiply(&c, true, i, (double)scale[i]);
    for (size_t o = 0; o < c.out; o++)
        rotate(r, c.w + o * c.at_out, c.at_in);
}

static void turn_writer(struct stream *s, const struct rotation *r, int node)
{
    struct haq_channels c;
    const struct haq_node *n = &s->p->g->nodes[node];
    if (!haq_channels_open(&c, s->p, node))
        return;
    for (size_t i = 0; i < c.in; i++)
        rotate(r, c.w + i * c.at_in, c.at_out);
    if (n->n_in > BIAS && n->in[BIAS] != HAQ_NO_VALUE)
        turn_rows(r, haq_prepare_own(s->p, n->in[BIAS]), r->width);
}

static void turn_norm(struct stream *s, const struct rotation *r, int node)
{
    const struct haq_graph *g = s->p->g;
    const struct haq_node *n = &g->nodes[node];
    float *scale = haq_prepare_own(s->p, n->in[SCALE]);
    for (int i = 0; i < g->n_nodes; i++)
        if ((s->role[i] & READER) && g->nodes[i].in[0] == n->out[0])
            turn_reader(s, r, i, scale);
    for (size_t i = 0; i < r->width; i++)
        scale[i] = 1;
}

static void turn(struct stream *s, const struct rotation *r)
{
    const struct haq_graph *g = s->p->g;
    for (int i = 0; i < g->n_nodes; i++) {
        if (s->role[i] & NORM)
            turn_norm(s, r, i);
        if (s->role[i] & WRITER)
            turn_writer(s, r, i);
    }
    for (int v = 0; v < g->n_values; v++)
        if (s->constant[v])
            turn_rows(r, haq_prepare_own(s->p, v), g->values[v].count);
}

static int first_norm(const struct haq_graph *g)
{
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op->code == HAQ_OP_RMS_NORM)
            return g->nodes[i].in[0];
    return HAQ_NO_VALUE;
}

haq_status haq_method_hadamard(struct haq_prepare *p, struct haq_diag *d)
{
    const struct haq_graph *g = p->g;
    struct rotation r = {.width = 0};
    struct stream s = {.p = p, .why = "has no RMS norm", .where = "the model"};
    haq_status status = HAQ_OK;
    int start = first_norm(g);
    s.in = calloc((size_t)g->n_values + 1, sizeof *s.in);
    s.constant = calloc((size_t)g->n_values + 1, sizeof *s.constant);
    s.role = calloc((size_t)g->n_nodes + 1, sizeof *s.role);
    if (!s.in || !s.constant || !s.role) {
        status = haq_fail(d, HAQ_NOMEM, "%d nodes", g->n_nodes);
        goto done;
    }
    if (start != HAQ_NO_VALUE) {
        const struct haq_shape *shape = &g->values[start].shape;
        s.width = (size_t)shape->dims[shape->rank - 1];
        s.in[start] = true;
        s.why = NULL;
        if (!s.width || odd_part(s.width) > MOST_ODD)
            refuse(&s, "has a width without a power of two",
                   g->values[start].name);
    }
    if (s.why || !follow(&s))
        haq_log(HAQ_LOG_WARN, "method %s: nothing is rotated: %s %s", p->method,
                s.where ? s.where : "memory", s.why ? s.why : "is out");
    else if (rotation_init(&r, s.width))
        turn(&s, &r);
    else
        status = haq_fail(d, HAQ_NOMEM, "a rotation of %zu", s.width);
done:
    rotation_fini(&r);
    free(s.in);
    free(s.constant);
    free(s.role);
    return status;
}
