#include "train/finetune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

enum {
    HELD_OUT_MOST = 1024,
    BATCH = 64,
    BATCH_OF_FEW = 32, /* of fewer than FEW samples: they make more steps */
    FEW = 2048,
    LEG = 24, /* batches from one look at the held-out samples to the next */
    SEED = 0x71617400
};
static const float rates[] = {0.03f, 0.01f, 0.003f, 0.001f}; /* tried */

struct course {
    const struct haq_finetune *f;
    struct haq_net *net;
    struct haq_crew crew;
    struct haq_learner learner;
    struct haq_optimizer *optimizer;
    struct haq_loss loss;
    float *teacher;
    size_t *order; /* [n]: the held-out samples first */
    size_t held, n;
    double *each, *best_each; /* [n] losses, those of the held-out samples
                                 when they were best */
    float *best;
    struct haq_rng rng;
    size_t batch, next; /* samples of a batch; first one of the next batch */
    bool learns;
};

/* ---- preparation ----------------------------------------------------------
 */

static haq_status teach(struct course *c, struct haq_diag *d)
{
    struct haq_net *model = NULL;
    struct haq_crew crew = {0};
    size_t size =
        c->net->slot[c->net->output].count / (size_t)c->f->graph->batch;
    const struct haq_value *out = &c->f->graph->values[c->f->graph->outputs[0]];
    c->teacher = malloc((c->n * size + 1) * sizeof *c->teacher);
    if (!c->teacher)
        return haq_fail(d, HAQ_NOMEM, "outputs of the float model");
    haq_status s = haq_net_new(&model, c->f->graph, NULL, d);
    if (!s)
        s = haq_crew_open(&crew, model, c->f->data, c->f->pool, d);
    for (size_t i = 0; i < c->n; i++)
        c->order[i] = i;
    if (!s)
        haq_crew_outputs(&crew, c->order, c->n, c->teacher);
    haq_crew_close(&crew);
    haq_net_free(model);
    size_t classes =
        out->shape.rank ? (size_t)out->shape.dims[out->shape.rank - 1] : 1;
    c->loss = (struct haq_loss){.data = c->f->data,
                                .teacher = c->teacher,
                                .positions = classes ? size / classes : 0,
                                .classes = classes,
                                .real = c->f->real,
                                .share = c->f->share};
    return s;
}

static haq_status open_course(struct course *c, struct haq_diag *d)
{
    const struct haq_finetune *f = c->f;
    c->n = f->data->n;
    if (c->n < 2)
        return haq_fail(d, HAQ_INVALID, "fine-tuning needs at least 2 samples");
    c->batch = c->n < FEW ? BATCH_OF_FEW : BATCH;
    c->held = c->n / 10 < HELD_OUT_MOST ? (c->n + 9) / 10 : HELD_OUT_MOST;
    c->order = malloc(c->n * sizeof *c->order);
    c->each = malloc(c->n * sizeof *c->each);
    c->best_each = malloc(c->n * sizeof *c->best_each);
    haq_status s = c->order && c->each && c->best_each
                       ? haq_net_new(&c->net, f->graph, f->q, d)
                       : haq_fail(d, HAQ_NOMEM, "%zu samples", c->n);
    if (!s)
        s = teach(c, d);
    if (!s)
        s = haq_crew_open(&c->crew, c->net, f->data, f->pool, d);
    if (s)
        return s;
    const struct haq_learner_part whole = {
        .end = c->net->steps, .trains = f->trains, .arg = f->arg};
    s = haq_learner_init(&c->learner, c->net, f->q, &whole, d);
    c->learns = !s;
    if (!s)
        s = haq_optimizer_new(&c->optimizer, f->optimizer, c->learner.parameter,
                              c->learner.parameters, d);
    c->best =
        s ? NULL : malloc((haq_learner_size(&c->learner) + 1) * sizeof(float));
    if (!s && !c->best)
        s = haq_fail(d, HAQ_NOMEM, "what is trained");
    return s;
}

static void close_course(struct course *c)
{
    haq_optimizer_free(c->optimizer);
    if (c->learns)
        haq_learner_fini(&c->learner);
    haq_crew_close(&c->crew);
    haq_net_free(c->net);
    free(c->teacher);
    free(c->order);
    free(c->each);
    free(c->best_each);
    free(c->best);
}

/* ---- the course -----------------------------------------------------------
 */

static void shuffle(struct haq_rng *r, size_t *x, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)haq_rng_below(r, i), kept = x[i - 1];
        x[i - 1] = x[k];
        x[k] = kept;
    }
}

static double held_out_loss(struct course *c)
{
    return haq_crew_loss(&c->crew, &c->loss, c->order, c->held, c->each, false);
}

/* Samples come in a new order every time they have all been seen. */
static void take_batch(struct course *c, float rate)
{
    size_t *order = c->order + c->held, n = c->n - c->held;
    if (c->next == 0)
        shuffle(&c->rng, order, n);
    size_t count = n - c->next < c->batch ? n - c->next : c->batch;
    haq_crew_loss(&c->crew, &c->loss, order + c->next, count, c->each, true);
    haq_learner_back(&c->learner, &c->crew);
    haq_optimizer_step(c->optimizer, rate);
    haq_learner_use(&c->learner);
    c->next = c->next + count < n ? c->next + count : 0;
}

/* Keep what is better than ever. */
static bool look(struct course *c, struct haq_finetuned *out)
{
    double now = held_out_loss(c);
    if (!(now < out->after))
        return false;
    out->after = now;
    memcpy(c->best_each, c->each, c->held * sizeof *c->each);
    haq_learner_save(&c->learner, c->best);
    return true;
}

/* Are the held-out samples worse off than at their best by more than chance
 * (two standard errors of the mean difference)?  So is what is no number. */
static bool worse(const struct course *c)
{
    double sum = 0, squares = 0, n = (double)c->held;
    for (size_t i = 0; i < c->held; i++) {
        double e = c->each[i] - c->best_each[i];
        sum += e;
        squares += e * e;
    }
    double mean = sum / n, variance = squares / n - mean * mean;
    return !(mean <= 2 * sqrt(fmax(variance, 0) / n));
}

static void return_to_best(struct course *c)
{
    haq_learner_load(&c->learner, c->best);
    haq_optimizer_reset(c->optimizer);
}

/* Every rate from the same start. */
static void find_rate(struct course *c, struct haq_finetuned *out, float *start)
{
    haq_learner_save(&c->learner, start);
    out->rate = rates[sizeof rates / sizeof *rates - 1];
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        haq_learner_load(&c->learner, start);
        haq_optimizer_reset(c->optimizer);
        for (size_t b = 0; b < LEG; b++)
            take_batch(c, rates[i]);
        if (look(c, out))
            out->rate = rates[i];
    }
    return_to_best(c);
}

static void run_course(struct course *c, struct haq_finetuned *out)
{
    const struct haq_finetune *f = c->f;
    size_t batches = (c->n - c->held + c->batch - 1) / c->batch;
    size_t all = f->epochs * batches;
    float share = 1;
    for (size_t b = 0; b < all; b++) {
        double turn = acos(-1) * (double)b / (double)all;
        take_batch(c, out->rate * share * (float)(0.5 * (1 + cos(turn))));
        if (f->progress)
            f->progress(f->progress_arg, b + 1, all);
        if (((b + 1) % LEG && b + 1 < all) || look(c, out) || !worse(c))
            continue;
        return_to_best(c);
        share /= 2;
        out->returns++;
    }
    haq_learner_load(&c->learner, c->best);
}

haq_status haq_finetune_run(const struct haq_finetune *f, struct haq_params *p,
                            struct haq_finetuned *out, struct haq_diag *d)
{
    struct course c = {.f = f};
    haq_status s = open_course(&c, d);
    float *start =
        s ? NULL : malloc((haq_learner_size(&c.learner) + 1) * sizeof *start);
    if (!s && !start)
        s = haq_fail(d, HAQ_NOMEM, "what is trained");
    if (!s) {
        haq_rng_seed(&c.rng, SEED);
        shuffle(&c.rng, c.order, c.n);
        *out = (struct haq_finetuned){.before = held_out_loss(&c),
                                      .rate = f->rate};
        out->after = out->before;
        memcpy(c.best_each, c.each, c.held * sizeof *c.each);
        haq_learner_save(&c.learner, c.best);
        if (!(f->rate > 0))
            find_rate(&c, out, start);
        run_course(&c, out);
    }
    free(start);
    if (!s)
        s = haq_learner_store(&c.learner, p, d);
    close_course(&c);
    return s;
}
