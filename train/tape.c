#include <stdlib.h>
#include <string.h>

#include "train/net.h"

enum { ALIGNMENT = 64 };

static float *room(size_t floats)
{
    size_t bytes = (floats + ALIGNMENT) * sizeof(float);
    float *p = aligned_alloc(ALIGNMENT, bytes / ALIGNMENT * ALIGNMENT);
    if (p)
        memset(p, 0, bytes / ALIGNMENT * ALIGNMENT);
    return p;
}

haq_status haq_tape_new(struct haq_tape **out, const struct haq_net *net,
                        struct haq_diag *d)
{
    struct haq_tape *t = calloc(1, sizeof *t);
    if (t) {
        t->net = net;
        t->values = room(net->values);
        t->grads = room(net->values);
        t->sums = room(net->sums);
        t->scratch = room(net->scratch);
    }
    if (!t || !t->values || !t->grads || !t->sums || !t->scratch) {
        haq_tape_free(t);
        return haq_fail(d, HAQ_NOMEM, "the tensors of a batch (%zu MiB)",
                        net->values * 2 * sizeof(float) >> 20);
    }
    *out = t;
    return HAQ_OK;
}

void haq_tape_free(struct haq_tape *t)
{
    if (!t)
        return;
    free(t->values);
    free(t->grads);
    free(t->sums);
    free(t->scratch);
    free(t);
}

void haq_tape_clear(struct haq_tape *t)
{
    memset(t->sums, 0, t->net->sums * sizeof *t->sums);
}

static void clear(struct haq_tape *t, int slot)
{
    float *g = slot < 0 ? NULL : haq_tape_gradient(t, slot);
    if (g)
        memset(g, 0, t->net->slot[slot].count * sizeof *g);
}

void haq_tape_reset(struct haq_tape *t, size_t begin, size_t end)
{
    if (begin == end)
        return;
    /* Slots are numbered in the order in which steps make them. */
    int first = t->net->step[begin].out[0];
    for (size_t i = begin; i < end; i++) {
        const struct haq_train_step *s = &t->net->step[i];
        for (int k = 0; k < s->n_in; k++)
            if (s->in[k] < first)
                clear(t, s->in[k]);
        for (int k = 0; k < s->n_out; k++)
            clear(t, s->out[k]);
    }
}

static void clamp(const struct haq_train_step *s, struct haq_tape *t)
{
    float *y = haq_tape_value(t, s->out[0]);
    size_t n = t->net->slot[s->out[0]].count;
    for (size_t i = 0; i < n; i++) {
        float v = y[i] > s->clamp.lo ? y[i] : s->clamp.lo;
        y[i] = v < s->clamp.hi ? v : s->clamp.hi;
    }
}

static void clamp_gradient(const struct haq_train_step *s, struct haq_tape *t)
{
    const float *y = haq_tape_read(t, s->out[0]);
    float *dy = haq_tape_gradient(t, s->out[0]);
    size_t n = t->net->slot[s->out[0]].count;
    for (size_t i = 0; i < n; i++)
        dy[i] = y[i] > s->clamp.lo && y[i] < s->clamp.hi ? dy[i] : 0;
}

void haq_tape_forward(struct haq_tape *t, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        const struct haq_train_step *s = &t->net->step[i];
        s->forward(s, t);
        if (s->clamped)
            clamp(s, t);
    }
}

void haq_tape_backward(struct haq_tape *t, size_t begin, size_t end)
{
    for (size_t i = end; i-- > begin;) {
        const struct haq_train_step *s = &t->net->step[i];
        if (!t->net->slot[s->out[0]].grad)
            continue;
        if (s->clamped)
            clamp_gradient(s, t);
        s->backward(s, t);
    }
}
