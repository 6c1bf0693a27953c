/* Methods that change the graph leave what it computes as it was: outputs of
 * real float models before and after, to 1e-5 of the largest. */
#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "graph/layers.h"
#include "graph/onnx_import.h"
#include "quant/constants.h"
#include "quant/method/method.h"
#include "quant/split.h"
#include "runtime/evaluate.h"
#include "runtime/layer_inputs.h"
#include "tests/suite.h"

enum { BATCH = 4, SAMPLES = 16 };

struct model {
    char path[512];
    struct haq_dataset data;
    struct haq_pool *pool;
};

static bool open_model(struct model *m, const char *name)
{
    char calib[512];
    const char *dir = shared_data();
    if (!dir)
        return false;
    snprintf(m->path, sizeof m->path, "%s/%s/model.onnx", dir, name);
    snprintf(calib, sizeof calib, "%s/%s/calib.npz", dir, name);
    CU_ASSERT_EQUAL_FATAL(haq_dataset_load(&m->data, calib, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_pool_new(&m->pool, 1, NULL), HAQ_OK);
    return true;
}

static void close_model(struct model *m)
{
    haq_dataset_fini(&m->data);
    haq_pool_free(m->pool);
}

static struct haq_graph *load(const struct model *m)
{
    struct haq_import_options opt = {.batch = BATCH};
    struct haq_graph *g = NULL;
    CU_ASSERT_EQUAL_FATAL(haq_onnx_load(&g, m->path, &opt, NULL), HAQ_OK);
    return g;
}

static haq_status look(void *arg, const struct haq_graph *g, const int *node,
                       size_t n, struct haq_moments *x, struct haq_diag *d)
{
    struct model *m = arg;
    struct haq_plan_options opt = {.isa = haq_cpu_isa()};
    struct haq_plan *plan = NULL;
    haq_status s = haq_plan_new(&plan, g, NULL, &opt, d);
    if (!s)
        s = haq_layer_inputs(x, plan, NULL, node, n, &m->data, SAMPLES, m->pool,
                             d);
    haq_plan_free(plan);
    return s;
}

static float *outputs(struct model *m, const struct haq_graph *g, size_t *count)
{
    struct haq_plan_options opt = {.isa = haq_cpu_isa()};
    struct haq_plan *plan = NULL;
    struct haq_evaluation e = {0};
    size_t index[SAMPLES];
    *count = g->values[g->outputs[0]].count / BATCH * SAMPLES;
    float *y = calloc(*count + 1, sizeof *y);
    CU_ASSERT_PTR_NOT_NULL_FATAL(y);
    for (size_t i = 0; i < SAMPLES; i++)
        index[i] = i;
    CU_ASSERT_EQUAL_FATAL(haq_plan_new(&plan, g, NULL, &opt, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_evaluate(&e, plan, &m->data, index, SAMPLES, NULL,
                                       NULL, y, m->pool, NULL),
                          HAQ_OK);
    haq_evaluation_fini(&e);
    haq_plan_free(plan);
    return y;
}

/* A recipe with these methods for all layers, but for the last `plain`. */
static void uniform(struct haq_recipe *r, const struct haq_graph *g,
                    const char *methods, const char *weights, size_t plain)
{
    struct haq_layers layers;
    struct haq_weight_spec w;
    struct haq_act_spec a;
    CU_ASSERT_EQUAL_FATAL(haq_layers_make(&layers, g, "m", NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&w, weights, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_act_spec_parse(&a, "uint8", NULL), HAQ_OK);
    haq_recipe_init(r);
    CU_ASSERT_EQUAL_FATAL(haq_recipe_uniform(r, &layers, &w, &a, NULL), HAQ_OK);
    for (size_t i = 0; i < r->n; i++)
        r->layer[i].methods = i + plain < r->n ? methods : "rtn";
    haq_layers_fini(&layers);
}

static double difference(const float *a, const float *b, size_t n)
{
    double most = 0, off = 0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, fabs((double)a[i]));
        off = fmax(off, fabs((double)a[i] - (double)b[i]));
    }
    return off / most;
}

/* Floats of a graph's constants that are not those of another. */
static size_t changed(const struct haq_graph *a, const struct haq_graph *b)
{
    size_t n = 0;
    for (int i = 0; i < a->n_values; i++) {
        const struct haq_value *v = &a->values[i], *w = &b->values[i];
        if (v->data && v->dtype == HAQ_F32)
            n += memcmp(v->data, w->data, v->count * sizeof(float)) != 0;
    }
    return n;
}

/* With at least so many constants changed; 0: layers are split. */
static void check(struct model *m, const char *methods, const char *weights,
                  size_t least)
{
    struct haq_graph *g = load(m), *h = load(m);
    struct haq_recipe r;
    struct haq_params *constants = haq_params_new();
    const struct haq_method_eyes eyes = {look, m};
    struct haq_diag d = {0};
    size_t n;
    uniform(&r, g, methods, weights, 0);
    haq_status s = haq_methods_prepare_graph(h, &r, &eyes, constants, &d);
    if (s)
        printf("\n    %s: %s", methods, d.text);
    CU_ASSERT_EQUAL_FATAL(s, HAQ_OK);
    CU_ASSERT(haq_split_present(constants) || changed(g, h) >= least);
    CU_ASSERT_EQUAL(least == 0, haq_split_present(constants));
    float *before = outputs(m, g, &n), *after = outputs(m, h, &n);
    double off = difference(before, after, n);
    if (!(off < 1e-5))
        printf("\n    %s on %s: outputs moved by %g", methods, m->path, off);
    CU_ASSERT(off < 1e-5);
    free(before);
    free(after);
    haq_params_free(constants);
    haq_recipe_fini(&r);
    haq_graph_free(g);
    haq_graph_free(h);
}

/* Five blocks with two norms each, up in front of down, and a last norm. */
static void a_language_model_computes_what_it_did(void)
{
    struct model m;
    if (!open_model(&m, "stories260k-lm"))
        return;
    check(&m, "smoothquant", "int8", 11);
    check(&m, "awq", "int3:group32", 11);
    check(&m, "smoothquant,awq", "int4", 11);
    /* 36 layers, 11 norms and the table of embeddings. */
    check(&m, "hadamard", "int4", 48);
    check(&m, "hadamard,smoothquant", "int8", 48);
    check(&m, "outliers", "int8", 0);
    check(&m, "ocs,smoothquant", "int8:tensor", 0);
    close_model(&m);
}

static void convolutional_networks_compute_what_they_did(void)
{
    static const char *const names[] = {"dscnn-kws", "mobilenetv1-vww"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct model m;
        if (!open_model(&m, names[i]))
            return;
        check(&m, "cle", "int8:tensor", 4);
        check(&m, "smoothquant", "int8", 4);
        check(&m, "awq", "int4", 4);
        check(&m, "outliers", "int8", 0);
        check(&m, "ocs,cle", "int8:tensor", 0);
        close_model(&m);
    }
}

/* A layer that reads what others read, too, and is no member: its inputs must
 * stay as they are.  The last layer is the only reader of the last norm. */
static void layers_without_the_method_keep_their_inputs(void)
{
    struct model m;
    if (!open_model(&m, "stories260k-lm"))
        return;
    struct haq_graph *g = load(&m), *h = load(&m);
    struct haq_recipe r;
    struct haq_params *constants = haq_params_new();
    const struct haq_method_eyes eyes = {look, &m};
    uniform(&r, g, "smoothquant", "int8", 1);
    CU_ASSERT_EQUAL(haq_methods_prepare_graph(h, &r, &eyes, constants, NULL),
                    HAQ_OK);
    CU_ASSERT_PTR_NOT_NULL(
        haq_params_get(constants, "constant/layers.0.n1.weight"));
    CU_ASSERT_PTR_NULL(haq_params_get(constants, "constant/norm.weight"));
    CU_ASSERT(haq_constants_present(constants));
    /* Weights are in codes, not among the constants. */
    CU_ASSERT_PTR_NULL(haq_params_get(constants, "constant/onnx::MatMul_595"));
    haq_params_free(constants);
    haq_recipe_fini(&r);
    haq_graph_free(g);
    haq_graph_free(h);
    close_model(&m);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(a_language_model_computes_what_it_did),
        HAQ_TEST(convolutional_networks_compute_what_they_did),
        HAQ_TEST(layers_without_the_method_keep_their_inputs),
        CU_TEST_INFO_NULL,
    };
    return run_suite("worker/prepare", tests);
}
