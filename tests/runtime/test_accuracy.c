/* Accuracy of the bundled models: float, uniform int8 and weight-only recipes
 * against figures that another runtime measured (the models' README files). */
#include "graph/layers.h"
#include "graph/metric.h"
#include "quant/apply.h"
#include "runtime/evaluate.h"
#include "runtime/observe.h"
#include "tests/runtime/golden.h"

struct variant {
    const char *weight, *activation;
    double figure[5]; /* in the order of `models` */
};

static const struct golden models[] = {{"fashion-mnist-cnn", "model.onnx"},
                                       {"resnet20-cifar10", "model.onnx"},
                                       {"mobilenetv1-vww", "model.onnx"},
                                       {"dscnn-kws", "model.onnx"},
                                       {"stories260k-lm", "model.onnx"}};
enum { MODELS = 5, LM = 4 };

/* Builds that check every access are slow: they run a few samples, and figures
 * of the whole set are not compared. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { WHOLE = 0, FEW = 6, FEW_LM = 1 };
#else
enum { WHOLE = 1, FEW = 200, FEW_LM = 8 };
#endif

static const struct variant variants[] = {
    {"float", "float", {90.90, 91.48, 85.78, 91.40, 3.651}},
    {"int8:channel", "uint8", {90.75, 91.26, 86.26, 91.40, 3.713}},
    {"int6:channel", "float", {90.90, 91.52, 85.78, 91.13, 3.673}},
    {"int4:channel", "float", {89.70, 89.82, 70.62, 90.32, 4.455}},
    {"int4:group32", "float", {90.00, 90.22, 64.93, 89.92, 4.273}},
    {"int3:channel", "float", {87.20, 71.86, 56.87, 52.15, 28.579}},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

/* One model with what every variant of it needs. */
struct subject {
    struct haq_graph *g;
    struct haq_dataset eval, calib_data;
    struct haq_calib calib;
    struct haq_layers layers;
    const struct haq_metric *metric;
    struct haq_qweight_cache *qweights;
    struct haq_pack_cache *packs;
    struct haq_pool *pool;
    size_t *index;
    size_t n; /* samples in use */
};

static int set_up(struct subject *t, const struct golden *m, size_t limit)
{
    char path[512];
    struct haq_diag d = {0};
    memset(t, 0, sizeof *t);
    t->g = load_graph(m, 1);
    t->qweights = haq_qweight_cache_new();
    t->packs = haq_pack_cache_new();
    snprintf(path, sizeof path, "%s/%s/eval.npz", shared_data(), m->folder);
    int bad = !t->g || haq_dataset_load(&t->eval, path, &d);
    snprintf(path, sizeof path, "%s/%s/calib.npz", shared_data(), m->folder);
    bad = bad || haq_dataset_load(&t->calib_data, path, &d) ||
          haq_pool_new(&t->pool, 0, &d) ||
          haq_layers_make(&t->layers, t->g, m->file, &d) ||
          haq_observe(&t->calib, t->g, &t->calib_data, false, haq_cpu_isa(),
                      t->pool, &d);
    if (bad) {
        printf("\n    %s: %s\n", m->folder, d.text);
        return -1;
    }
    t->metric = haq_metric_default(&t->eval.y);
    t->index = malloc(t->eval.n * sizeof *t->index);
    haq_dataset_order(t->eval.n, t->index);
    t->n = limit && t->eval.n > limit ? limit : t->eval.n;
    return 0;
}

static void tear_down(struct subject *t)
{
    haq_dataset_fini(&t->eval);
    haq_dataset_fini(&t->calib_data);
    haq_calib_fini(&t->calib);
    haq_layers_fini(&t->layers);
    haq_pack_cache_free(t->packs);
    haq_qweight_cache_free(t->qweights);
    haq_graph_free(t->g);
    haq_pool_free(t->pool);
    free(t->index);
}

/* The plan of a variant; the quantized graph must outlive it. */
static struct haq_plan *make_plan(struct subject *t, const char *weight,
                                  const char *act, bool simulate,
                                  struct haq_qgraph *q)
{
    struct haq_diag d = {0};
    struct haq_recipe r;
    struct haq_weight_spec w;
    struct haq_act_spec a;
    struct haq_plan *plan = NULL;
    struct haq_plan_options opt = {
        .isa = haq_cpu_isa(), .simulate = simulate, .cache = t->packs};
    haq_recipe_init(&r);
    if (haq_weight_spec_parse(&w, weight, &d) ||
        haq_act_spec_parse(&a, act, &d) ||
        haq_recipe_uniform(&r, &t->layers, &w, &a, &d) ||
        haq_apply(q, t->g, &r, &t->calib, NULL, t->qweights, &d) ||
        haq_plan_new(&plan, t->g, q, &opt, &d))
        printf("\n    %s %s: %s\n", weight, act, d.text);
    haq_recipe_fini(&r);
    return plan;
}

/* The metric's value; outputs may be NULL. */
static double evaluate(struct subject *t, const char *weight, const char *act,
                       bool simulate, float *outputs)
{
    struct haq_diag d = {0};
    struct haq_qgraph q = {0};
    struct haq_evaluation e = {0};
    double value = NAN;
    struct haq_plan *plan = make_plan(t, weight, act, simulate, &q);
    if (plan && haq_evaluate(&e, plan, &t->eval, t->index, t->n, t->metric,
                             NULL, outputs, t->pool, &d))
        printf("\n    %s\n", d.text);
    if (e.n)
        value = haq_metric_value(t->metric, e.scores, e.n, e.positions).value;
    haq_evaluation_fini(&e);
    haq_plan_free(plan);
    haq_qgraph_fini(&q);
    return value;
}

/* Points of 100, or a share of the perplexity. */
static double tolerance(int model, int variant, double figure, size_t n)
{
    double sample = 100.0 / (double)n;
    double points = variant == 0 ? 0.05 : 0.3;
    if (model == LM)
        return figure * (variant == 0 ? 0.001 : 0.005) + 0.0005;
    return fmax(points, sample) + 0.005;
}

static void accuracy_is_that_of_another_runtime(void)
{
    if (!shared_data())
        return;
    for (int m = 0; m < MODELS; m++) {
        struct subject t;
        if (set_up(&t, &models[m], WHOLE ? 0 : FEW)) {
            CU_FAIL("set-up");
            tear_down(&t);
            continue;
        }
        for (int v = 0; v < VARIANTS; v++) {
            double want = variants[v].figure[m];
            double got = evaluate(&t, variants[v].weight,
                                  variants[v].activation, false, NULL);
            printf("\n    %-18s %-13s %-6s %8.3f (%.3f)", models[m].folder,
                   variants[v].weight, variants[v].activation, got, want);
            CU_ASSERT(!WHOLE || fabs(got - want) <= tolerance(m, v, want, t.n));
        }
        tear_down(&t);
    }
}

static size_t argmax(const float *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}

/* Share of positions whose largest output is elsewhere. */
static double differing(const struct subject *t, const float *a, const float *b,
                        size_t count)
{
    const struct haq_value *y = &t->g->values[t->g->outputs[0]];
    size_t classes = (size_t)y->shape.dims[y->shape.rank - 1], n = 0;
    for (size_t i = 0; i < count; i += classes)
        n += argmax(a + i, classes) != argmax(b + i, classes);
    return (double)n / ((double)count / (double)classes);
}

static void simulation_and_integers_agree(void)
{
    static const struct {
        const char *weight, *activation;
        double share;
    } formats[] = {
        {"int8", "uint8", 0.001},        {"uint8", "uint8", 0.001},
        {"int4", "uint8", 0.001},        {"int4:group32", "uint8", 0.001},
        {"int8", "uint8:dynamic", .001}, {"uint4:group32", "int8", 0.001},
        {"int6:tensor", "uint6", 0.001}, {"int3", "uint8", 0.01},
    };
    enum { FORMATS = sizeof formats / sizeof *formats };
    if (!shared_data())
        return;
    for (int m = 0; m < MODELS; m++) {
        struct subject t;
        if (set_up(&t, &models[m], m == LM ? FEW_LM : FEW)) {
            CU_FAIL("set-up");
            tear_down(&t);
            continue;
        }
        size_t count =
            t.g->values[t.g->outputs[0]].count / (size_t)t.g->batch * t.n;
        float *a = calloc(count, sizeof *a), *b = calloc(count, sizeof *b);
        for (int f = 0; f < FORMATS; f++) {
            const char *w = formats[f].weight, *x = formats[f].activation;
            double va = evaluate(&t, w, x, false, a);
            double vb = evaluate(&t, w, x, true, b);
            double share = differing(&t, a, b, count);
            printf("\n    %-18s %-13s %-13s %8.3f %8.3f  %.5f",
                   models[m].folder, w, x, va, vb, share);
            CU_ASSERT(share <= fmax(formats[f].share, 1.001 / (double)t.n));
        }
        free(a);
        free(b);
        tear_down(&t);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(accuracy_is_that_of_another_runtime),
        HAQ_TEST(simulation_and_integers_agree),
        CU_TEST_INFO_NULL,
    };
    return run_suite("accuracy of the bundled models", tests);
}
