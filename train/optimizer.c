#include "train/optimizer.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef void step_fn(struct haq_optimizer *o, const struct haq_parameter *p,
                     float *first, float *second, float rate);

struct method {
    const char *name;
    step_fn *step;
};

struct haq_optimizer {
    const struct method *method;
    struct haq_parameter *p;
    size_t n;
    float **moment; /* [n]: two arrays one behind the other */
    double steps;
};

static void adam(struct haq_optimizer *o, const struct haq_parameter *p,
                 float *first, float *second, float rate)
{
    const float keep = 0.9f, keep_squares = 0.999f, least = 1e-8f;
    float a = (float)(1 - pow((double)keep, o->steps));
    float b = (float)(1 - pow((double)keep_squares, o->steps));
    for (size_t i = 0; i < p->n; i++) {
        float g = p->gradient[i];
        first[i] = keep * first[i] + (1 - keep) * g;
        second[i] = keep_squares * second[i] + (1 - keep_squares) * g * g;
        p->value[i] -= rate * (first[i] / a) / (sqrtf(second[i] / b) + least);
    }
}

static void sgd(struct haq_optimizer *o, const struct haq_parameter *p,
                float *first, float *second, float rate)
{
    const float keep = 0.9f;
    (void)o, (void)second;
    for (size_t i = 0; i < p->n; i++) {
        first[i] = keep * first[i] + p->gradient[i];
        p->value[i] -= rate * first[i];
    }
}

static const struct method methods[] = {{"adam", adam}, {"sgd", sgd}};

static const struct method *find(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (!strcmp(methods[i].name, name))
            return &methods[i];
    return NULL;
}

haq_status haq_optimizer_new(struct haq_optimizer **out, const char *name,
                             const struct haq_parameter *p, size_t n,
                             struct haq_diag *d)
{
    const struct method *m = find(name);
    if (!m)
        return haq_fail(d, HAQ_USAGE,
                        "no optimizer \"%.40s\"; there are adam, sgd", name);
    struct haq_optimizer *o = calloc(1, sizeof *o);
    if (!o)
        return haq_fail(d, HAQ_NOMEM, "an optimizer");
    o->method = m;
    o->n = n;
    o->p = malloc((n + 1) * sizeof *o->p);
    o->moment = calloc(n + 1, sizeof *o->moment);
    bool complete = o->p && o->moment;
    for (size_t i = 0; complete && i < n; i++) {
        o->p[i] = p[i];
        o->moment[i] = calloc(2 * p[i].n + 1, sizeof(float));
        complete = o->moment[i];
    }
    if (!complete) {
        haq_optimizer_free(o);
        return haq_fail(d, HAQ_NOMEM, "an optimizer");
    }
    *out = o;
    return HAQ_OK;
}

void haq_optimizer_free(struct haq_optimizer *o)
{
    if (!o)
        return;
    for (size_t i = 0; o->moment && i < o->n; i++)
        free(o->moment[i]);
    free(o->moment);
    free(o->p);
    free(o);
}

void haq_optimizer_reset(struct haq_optimizer *o)
{
    for (size_t i = 0; i < o->n; i++)
        memset(o->moment[i], 0, 2 * o->p[i].n * sizeof(float));
    o->steps = 0;
}

void haq_optimizer_step(struct haq_optimizer *o, float rate)
{
    o->steps++;
    for (size_t i = 0; i < o->n; i++)
        o->method->step(o, &o->p[i], o->moment[i], o->moment[i] + o->p[i].n,
                        rate * o->p[i].rate);
}
