/* Layers that read other channels than the model says: what a file may ask for,
 * and what becomes of the graph. */
#include "quant/split.h"

#include <string.h>

#include "graph/op.h"
#include "tests/suite.h"

enum { X, W, Y, B };

/* y = x w + b with x [2, 3], w [3, 2]; a Relu behind. */
static struct haq_graph *graph(void)
{
    static const float w[6] = {1, 2, 3, 4, 5, 6}, b[2] = {7, 8};
    struct haq_shape xs = {2, {2, 3}}, ws = {2, {3, 2}}, ys = {2, {2, 2}};
    struct haq_shape bs = {1, {2}};
    struct haq_graph *g = haq_graph_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    CU_ASSERT_EQUAL(haq_graph_add_value(g, "x", HAQ_F32, &xs), X);
    CU_ASSERT_EQUAL(haq_graph_add_const(g, "w", HAQ_F32, &ws, w), W);
    CU_ASSERT_EQUAL(haq_graph_add_value(g, "y", HAQ_F32, &ys), Y);
    CU_ASSERT_EQUAL(haq_graph_add_const(g, "b", HAQ_F32, &bs, b), B);
    int n = haq_graph_add_node(g, haq_op(HAQ_OP_MATMUL), "fc", 3, 1);
    g->nodes[n].in[0] = X;
    g->nodes[n].in[1] = W;
    g->nodes[n].in[2] = B;
    g->nodes[n].out[0] = Y;
    g->nodes[n].layer = "y";
    g->nodes[n].clamp.lo = 0;
    g->inputs = haq_arena_array(&g->arena, 1, sizeof(int));
    g->outputs = haq_arena_array(&g->arena, 1, sizeof(int));
    g->inputs[0] = X;
    g->outputs[0] = Y;
    g->n_inputs = g->n_outputs = 1;
    g->batch = 2;
    CU_ASSERT_EQUAL_FATAL(haq_graph_rebuild(g, NULL), HAQ_OK);
    return g;
}

static const struct haq_node *layer(const struct haq_graph *g, const char *name)
{
    int node = haq_graph_find_layer(g, name);
    CU_ASSERT_FATAL(node >= 0);
    return &g->nodes[node];
}

static void channels_that_are_read_twice_count_half(void)
{
    static const int64_t inputs[] = {0, 1, 1, 2};
    static const float want[] = {1, 2, 1.5F, 2, 1.5F, 2, 5, 6};
    struct haq_graph *g = graph();
    struct haq_params *p = haq_params_new();
    CU_ASSERT_FALSE(haq_split_present(p));
    CU_ASSERT_EQUAL(haq_split_channels(g, layer(g, "y")), 3);
    CU_ASSERT_EQUAL(haq_split_put(p, "y", inputs, 4, NULL, 0, NULL), HAQ_OK);
    CU_ASSERT(haq_split_present(p));
    CU_ASSERT_EQUAL(haq_split_apply(g, p, NULL), HAQ_OK);
    const struct haq_node *n = layer(g, "y");
    CU_ASSERT_EQUAL(g->values[n->in[0]].shape.dims[1], 4);
    CU_ASSERT_EQUAL(memcmp(g->values[n->in[1]].data, want, sizeof want), 0);
    CU_ASSERT_EQUAL(n->clamp.lo, 0);
    haq_params_free(p);
    haq_graph_free(g);
}

static void channels_that_are_kept_get_a_layer_and_the_bias(void)
{
    static const int64_t inputs[] = {0, 2}, kept[] = {1};
    struct haq_graph *g = graph();
    struct haq_params *p = haq_params_new();
    CU_ASSERT_EQUAL(haq_split_put(p, "y", inputs, 2, kept, 1, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(haq_split_apply(g, p, NULL), HAQ_OK);
    const struct haq_node *n = layer(g, "y"), *k = layer(g, "y:kept");
    CU_ASSERT_EQUAL(n->in[2], HAQ_NO_VALUE);
    CU_ASSERT_STRING_EQUAL(g->values[k->in[2]].name, "b");
    CU_ASSERT_EQUAL(g->values[k->in[0]].shape.dims[1], 1);
    CU_ASSERT(n->clamp.lo < 0 && k->clamp.lo < 0);
    const struct haq_node *sum = &g->nodes[g->values[g->outputs[0]].producer];
    CU_ASSERT_EQUAL(sum->op->code, HAQ_OP_ADD);
    CU_ASSERT_EQUAL(sum->clamp.lo, 0);
    haq_params_free(p);
    haq_graph_free(g);
}

static void what_does_not_fit_is_refused(void)
{
    static const int64_t far[] = {0, 3}, below[] = {-1}, good[] = {0, 1, 2},
                         many[] = {0, 0, 0, 0, 0, 0, 0};
    static const struct {
        const char *layer;
        const int64_t *inputs;
        size_t n;
        const int64_t *kept;
        size_t n_kept;
    } wrong[] = {{"z", good, 3, NULL, 0},  {"y", far, 2, NULL, 0},
                 {"y", below, 1, NULL, 0}, {"y", many, 7, NULL, 0},
                 {"y", good, 0, NULL, 0},  {"y", good, 3, far, 2},
                 {"y", good, 3, many, 7}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct haq_graph *g = graph();
        struct haq_params *p = haq_params_new();
        struct haq_diag d = {0};
        CU_ASSERT_EQUAL(haq_split_put(p, wrong[i].layer, wrong[i].inputs,
                                      wrong[i].n, wrong[i].kept,
                                      wrong[i].n_kept, NULL),
                        HAQ_OK);
        CU_ASSERT_EQUAL(haq_split_apply(g, p, &d), HAQ_INVALID);
        CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "split/"));
        haq_params_free(p);
        haq_graph_free(g);
    }
}

static void a_list_of_another_type_is_refused(void)
{
    float list[] = {0, 1};
    struct haq_array a = {
        .dtype = HAQ_F32, .rank = 1, .dims = {2}, .count = 2, .data = list};
    struct haq_graph *g = graph();
    struct haq_params *p = haq_params_new();
    CU_ASSERT_EQUAL(haq_params_put(p, "split/y/inputs", &a, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(haq_split_apply(g, p, NULL), HAQ_INVALID);
    haq_params_free(p);
    haq_graph_free(g);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(channels_that_are_read_twice_count_half),
        HAQ_TEST(channels_that_are_kept_get_a_layer_and_the_bias),
        HAQ_TEST(what_does_not_fit_is_refused),
        HAQ_TEST(a_list_of_another_type_is_refused),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/split", tests);
}
