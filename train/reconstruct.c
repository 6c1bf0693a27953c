#include "train/reconstruct.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "train/blocks.h"
#include "train/drawn.h"

enum {
    SAMPLES = 1024,
    BATCH = 32,
    LAYERS = 2,   /* of a block at least */
    HELD_OUT = 8, /* one sample of so many is */
    LOOK = 25,    /* steps from one look at those to the next */
    SEED = 0x62726571
};
#define CACHE_BYTES ((size_t)1 << 29) /* of all samples at one block's ends */

static const float RATE = 0.003f; /* falls to 0 as a cosine does */

/* A net, its crew, and what all samples are at the current cut. */
struct side {
    struct haq_net *net;
    struct haq_crew crew;
    float *at; /* [samples][size] numbers in slot `slot` */
    int slot;
};

struct job {
    const struct haq_reconstruct *r;
    struct side quantized, model;
    struct haq_train_block *block;
    size_t blocks, n;
    size_t *order;         /* [n] 0, 1, ... */
    size_t *held, *taught; /* samples that are looked at, and learned from */
    size_t n_held, n_taught;
    float *target; /* [n][size] the float model's output of the block */
    float *weight; /* [n][size] of each difference, mean 1 */
    size_t size;
    struct haq_rng rng;
};

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t sample_size(const struct haq_net *net, int slot)
{
    return net->slot[slot].count / (size_t)net->graph->batch;
}

/* ---- from one cut to the next ---------------------------------------------
 */

struct passage {
    const struct side *side;
    size_t begin, end;
    int from, to;
    float *out; /* [n][size of `to`] */
};

static void put_rows(struct haq_tape *t, int slot, const float *rows,
                     const size_t *samples, size_t n)
{
    size_t size = sample_size(t->net, slot);
    float *x = haq_tape_value(t, slot);
    for (size_t i = 0; i < n; i++)
        memcpy(x + i * size, rows + samples[i] * size, size * sizeof *x);
}

static void pass(void *arg, struct haq_tape *t, const size_t *samples, size_t n,
                 size_t first)
{
    struct passage *p = arg;
    size_t size = sample_size(t->net, p->to);
    if (p->side->at)
        put_rows(t, p->from, p->side->at, samples, n);
    haq_tape_forward(t, p->begin, p->end);
    memcpy(p->out + first * size, haq_tape_read(t, p->to),
           n * size * sizeof(float));
}

/* Steps of a net that lie between two slots: to the one that makes `out`. */
static size_t maker(const struct haq_net *net, int slot)
{
    for (size_t i = net->steps; i-- > 0;)
        for (int k = 0; k < net->step[i].n_out; k++)
            if (net->step[i].out[k] == slot)
                return i + 1;
    return 0;
}

/* All samples at slot `to`; with the cut there from now on if `stay`. */
static haq_status go_on(struct job *j, struct side *s, size_t begin, int to,
                        float **out, struct haq_diag *d)
{
    struct passage p = {.side = s,
                        .begin = begin,
                        .end = maker(s->net, to),
                        .from = s->slot,
                        .to = to};
    p.out = malloc((j->n * sample_size(s->net, to) + 1) * sizeof *p.out);
    if (!p.out)
        return haq_fail(d, HAQ_NOMEM, "%zu samples", j->n);
    haq_crew_run(&s->crew, j->order, j->n, !s->at, pass, &p);
    *out = p.out;
    return HAQ_OK;
}

static void stay_at(struct side *s, int slot, float *at)
{
    free(s->at);
    s->at = at;
    s->slot = slot;
}

/* The float model's slot for one of the quantized net. */
static int model_slot(const struct job *j, int slot)
{
    return j->model.net->slot_of[haq_train_value_of(j->quantized.net, slot)];
}

/* ---- weights of differences -----------------------------------------------
 */

struct fisher {
    struct job *j;
    int slot;
    size_t begin;
    uint64_t seed;
};

static void weigh(void *arg, struct haq_tape *t, const size_t *samples,
                  size_t n, size_t first)
{
    const struct fisher *f = arg;
    const struct haq_net *net = t->net;
    size_t out = sample_size(net, net->output), size = f->j->size;
    put_rows(t, f->slot, f->j->target, samples, n);
    haq_tape_forward(t, f->begin, net->steps);
    haq_tape_reset(t, f->begin, net->steps);
    for (size_t i = 0; i < n; i++)
        haq_drawn_gradient(net, haq_tape_read(t, net->output) + i * out,
                           haq_tape_gradient(t, net->output) + i * out, out,
                           f->j->r->real, f->seed + samples[i]);
    haq_tape_backward(t, f->begin, net->steps);
    const float *g = haq_tape_gradient(t, f->slot);
    for (size_t i = 0; i < n * size; i++)
        f->j->weight[first * size + i] = fabsf(g[i]);
}

/* At the output itself the same formula holds. */
static void find_weights(struct job *j, int slot)
{
    struct fisher f = {j, slot, maker(j->model.net, slot), SEED};
    double sum = 0;
    size_t count = j->n * j->size;
    haq_crew_run(&j->model.crew, j->order, j->n, false, weigh, &f);
    for (size_t i = 0; i < count; i++)
        sum += (double)j->weight[i];
    float scale = sum > 0 ? (float)((double)count / sum) : 0;
    for (size_t i = 0; i < count; i++)
        j->weight[i] = sum > 0 ? j->weight[i] * scale : 1;
}

/* ---- descent --------------------------------------------------------------
 */

struct descent {
    struct job *j;
    const struct haq_train_block *b;
    float scale;
    double *loss; /* [batches of a batch] */
    bool backward;
};

static void compare(void *arg, struct haq_tape *t, const size_t *samples,
                    size_t n, size_t first)
{
    struct descent *c = arg;
    struct job *j = c->j;
    double sum = 0;
    if (j->quantized.at)
        put_rows(t, c->b->in, j->quantized.at, samples, n);
    haq_tape_forward(t, c->b->begin, c->b->end);
    const float *y = haq_tape_read(t, c->b->out);
    haq_tape_reset(t, c->b->begin, c->b->end);
    float *dy = haq_tape_gradient(t, c->b->out);
    for (size_t i = 0; i < n; i++) {
        const float *want = j->target + samples[i] * j->size;
        const float *w = j->weight + samples[i] * j->size;
        for (size_t k = 0; k < j->size; k++) {
            float e = y[i * j->size + k] - want[k];
            sum += (double)(w[k] * e * e);
            dy[i * j->size + k] = 2 * w[k] * e * c->scale;
        }
    }
    c->loss[first / j->quantized.crew.batch] = sum;
    if (c->backward)
        haq_tape_backward(t, c->b->begin, c->b->end);
}

static double compare_all(struct descent *c, const size_t *samples, size_t n)
{
    struct haq_crew *crew = &c->j->quantized.crew;
    double sum = 0;
    for (size_t i = 0; c->backward && i < crew->threads; i++)
        haq_tape_clear(crew->tape[i]);
    haq_crew_run(crew, samples, n, !c->j->quantized.at, compare, c);
    for (size_t i = 0; i < (n + crew->batch - 1) / crew->batch; i++)
        sum += c->loss[i];
    return sum / (double)n;
}

/* What is kept is what does best on the held-out samples, the start included.
 */
static void descend(struct descent *c, size_t number, struct haq_learner *l,
                    struct haq_optimizer *o, float *best)
{
    struct job *j = c->j;
    const struct haq_reconstruct *r = j->r;
    size_t sample[BATCH], batch = lesser(j->n_taught, BATCH);
    double least = compare_all(c, j->held, j->n_held);
    c->scale = least > 0 ? (float)(1 / (least * (double)batch)) : 0;
    haq_learner_save(l, best);
    for (size_t i = 0; i < r->steps; i++) {
        double turn = acos(-1) * (double)i / (double)r->steps;
        for (size_t k = 0; k < batch; k++)
            sample[k] = j->taught[haq_rng_below(&j->rng, j->n_taught)];
        c->backward = true;
        compare_all(c, sample, batch);
        haq_learner_back(l, &j->quantized.crew);
        haq_optimizer_step(o, RATE * (float)(0.5 * (1 + cos(turn))));
        haq_learner_use(l);
        if (r->progress)
            r->progress(r->progress_arg, number * r->steps + i + 1,
                        j->blocks * r->steps);
        c->backward = false;
        double now = (i + 1) % LOOK && i + 1 < r->steps
                         ? INFINITY
                         : compare_all(c, j->held, j->n_held);
        if (!(now < least))
            continue;
        least = now;
        haq_learner_save(l, best);
    }
    haq_learner_load(l, best);
}

static haq_status learn(struct job *j, size_t number, struct haq_learner *l,
                        struct haq_diag *d)
{
    struct descent c = {.j = j, .b = &j->block[number]};
    struct haq_optimizer *o = NULL;
    float *best = malloc((haq_learner_size(l) + 1) * sizeof *best);
    haq_status s =
        haq_optimizer_new(&o, "adam", l->parameter, l->parameters, d);
    c.loss = malloc((j->n + 1) * sizeof *c.loss);
    if (!s && (!c.loss || !best))
        s = haq_fail(d, HAQ_NOMEM, "losses of a block");
    if (!s)
        descend(&c, number, l, o, best);
    haq_optimizer_free(o);
    free(c.loss);
    free(best);
    return s;
}

static haq_status reconstruct(struct job *j, size_t number,
                              struct haq_params *p, struct haq_diag *d)
{
    const struct haq_train_block *b = &j->block[number];
    const struct haq_reconstruct *r = j->r;
    const struct haq_learner_part part = {
        .begin = b->begin, .end = b->end, .trains = r->trains, .arg = r->arg};
    struct haq_learner l;
    int slot = model_slot(j, b->out);
    float *next = NULL;
    haq_status s = go_on(j, &j->model,
                         j->model.at ? maker(j->model.net, j->model.slot) : 0,
                         slot, &j->target, d);
    if (s)
        return s;
    j->size = sample_size(j->model.net, slot);
    j->weight = malloc((j->n * j->size + 1) * sizeof *j->weight);
    if (!j->weight)
        return haq_fail(d, HAQ_NOMEM, "%zu samples", j->n);
    find_weights(j, slot);
    s = haq_learner_init(&l, j->quantized.net, r->q, &part, d);
    if (s)
        return s;
    if (l.parameters)
        s = learn(j, number, &l, d);
    if (!s)
        s = haq_learner_store(&l, p, d);
    haq_learner_fini(&l);
    if (!s)
        s = go_on(j, &j->quantized, b->begin, b->out, &next, d);
    free(j->weight);
    j->weight = NULL;
    if (s)
        return s;
    stay_at(&j->quantized, b->out, next);
    stay_at(&j->model, slot, j->target);
    j->target = NULL;
    return HAQ_OK;
}

/* ---- the job --------------------------------------------------------------
 */

static haq_status open_side(struct side *s, const struct haq_reconstruct *r,
                            const struct haq_qgraph *q, struct haq_diag *d)
{
    haq_status status = haq_net_new(&s->net, r->graph, q, d);
    if (!status)
        status = haq_crew_open(&s->crew, s->net, r->data, r->pool, d);
    return status;
}

static void close_side(struct side *s)
{
    haq_crew_close(&s->crew);
    haq_net_free(s->net);
    free(s->at);
}

/* As many samples as memory for four copies at the widest cut allows. */
static size_t samples_for(const struct job *j)
{
    size_t most = 1, n = j->r->data->n;
    for (size_t i = 0; i < j->blocks; i++) {
        size_t size = sample_size(j->quantized.net, j->block[i].out);
        most = size > most ? size : most;
    }
    size_t fit = lesser(CACHE_BYTES / (4 * most * sizeof(float)), SAMPLES);
    return lesser(n, fit ? fit : 1);
}

/* With one sample it is held out and learned from. */
static haq_status divide(struct job *j, struct haq_diag *d)
{
    j->n = samples_for(j);
    j->order = malloc((j->n + 1) * sizeof *j->order);
    j->held = malloc((j->n + 1) * sizeof *j->held);
    j->taught = malloc((j->n + 1) * sizeof *j->taught);
    if (!j->order || !j->held || !j->taught)
        return haq_fail(d, HAQ_NOMEM, "%zu samples", j->n);
    for (size_t i = 0; i < j->n; i++) {
        j->order[i] = i;
        if (i % HELD_OUT == 0)
            j->held[j->n_held++] = i;
        if (i % HELD_OUT || j->n == 1)
            j->taught[j->n_taught++] = i;
    }
    return HAQ_OK;
}

haq_status haq_reconstruct_run(const struct haq_reconstruct *r,
                               struct haq_params *p, struct haq_diag *d)
{
    struct job j = {.r = r};
    haq_rng_seed(&j.rng, SEED);
    haq_status s = open_side(&j.quantized, r, r->q, d);
    if (!s)
        s = open_side(&j.model, r, NULL, d);
    if (!s)
        s = haq_train_blocks(&j.block, &j.blocks, j.quantized.net, LAYERS, d);
    if (!s)
        s = divide(&j, d);
    for (size_t i = 0; !s && i < j.blocks; i++)
        s = reconstruct(&j, i, p, d);
    free(j.order);
    free(j.held);
    free(j.taught);
    free(j.target);
    free(j.weight);
    free(j.block);
    close_side(&j.quantized);
    close_side(&j.model);
    return s;
}
