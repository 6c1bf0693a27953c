#include "runtime/device_table.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/stats.h"

enum {
    ROOF_ROUNDS = 7,
    COST_ROUNDS = 9,
    QUICK_ROUNDS = 5,
    SAMPLE_NS = 4000000, /* of a round */
    MOST_CALLS = 10000,
};

/* products: too few weights share a scale in depthwise layers. */
static const struct format {
    const char *weights;
    bool quick, products;
} formats[] = {
    {"fp32", true, false},
    {"int8:channel", true, false},
    {"int6:channel", false, false},
    {"int5:channel", false, false},
    {"int4:channel", true, false},
    {"int3:channel", false, false},
    {"int2:channel", true, false},
    {"ternary:channel", false, false},
    {"binary:channel", false, false},
    {"int8:group32", false, true},
    {"int4:group32", true, true},
    {"int2:group32", false, true},
};
enum { FORMATS = sizeof formats / sizeof *formats };

static const struct haq_layer_shape least = {
    .name = "1x16x16", .m = 1, .n = 16, .k = 16};

static double once(struct haq_layer_run *r, size_t calls)
{
    uint64_t ns = 0;
    for (size_t i = 0; i < calls; i++)
        ns += haq_layer_run(r);
    return (double)ns * 1e-3 / (double)calls;
}

/* Rounds of one layer. */
static void time_layer(struct haq_layer_run *r, size_t rounds,
                       double *median_us, double *best_us)
{
    double us[COST_ROUNDS];
    double warm = fmin(once(r, 1), fmin(once(r, 2), once(r, 2)));
    double calls = fmin(ceil(SAMPLE_NS * 1e-3 / fmax(warm, 1e-3)), MOST_CALLS);
    *best_us = INFINITY;
    for (size_t i = 0; i < rounds; i++) {
        us[i] = once(r, (size_t)calls);
        *best_us = fmin(*best_us, us[i]);
    }
    *median_us = haq_median(us, rounds).value;
}

struct crew {
    struct haq_pool *pool; /* NULL: one thread */
    size_t threads;
};

static haq_status add_cost(struct haq_device_table *t,
                           const struct haq_sample_layer *l,
                           const struct haq_layer_shape *shape,
                           const char *weights, const struct crew *crew,
                           const struct haq_device_table_options *o,
                           struct haq_diag *d)
{
    struct haq_device_cost *c = &t->cost[t->n_costs];
    struct haq_layer_run *run;
    haq_status s = haq_layer_run_new(&run, l, crew->pool, o->isa, d);
    if (s != HAQ_OK)
        return s;
    *c = (struct haq_device_cost){
        .shape = shape,
        .weights = weights,
        .kernel = haq_arena_strdup(&t->arena, haq_layer_run_kernel(run)),
        .threads = crew->threads,
        .weight_bytes = haq_sample_layer_bytes(l)};
    time_layer(run, o->quick ? QUICK_ROUNDS : COST_ROUNDS, &c->us, &c->best_us);
    haq_layer_run_free(run);
    t->n_costs++;
    return c->kernel ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "device table");
}

static bool wanted(const struct format *f, const struct haq_layer_shape *s,
                   bool quick)
{
    return (f->quick || !quick) && !(f->products && s->depthwise);
}

static haq_status measure_shape(struct haq_device_table *t,
                                const struct haq_layer_shape *shape,
                                const struct crew *crews, size_t n_crews,
                                const struct haq_device_table_options *o,
                                struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (size_t f = 0; s == HAQ_OK && f < FORMATS; f++) {
        struct haq_sample_layer *l;
        const char *weights = formats[f].weights;
        if (!wanted(&formats[f], shape, o->quick))
            continue;
        s = haq_sample_layer_new(&l, shape,
                                 strcmp(weights, "fp32") ? weights : NULL, d);
        for (size_t i = 0; s == HAQ_OK && i < n_crews; i++)
            s = add_cost(t, l, shape, weights, &crews[i], o, d);
        haq_sample_layer_free(l);
    }
    return s;
}

static haq_status measure_step(double *us, const struct crew *crew,
                               unsigned isa, struct haq_diag *d)
{
    struct haq_sample_layer *l;
    struct haq_layer_run *run;
    double best;
    haq_status s = haq_sample_layer_new(&l, &least, NULL, d);
    if (s != HAQ_OK)
        return s;
    s = haq_layer_run_new(&run, l, crew->pool, isa, d);
    if (s == HAQ_OK) {
        time_layer(run, COST_ROUNDS, us, &best);
        haq_layer_run_free(run);
    }
    haq_sample_layer_free(l);
    return s;
}

static haq_status measure_rates(struct haq_device_rates *r,
                                const struct crew *crew,
                                const struct haq_device_table_options *o,
                                struct haq_diag *d)
{
    struct haq_peaks *p;
    haq_status s = haq_peaks_new(&p, crew->pool, o->isa, &o->caches, d);
    if (s != HAQ_OK)
        return s;
    *r = (struct haq_device_rates){.threads = crew->threads};
    for (int roof = 0; roof < HAQ_ROOFS; roof++) {
        double rate[ROOF_ROUNDS];
        for (int i = 0; i < ROOF_ROUNDS; i++)
            rate[i] = haq_peaks_run(p, (enum haq_roof)roof);
        r->roof[roof] = haq_median(rate, ROOF_ROUNDS).value;
    }
    haq_peaks_wake(p, &r->wake_us, &r->wake_sleeping_us);
    haq_peaks_free(p);
    return measure_step(&r->step_us, crew, o->isa, d);
}

static size_t count_shapes(void)
{
    size_t n = 0;
    while (haq_layer_shapes[n].name)
        n++;
    return n;
}

static haq_status measure_all(struct haq_device_table *t,
                              const struct crew *crews, size_t n_crews,
                              const struct haq_device_table_options *o,
                              struct haq_diag *d)
{
    size_t shapes = count_shapes();
    haq_status s = HAQ_OK;
    t->cost =
        haq_arena_array(&t->arena, shapes * FORMATS * n_crews, sizeof *t->cost);
    if (!t->cost)
        return haq_fail(d, HAQ_NOMEM, "device table");
    for (; s == HAQ_OK && t->n_rates < n_crews; t->n_rates += s == HAQ_OK)
        s = measure_rates(&t->rates[t->n_rates], &crews[t->n_rates], o, d);
    for (size_t i = 0; s == HAQ_OK && i < shapes; i++) {
        s = measure_shape(t, &haq_layer_shapes[i], crews, n_crews, o, d);
        if (o->progress)
            o->progress(o->arg, i + 1, shapes);
    }
    return s;
}

haq_status haq_device_table_measure(struct haq_device_table *t,
                                    const struct haq_device_table_options *o,
                                    struct haq_diag *d)
{
    struct crew crews[HAQ_DEVICE_RATES] = {{NULL, 1}};
    size_t n = 1;

    *t = (struct haq_device_table){0};
    haq_arena_init(&t->arena);
    haq_status s = haq_pool_new(&crews[1].pool, o->threads, d);
    if (s != HAQ_OK)
        return s;
    crews[1].threads = haq_pool_threads(crews[1].pool);
    n += crews[1].threads > 1;
    haq_pool_pin_caller(crews[1].pool);
    s = measure_all(t, crews, n, o, d);
    haq_pool_free(crews[1].pool);
    if (s != HAQ_OK)
        haq_device_table_fini(t);
    return s;
}

void haq_device_table_fini(struct haq_device_table *t)
{
    haq_arena_fini(&t->arena);
}
