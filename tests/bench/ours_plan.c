/* Ours as users get it: a network of one layer, run by the runtime; the layer's
 * own steps are what counts. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/sample_layer.h"
#include "tests/bench/ours.h"

struct ours {
    struct haq_sample_layer *layer;
    struct haq_layer_run **copy; /* [copies] the same weights elsewhere */
    size_t copies, next;
};

static struct haq_layer_shape layer_shape(const struct bench_shape *s)
{
    const struct bench_conv *c = &s->conv;
    if (!s->is_conv)
        return (struct haq_layer_shape){
            .name = s->name, .m = s->m, .n = s->n, .k = s->k};
    return (struct haq_layer_shape){.name = s->name,
                                    .size = c->size,
                                    .c = c->c,
                                    .o = c->o,
                                    .kernel = c->kernel,
                                    .stride = c->stride,
                                    .pad = c->pad,
                                    .depthwise = c->depthwise};
}

static void free_ours(void *self)
{
    struct ours *o = self;
    for (size_t i = 0; i < o->copies; i++)
        haq_layer_run_free(o->copy[i]);
    haq_sample_layer_free(o->layer);
    free(o->copy);
    free(o);
}

static uint64_t run_ours(void *self, size_t calls)
{
    struct ours *o = self;
    uint64_t ns = 0;
    for (size_t i = 0; i < calls; i++) {
        ns += haq_layer_run(o->copy[o->next]);
        o->next = o->next + 1 < o->copies ? o->next + 1 : 0;
    }
    return ns;
}

static haq_status make(struct ours *o, struct bench_entry *e,
                       const struct bench_work *w, const struct bench_env *env,
                       struct haq_diag *d)
{
    char spec[HAQ_SPEC_TEXT];
    bool quantized = bench_spec(spec, w);
    struct haq_layer_shape shape = layer_shape(w->shape);
    haq_status s =
        haq_sample_layer_new(&o->layer, &shape, quantized ? spec : NULL, d);
    if (s != HAQ_OK)
        return s;
    e->weight_bytes = (double)haq_sample_layer_bytes(o->layer);
    size_t copies = bench_copies(w->shape, (size_t)e->weight_bytes, env);
    o->copy = calloc(copies, sizeof(struct haq_layer_run *));
    if (!o->copy)
        return haq_fail(d, HAQ_NOMEM, "%zu copies", copies);
    for (; s == HAQ_OK && o->copies < copies; o->copies += s == HAQ_OK)
        s = haq_layer_run_new(&o->copy[o->copies], o->layer, env->pool,
                              env->isa, d);
    return s;
}

bool bench_ours_plan(struct bench_entry *e, const struct bench_work *w,
                     const struct bench_env *env)
{
    struct ours *o = calloc(1, sizeof *o);
    struct haq_diag d = {0};

    if (!o)
        abort();
    if (make(o, e, w, env, &d) != HAQ_OK) {
        fprintf(stderr, "ours, %s %s: %s\n", w->shape->name, w->format->name,
                d.text);
        free_ours(o);
        return false;
    }
    snprintf(e->detail, sizeof e->detail, "%s",
             haq_layer_run_kernel(o->copy[0]));
    e->who = "ours";
    e->ours = true;
    e->rest_ms = 2;
    e->run = run_ours;
    e->free = free_ours;
    e->self = o;
    return true;
}
