#include <math.h>
#include <string.h>

#include "graph/layers.h"
#include "graph/onnx_import.h"
#include "graph/op.h"
#include "quant/apply.h"
#include "quant/params.h"
#include "quant/recipe.h"
#include "tests/suite.h"

struct model {
    struct haq_graph *g;
    struct haq_layers layers;
    struct haq_calib calib; /* every tensor that may be asked for: -1 .. 3 */
    struct haq_qweight_cache *cache;
};

static void observe(struct haq_calib *c, const struct haq_graph *g)
{
    const char **names;
    struct haq_diag d = {0};
    *c = (struct haq_calib){0};
    haq_arena_init(&c->arena);
    CU_ASSERT_EQUAL_FATAL(haq_apply_tensors(g, &names, &c->n, &d), HAQ_OK);
    c->tensor = haq_arena_array(&c->arena, c->n, sizeof *c->tensor);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c->tensor);
    for (size_t i = 0; i < c->n; i++)
        c->tensor[i] = (struct haq_tensor_stats){
            .tensor = names[i], .min = -1, .max = 3, .count = 10};
    free(names);
}

/* False (and nothing held) when the shared models are not there. */
static bool open_model(struct model *m, const char *name)
{
    char path[512];
    struct haq_diag d = {0};
    const char *dir = shared_data();
    *m = (struct model){0};
    if (!dir)
        return false;
    snprintf(path, sizeof path, "%s/%s/model.onnx", dir, name);
    struct haq_import_options opt = {.batch = 1};
    haq_status s = haq_onnx_load(&m->g, path, &opt, &d);
    if (s)
        printf("\n    %s", d.text);
    CU_ASSERT_EQUAL_FATAL(s, HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_layers_make(&m->layers, m->g, path, &d), HAQ_OK);
    observe(&m->calib, m->g);
    m->cache = haq_qweight_cache_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(m->cache);
    return true;
}

static void close_model(struct model *m)
{
    haq_qweight_cache_free(m->cache);
    haq_calib_fini(&m->calib);
    haq_layers_fini(&m->layers);
    haq_graph_free(m->g);
}

static struct haq_recipe uniform(const struct model *m, const char *weight,
                                 const char *act)
{
    struct haq_weight_spec w;
    struct haq_act_spec a;
    struct haq_recipe r;
    CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&w, weight, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_act_spec_parse(&a, act, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_recipe_uniform(&r, &m->layers, &w, &a, NULL),
                          HAQ_OK);
    return r;
}

/* What a recipe does to a network, counted. */
struct counts {
    int weights, layer_inputs, layer_dynamic;
    int by_op[HAQ_OP_COUNT]; /* quantized inputs of nodes that are no layers */
};

static void count(struct counts *c, const struct haq_qgraph *q)
{
    *c = (struct counts){0};
    for (int i = 0; i < q->graph->n_nodes; i++) {
        const struct haq_node *n = &q->graph->nodes[i];
        c->weights += q->node[i].weight != NULL;
        for (int k = 0; k < n->n_in; k++) {
            const struct haq_qinput *in = &q->node[i].in[k];
            if (!in->quantized)
                continue;
            if (n->layer) {
                c->layer_inputs++;
                c->layer_dynamic += in->dynamic;
            } else {
                c->by_op[n->op->code]++;
            }
        }
    }
}

static void apply(struct haq_qgraph *q, struct model *m,
                  const struct haq_recipe *r, struct counts *c)
{
    struct haq_diag d = {0};
    haq_status s = haq_apply(q, m->g, r, &m->calib, NULL, m->cache, &d);
    if (s)
        printf("\n    %s", d.text);
    CU_ASSERT_EQUAL_FATAL(s, HAQ_OK);
    count(c, q);
}

static int others(const struct counts *c)
{
    int n = 0;
    for (int i = 0; i < HAQ_OP_COUNT; i++)
        n += c->by_op[i];
    return n;
}

/* ResNet-20: 19 convolutions, one matrix, 9 residual additions of two inputs,
 * and one global pooling. */
static void static_int8_quantizes_all_of_a_residual_network(void)
{
    struct model m;
    struct haq_qgraph q;
    struct counts c;
    if (!open_model(&m, "resnet20-cifar10"))
        return;
    struct haq_recipe r = uniform(&m, "int8", "uint8");
    apply(&q, &m, &r, &c);
    CU_ASSERT_EQUAL(c.weights, 20);
    CU_ASSERT_EQUAL(c.layer_inputs, 20);
    CU_ASSERT_EQUAL(c.by_op[HAQ_OP_ADD], 18);
    CU_ASSERT_EQUAL(
        c.by_op[HAQ_OP_GLOBAL_AVERAGE_POOL] + c.by_op[HAQ_OP_AVERAGE_POOL], 1);
    CU_ASSERT_EQUAL(others(&c), 19);
    for (int i = 0; i < m.g->n_nodes; i++)
        if (q.node[i].in[0].quantized) {
            CU_ASSERT_EQUAL(q.node[i].in[0].params.scale, 0x1.010102p-6f);
            CU_ASSERT_EQUAL(q.node[i].in[0].params.zero, 64);
        }
    haq_qgraph_fini(&q);
    haq_recipe_fini(&r);
    close_model(&m);
}

static void weight_only_and_dynamic_recipes_leave_other_nodes_float(void)
{
    static const char *const act[] = {"float", "uint8:dynamic"};
    struct model m;
    if (!open_model(&m, "resnet20-cifar10"))
        return;
    for (int i = 0; i < 2; i++) {
        struct haq_qgraph q;
        struct counts c;
        struct haq_recipe r = uniform(&m, "int4:group32", act[i]);
        apply(&q, &m, &r, &c);
        CU_ASSERT_EQUAL(c.weights, 20);
        CU_ASSERT_EQUAL(c.layer_inputs, i ? 20 : 0);
        CU_ASSERT_EQUAL(c.layer_dynamic, i ? 20 : 0);
        CU_ASSERT_EQUAL(others(&c), 0);
        haq_qgraph_fini(&q);
        haq_recipe_fini(&r);
    }
    close_model(&m);
}

/* One float layer at the end of the first block takes along every addition
 * that its numbers reach, and nothing else. */
static void a_float_layer_keeps_the_additions_behind_it_float(void)
{
    struct model m;
    struct haq_qgraph q;
    struct counts c;
    if (!open_model(&m, "resnet20-cifar10"))
        return;
    struct haq_recipe r = uniform(&m, "int8", "uint8");
    r.layer[r.n - 1].weight.format = haq_format_find("float");
    r.layer[r.n - 1].act.format = haq_format_find("float");
    apply(&q, &m, &r, &c);
    CU_ASSERT_EQUAL(c.weights, 19);
    CU_ASSERT_EQUAL(others(&c), 19); /* the last layer feeds none of them */
    haq_qgraph_fini(&q);
    r.layer[1].act = (struct haq_act_spec){.format = haq_format_find("float")};
    apply(&q, &m, &r, &c);
    CU_ASSERT_EQUAL(c.weights, 19);
    CU_ASSERT(others(&c) == 19); /* the second layer does not feed one alone */
    haq_qgraph_fini(&q);
    r.layer[2].act = (struct haq_act_spec){.format = haq_format_find("float")};
    apply(&q, &m, &r, &c);
    CU_ASSERT(others(&c) < 18); /* the third does, and the stream goes on */
    haq_qgraph_fini(&q);
    haq_recipe_fini(&r);
    close_model(&m);
}

/* README of the language model: 36 weight products, 10 products of two
 * activations, both inputs of which are quantized, and 5 concatenations that
 * repeat the values of grouped heads straight behind a layer; additions,
 * rotations, softmax and normalization stay float. */
static void products_of_activations_are_quantized_in_a_transformer(void)
{
    struct model m;
    struct haq_qgraph q;
    struct counts c;
    if (!open_model(&m, "stories260k-lm"))
        return;
    struct haq_recipe r = uniform(&m, "int8", "uint8");
    apply(&q, &m, &r, &c);
    CU_ASSERT_EQUAL(c.weights, 36);
    CU_ASSERT_EQUAL(c.layer_inputs, 36);
    CU_ASSERT_EQUAL(c.by_op[HAQ_OP_MATMUL], 20);
    CU_ASSERT_EQUAL(c.by_op[HAQ_OP_ADD], 0);
    CU_ASSERT_EQUAL(c.by_op[HAQ_OP_CONCAT], 10);
    CU_ASSERT_EQUAL(others(&c), 30);
    haq_qgraph_fini(&q);
    haq_recipe_fini(&r);
    close_model(&m);
}

static void equal_layers_of_two_recipes_share_their_codes(void)
{
    struct model m;
    struct haq_qgraph q, p;
    struct counts c;
    if (!open_model(&m, "fashion-mnist-cnn"))
        return;
    struct haq_recipe r = uniform(&m, "int4", "uint8");
    struct haq_recipe s = uniform(&m, "int4", "float");
    s.layer[0].weight.format = haq_format_find("int3");
    apply(&q, &m, &r, &c);
    apply(&p, &m, &s, &c);
    for (int i = 0, layer = 0; i < m.g->n_nodes; i++) {
        if (!m.g->nodes[i].layer)
            continue;
        if (layer++) {
            CU_ASSERT_PTR_EQUAL(q.node[i].weight, p.node[i].weight);
            CU_ASSERT_STRING_EQUAL(q.node[i].weight_key, p.node[i].weight_key);
        } else {
            CU_ASSERT_PTR_NOT_EQUAL(q.node[i].weight, p.node[i].weight);
            CU_ASSERT_STRING_NOT_EQUAL(q.node[i].weight_key,
                                       p.node[i].weight_key);
        }
    }
    haq_qgraph_fini(&q);
    haq_qgraph_fini(&p);
    haq_recipe_fini(&r);
    haq_recipe_fini(&s);
    close_model(&m);
}

static void parameters_replace_calibration(void)
{
    struct model m;
    struct haq_qgraph q, p;
    struct counts c;
    struct haq_params *params = NULL;
    struct haq_diag d = {0};
    if (!open_model(&m, "fashion-mnist-cnn"))
        return;
    struct haq_recipe r = uniform(&m, "uint4:group32", "uint8");
    r.layer[0].weight.granularity = HAQ_PER_CHANNEL;
    r.layer[0].weight.group = 0;
    apply(&q, &m, &r, &c);
    CU_ASSERT_EQUAL_FATAL(haq_params_make(&params, m.g, &r, &m.calib, &d),
                          HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_apply(&p, m.g, &r, NULL, params, m.cache, &d),
                          HAQ_OK);
    for (int i = 0; i < m.g->n_nodes; i++) {
        const struct haq_qweight *a = q.node[i].weight, *b = p.node[i].weight;
        CU_ASSERT_EQUAL(q.node[i].in[0].params.scale,
                        p.node[i].in[0].params.scale);
        if (!a)
            continue;
        CU_ASSERT_PTR_NOT_NULL_FATAL(b);
        CU_ASSERT(!memcmp(a->codes, b->codes, a->n * a->k));
        CU_ASSERT(
            !memcmp(a->scale, b->scale, a->n * a->groups * sizeof *a->scale));
    }
    haq_qgraph_fini(&q);
    haq_qgraph_fini(&p);
    haq_params_free(params);
    haq_recipe_fini(&r);
    close_model(&m);
}

/* Codebooks and scales of every kind; nothing is rounded differently. */
static void decoded_weights_come_back_from_parameters(void)
{
    struct model m;
    struct haq_diag d = {0};
    if (!open_model(&m, "fashion-mnist-cnn"))
        return;
    for (const struct haq_format *f = haq_formats; f->name; f++) {
        struct haq_qgraph q, p;
        struct counts c;
        struct haq_params *params = NULL;
        struct haq_qweight_cache *fresh = haq_qweight_cache_new();
        if (!f->coder)
            goto next;
        struct haq_recipe r = uniform(&m, f->name, "float");
        apply(&q, &m, &r, &c);
        CU_ASSERT_EQUAL_FATAL(haq_params_make(&params, m.g, &r, NULL, &d),
                              HAQ_OK);
        CU_ASSERT_EQUAL_FATAL(haq_apply(&p, m.g, &r, NULL, params, fresh, &d),
                              HAQ_OK);
        for (int i = 0; i < m.g->n_nodes; i++) {
            const struct haq_qweight *a = q.node[i].weight;
            if (!a)
                continue;
            CU_ASSERT_PTR_NULL(a->codes);
            CU_ASSERT(!memcmp(a->values, p.node[i].weight->values,
                              a->n * a->k * sizeof *a->values));
        }
        haq_qgraph_fini(&q);
        haq_qgraph_fini(&p);
        haq_params_free(params);
        haq_recipe_fini(&r);
    next:
        haq_qweight_cache_free(fresh);
    }
    close_model(&m);
}

static void bad_parameters_are_refused_by_name(void)
{
    struct model m;
    struct haq_qgraph q;
    struct haq_diag d = {0};
    float scale[64] = {0};
    char name[300];
    if (!open_model(&m, "fashion-mnist-cnn"))
        return;
    struct haq_recipe r = uniform(&m, "int8", "float");
    struct haq_params *p = haq_params_new();
    size_t n = (size_t)m.layers.layer[0].channels;
    struct haq_array a = {HAQ_F32, 1, {(int64_t)n}, n, scale};
    CU_ASSERT_FATAL(p && n <= 64);
    snprintf(name, sizeof name, "weight/%s/scale", r.layer[0].tensor);
    CU_ASSERT_EQUAL(haq_params_put(p, name, &a, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_apply(&q, m.g, &r, NULL, p, m.cache, &d), HAQ_INVALID);
    CU_ASSERT(strstr(d.text, name) != NULL);
    scale[0] = NAN;
    CU_ASSERT_EQUAL(haq_params_put(p, name, &a, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_apply(&q, m.g, &r, NULL, p, m.cache, &d), HAQ_INVALID);
    a.count = 1, a.dims[0] = 1;
    CU_ASSERT_EQUAL(haq_params_put(p, name, &a, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_apply(&q, m.g, &r, NULL, p, m.cache, &d), HAQ_INVALID);
    haq_params_free(p);
    haq_recipe_fini(&r);
    close_model(&m);
}

static void a_static_input_without_a_range_is_named(void)
{
    struct model m;
    struct haq_qgraph q;
    struct haq_diag d = {0};
    if (!open_model(&m, "fashion-mnist-cnn"))
        return;
    struct haq_recipe r = uniform(&m, "int8", "uint8");
    CU_ASSERT_EQUAL(haq_apply(&q, m.g, &r, NULL, NULL, m.cache, &d),
                    HAQ_INVALID);
    CU_ASSERT(strstr(d.text, m.layers.layer[0].input) != NULL);
    r.calib_method = "mse"; /* the statistics above have no histogram */
    CU_ASSERT_EQUAL(haq_apply(&q, m.g, &r, &m.calib, NULL, m.cache, &d),
                    HAQ_INVALID);
    CU_ASSERT(strstr(d.text, "histogram") != NULL);
    haq_recipe_fini(&r);
    close_model(&m);
}

/* Row r of the matrix is output channel r, for either storage order. */
static void codes_are_rows_of_output_channels(void)
{
    struct model m;
    struct haq_qgraph q;
    struct counts c;
    if (!open_model(&m, "stories260k-lm"))
        return;
    struct haq_recipe r = uniform(&m, "int8", "float");
    apply(&q, &m, &r, &c);
    for (int i = 0; i < m.g->n_nodes; i++) {
        const struct haq_node *n = &m.g->nodes[i];
        const struct haq_qweight *w = q.node[i].weight;
        if (!w || n->op->code != HAQ_OP_MATMUL)
            continue;
        const float *x = m.g->values[n->in[1]].data;
        for (size_t k = 0; k < w->k; k += 7)
            for (size_t row = 0; row < w->n; row += 5)
                CU_ASSERT(
                    fabsf((float)w->codes[row * w->k + k] * w->scale[row] -
                          x[k * w->n + row]) <= w->scale[row] * 0.5001f);
    }
    haq_qgraph_fini(&q);
    haq_recipe_fini(&r);
    close_model(&m);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(static_int8_quantizes_all_of_a_residual_network),
        HAQ_TEST(weight_only_and_dynamic_recipes_leave_other_nodes_float),
        HAQ_TEST(a_float_layer_keeps_the_additions_behind_it_float),
        HAQ_TEST(products_of_activations_are_quantized_in_a_transformer),
        HAQ_TEST(equal_layers_of_two_recipes_share_their_codes),
        HAQ_TEST(parameters_replace_calibration),
        HAQ_TEST(decoded_weights_come_back_from_parameters),
        HAQ_TEST(bad_parameters_are_refused_by_name),
        HAQ_TEST(a_static_input_without_a_range_is_named),
        HAQ_TEST(codes_are_rows_of_output_channels),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/apply", tests);
}
