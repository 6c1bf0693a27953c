#include "train/crew.h"

#include <stdlib.h>
#include <string.h>

#include "quant/blas.h"

haq_status haq_crew_open(struct haq_crew *c, const struct haq_net *net,
                         const struct haq_dataset *data, struct haq_pool *pool,
                         struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    *c = (struct haq_crew){.net = net,
                           .data = data,
                           .pool = pool,
                           .threads = haq_pool_threads(pool),
                           .batch = (size_t)net->graph->batch};
    c->tape = calloc(c->threads, sizeof *c->tape);
    if (!c->tape)
        s = haq_fail(d, HAQ_NOMEM, "a batch");
    for (size_t i = 0; !s && i < c->threads; i++)
        s = haq_tape_new(&c->tape[i], net, d);
    if (s)
        haq_crew_close(c);
    return s;
}

void haq_crew_close(struct haq_crew *c)
{
    for (size_t i = 0; c->tape && i < c->threads; i++)
        haq_tape_free(c->tape[i]);
    free(c->tape);
    *c = (struct haq_crew){0};
}

struct run {
    struct haq_crew *crew;
    const size_t *samples;
    size_t n;
    bool fed;
    haq_crew_fn *fn;
    void *arg;
};

static void run_batches(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct run *r = arg;
    struct haq_crew *c = r->crew;
    struct haq_tape *t = c->tape[worker];
    const struct haq_graph *g = c->net->graph;
    for (size_t b = begin; b < end; b++) {
        size_t first = b * c->batch;
        size_t n = r->n - first < c->batch ? r->n - first : c->batch;
        if (r->fed)
            haq_dataset_fetch(c->data, r->samples + first, n,
                              g->values[g->inputs[0]].dtype,
                              haq_tape_value(t, c->net->input));
        r->fn(r->arg, t, r->samples + first, n, first);
    }
}

void haq_crew_run(struct haq_crew *c, const size_t *samples, size_t n, bool fed,
                  haq_crew_fn *fn, void *arg)
{
    struct run r = {c, samples, n, fed, fn, arg};
    int before = haq_blas_threads(1);
    haq_pool_run(c->pool, (n + c->batch - 1) / c->batch, 1, run_batches, &r);
    if (before)
        haq_blas_threads(before);
}

/* ---- outputs and losses ---------------------------------------------------
 */

static size_t output_size(const struct haq_net *net)
{
    return net->slot[net->output].count / (size_t)net->graph->batch;
}

static void take_outputs(void *arg, struct haq_tape *t, const size_t *samples,
                         size_t n, size_t first)
{
    float *out = arg;
    size_t size = output_size(t->net);
    (void)samples;
    haq_tape_forward(t, 0, t->net->steps);
    memcpy(out + first * size, haq_tape_read(t, t->net->output),
           n * size * sizeof *out);
}

void haq_crew_outputs(struct haq_crew *c, const size_t *samples, size_t n,
                      float *out)
{
    haq_crew_run(c, samples, n, true, take_outputs, out);
}

struct losses {
    const struct haq_loss *loss;
    double *of; /* [n] */
    bool backward;
    float scale;
};

static void take_loss(void *arg, struct haq_tape *t, const size_t *samples,
                      size_t n, size_t first)
{
    struct losses *l = arg;
    size_t size = output_size(t->net);
    haq_tape_forward(t, 0, t->net->steps);
    const float *out = haq_tape_read(t, t->net->output);
    float *grad = NULL;
    if (l->backward) {
        haq_tape_reset(t, 0, t->net->steps);
        grad = haq_tape_gradient(t, t->net->output);
    }
    for (size_t i = 0; i < n; i++)
        l->of[first + i] =
            haq_loss_sample(l->loss, samples[i], out + i * size,
                            grad ? grad + i * size : NULL, l->scale);
    if (grad)
        haq_tape_backward(t, 0, t->net->steps);
}

double haq_crew_loss(struct haq_crew *c, const struct haq_loss *loss,
                     const size_t *samples, size_t n, double *each,
                     bool backward)
{
    struct losses l = {loss, each, backward, 1 / (float)n};
    double sum = 0;
    for (size_t i = 0; backward && i < c->threads; i++)
        haq_tape_clear(c->tape[i]);
    haq_crew_run(c, samples, n, true, take_loss, &l);
    for (size_t i = 0; i < n; i++)
        sum += each[i];
    return n ? sum / (double)n : 0;
}
