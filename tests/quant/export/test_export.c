#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "graph/layers.h"
#include "graph/onnx.pb-c.h"
#include "graph/onnx_import.h"
#include "quant/apply.h"
#include "quant/export/export.h"
#include "tests/suite.h"

enum { FLOAT = 1, UINT8 = 2, INT8 = 3, INT32 = 6 }; /* TensorProto.DataType */

struct setup {
    char model[512], out[64];
    struct haq_graph *g;
    struct haq_layers layers;
    struct haq_recipe recipe;
    struct haq_params *params;
};

static void set_specs(struct haq_recipe_layer *l, const char *weight,
                      const char *act)
{
    CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&l->weight, weight, NULL),
                          HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_act_spec_parse(&l->act, act, NULL), HAQ_OK);
}

/* Ranges -1 .. 3 for every tensor: the structure does not depend on them. */
static void make_params(struct setup *s)
{
    struct haq_calib c = {0};
    const char **names;
    struct haq_diag d = {0};
    haq_arena_init(&c.arena);
    haq_params_free(s->params);
    s->params = NULL;
    CU_ASSERT_EQUAL_FATAL(haq_apply_tensors(s->g, &names, &c.n, &d), HAQ_OK);
    c.tensor = haq_arena_array(&c.arena, c.n, sizeof *c.tensor);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c.tensor);
    for (size_t i = 0; i < c.n; i++)
        c.tensor[i] = (struct haq_tensor_stats){
            .tensor = names[i], .min = -1, .max = 3, .count = 10};
    haq_status st = haq_params_make(&s->params, s->g, &s->recipe, &c, &d);
    if (st)
        printf("\n    %s", d.text);
    CU_ASSERT_EQUAL_FATAL(st, HAQ_OK);
    free(names);
    haq_calib_fini(&c);
}

static bool open_model(struct setup *s, const char *name, const char *weight,
                       const char *act)
{
    const char *dir = shared_data();
    struct haq_diag d = {0};
    struct haq_recipe_layer l = {0};
    struct haq_import_options opt = {.batch = 1};
    *s = (struct setup){.out = "/tmp/haq_export_XXXXXX"};
    if (!dir)
        return false;
    snprintf(s->model, sizeof s->model, "%s/%s/model.onnx", dir, name);
    int fd = mkstemp(s->out);
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    CU_ASSERT_EQUAL_FATAL(haq_onnx_load(&s->g, s->model, &opt, &d), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_layers_make(&s->layers, s->g, s->model, &d),
                          HAQ_OK);
    set_specs(&l, weight, act);
    CU_ASSERT_EQUAL_FATAL(
        haq_recipe_uniform(&s->recipe, &s->layers, &l.weight, &l.act, &d),
        HAQ_OK);
    return true;
}

static void close_model(struct setup *s)
{
    unlink(s->out);
    haq_params_free(s->params);
    haq_recipe_fini(&s->recipe);
    haq_layers_fini(&s->layers);
    haq_graph_free(s->g);
}

static haq_status export_to(struct setup *s, const char *target,
                            struct haq_diag *d)
{
    const struct haq_exporter *e = haq_exporter_find(target);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e);
    make_params(s);
    return e->run(
        &(struct haq_export_job){s->model, &s->recipe, s->params, s->out}, d);
}

static Onnx__ModelProto *read_model(const char *path)
{
    void *data = NULL;
    size_t len = 0;
    CU_ASSERT_EQUAL_FATAL(
        haq_file_read(path, (size_t)1 << 30, &data, &len, NULL), HAQ_OK);
    Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, len, data);
    free(data);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    return m;
}

static int count_op(const Onnx__GraphProto *g, const char *op)
{
    int n = 0;
    for (size_t i = 0; i < g->n_node; i++)
        n += !strcmp(g->node[i]->op_type, op);
    return n;
}

static const Onnx__TensorProto *find_tensor(const Onnx__GraphProto *g,
                                            const char *name)
{
    for (size_t i = 0; i < g->n_initializer; i++)
        if (!strcmp(g->initializer[i]->name, name))
            return g->initializer[i];
    return NULL;
}

/* Is `name` available to node `upto`? */
static bool defined(const Onnx__GraphProto *g, size_t upto, const char *name)
{
    if (!*name || find_tensor(g, name))
        return true;
    for (size_t i = 0; i < g->n_input; i++)
        if (!strcmp(g->input[i]->name, name))
            return true;
    for (size_t i = 0; i < upto; i++)
        for (size_t k = 0; k < g->node[i]->n_output; k++)
            if (!strcmp(g->node[i]->output[k], name))
                return true;
    return false;
}

static void check_order(const Onnx__GraphProto *g)
{
    for (size_t i = 0; i < g->n_node; i++) {
        for (size_t k = 0; k < g->node[i]->n_input; k++)
            CU_ASSERT(defined(g, i, g->node[i]->input[k]));
        for (size_t k = 0; k < g->node[i]->n_output; k++)
            CU_ASSERT(!defined(g, i, g->node[i]->output[k]));
    }
    for (size_t i = 0; i < g->n_output; i++)
        CU_ASSERT(defined(g, g->n_node, g->output[i]->name));
}

/* What ONNX Runtime wants of a pair: three inputs, constants of one shape, a
 * zero point of the codes' type. */
static void check_pairs(const Onnx__GraphProto *g)
{
    for (size_t i = 0; i < g->n_node; i++) {
        const Onnx__NodeProto *n = g->node[i];
        if (strcmp(n->op_type, "QuantizeLinear") &&
            strcmp(n->op_type, "DequantizeLinear"))
            continue;
        CU_ASSERT_EQUAL_FATAL(n->n_input, 3);
        const Onnx__TensorProto *scale = find_tensor(g, n->input[1]);
        const Onnx__TensorProto *zero = find_tensor(g, n->input[2]);
        const Onnx__TensorProto *codes = find_tensor(g, n->input[0]);
        CU_ASSERT_FATAL(scale && zero);
        CU_ASSERT_EQUAL(scale->data_type, FLOAT);
        CU_ASSERT_EQUAL(scale->n_dims, zero->n_dims);
        if (codes)
            CU_ASSERT_EQUAL(codes->data_type, zero->data_type);
        if (codes && scale->n_dims) {
            size_t axis = 1;
            for (size_t k = 0; k < n->n_attribute; k++)
                if (!strcmp(n->attribute[k]->name, "axis"))
                    axis = (size_t)n->attribute[k]->i;
            CU_ASSERT_FATAL(axis < codes->n_dims);
            CU_ASSERT_EQUAL(scale->dims[0], codes->dims[axis]);
        }
    }
}

/* ResNet-20: 20 layers and 9 additions; 20 + 18 + 1 quantized inputs of which
 * some read the same tensor; 20 weights and 20 biases. */
static void a_residual_network_becomes_pairs(void)
{
    struct setup s;
    struct haq_diag d = {0};
    if (!open_model(&s, "resnet20-cifar10", "int8", "uint8"))
        return;
    haq_status st = export_to(&s, "onnx-qdq", &d);
    if (st)
        printf("\n    %s", d.text);
    CU_ASSERT_EQUAL_FATAL(st, HAQ_OK);
    Onnx__ModelProto *m = read_model(s.out);
    CU_ASSERT_EQUAL(m->ir_version, 7);
    CU_ASSERT_EQUAL_FATAL(m->n_opset_import, 1);
    CU_ASSERT_EQUAL(m->opset_import[0]->version, 13);
    check_order(m->graph);
    check_pairs(m->graph);
    CU_ASSERT_EQUAL(count_op(m->graph, "Conv"), 19);
    CU_ASSERT_EQUAL(count_op(m->graph, "Relu"), 19);
    CU_ASSERT_EQUAL(count_op(m->graph, "DequantizeLinear"), 39 + 20 + 20);
    int q = count_op(m->graph, "QuantizeLinear");
    CU_ASSERT(q > 20 && q < 39);
    CU_ASSERT_STRING_EQUAL(m->graph->input[0]->name, "input");
    CU_ASSERT_STRING_EQUAL(m->graph->output[0]->name, "logits");
    /* the batch stays open */
    const Onnx__Dimension *n =
        m->graph->input[0]->type->tensor_type->shape->dim[0];
    CU_ASSERT(!n->has_dim_value && n->dim_param);
    onnx__model_proto__free_unpacked(m, NULL);
    close_model(&s);
}

static void float_layers_stay_as_they_were(void)
{
    struct setup s;
    struct haq_diag d = {0};
    if (!open_model(&s, "fashion-mnist-cnn", "float", "float"))
        return;
    CU_ASSERT_EQUAL_FATAL(export_to(&s, "onnx-qdq", &d), HAQ_OK);
    Onnx__ModelProto *m = read_model(s.out);
    CU_ASSERT_EQUAL(count_op(m->graph, "DequantizeLinear"), 0);
    check_order(m->graph);
    onnx__model_proto__free_unpacked(m, NULL);

    /* What we wrote we can read: the same layers, the same numbers. */
    struct haq_graph *again = NULL;
    struct haq_layers layers;
    struct haq_import_options opt = {.batch = 1};
    haq_status st = haq_onnx_load(&again, s.out, &opt, &d);
    if (st)
        printf("\n    %s", d.text);
    CU_ASSERT_EQUAL_FATAL(st, HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_layers_make(&layers, again, s.out, &d), HAQ_OK);
    CU_ASSERT_EQUAL(layers.n, s.layers.n);
    CU_ASSERT_EQUAL(layers.macs, s.layers.macs);
    CU_ASSERT_EQUAL(again->n_nodes, s.g->n_nodes);
    haq_layers_fini(&layers);
    haq_graph_free(again);
    close_model(&s);
}

static void every_shared_model_survives_export_and_import_as_float(void)
{
    static const char *const names[] = {"resnet20-cifar10", "mobilenetv1-vww",
                                        "dscnn-kws", "stories260k-lm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct setup s;
        struct haq_diag d = {0};
        struct haq_graph *again = NULL;
        struct haq_import_options opt = {.batch = 1};
        if (!open_model(&s, names[i], "float", "float"))
            return;
        haq_status st = export_to(&s, "onnx-qdq", &d);
        if (!st)
            st = haq_onnx_load(&again, s.out, &opt, &d);
        if (st)
            printf("\n    %s: %s", names[i], d.text);
        CU_ASSERT_EQUAL_FATAL(st, HAQ_OK);
        CU_ASSERT_EQUAL(again->n_nodes, s.g->n_nodes);
        haq_graph_free(again);
        close_model(&s);
    }
}

static void weight_only_layers_keep_float_activations(void)
{
    struct setup s;
    struct haq_diag d = {0};
    if (!open_model(&s, "stories260k-lm", "int8", "float"))
        return;
    CU_ASSERT_EQUAL_FATAL(export_to(&s, "onnx-qdq", &d), HAQ_OK);
    Onnx__ModelProto *m = read_model(s.out);
    check_order(m->graph);
    check_pairs(m->graph);
    CU_ASSERT_EQUAL(count_op(m->graph, "QuantizeLinear"), 0);
    CU_ASSERT_EQUAL(count_op(m->graph, "DequantizeLinear"), 36);
    onnx__model_proto__free_unpacked(m, NULL);
    close_model(&s);
}

/* 36 weights and as many inputs, 10 products and 5 concatenations of two. */
static void a_transformer_quantizes_its_products(void)
{
    struct setup s;
    struct haq_diag d = {0};
    if (!open_model(&s, "stories260k-lm", "int8", "uint8"))
        return;
    CU_ASSERT_EQUAL_FATAL(export_to(&s, "onnx-qdq", &d), HAQ_OK);
    Onnx__ModelProto *m = read_model(s.out);
    check_order(m->graph);
    check_pairs(m->graph);
    CU_ASSERT_EQUAL(count_op(m->graph, "DequantizeLinear"), 36 + 36 + 20 + 10);
    onnx__model_proto__free_unpacked(m, NULL);
    close_model(&s);
}

static void codes_of_few_bits_are_kept_in_int8(void)
{
    static const char *const specs[] = {"int4", "int2:tensor", "ternary",
                                        "binary"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct setup s;
        struct haq_diag d = {0};
        if (!open_model(&s, "fashion-mnist-cnn", specs[i], "uint8"))
            return;
        const struct haq_format *f = s.recipe.layer[0].weight.format;
        CU_ASSERT_EQUAL_FATAL(export_to(&s, "onnx-qdq", &d), HAQ_OK);
        Onnx__ModelProto *m = read_model(s.out);
        check_pairs(m->graph);
        size_t weights = 0;
        for (size_t k = 0; k < m->graph->n_initializer; k++) {
            const Onnx__TensorProto *t = m->graph->initializer[k];
            if (t->data_type != INT8 || t->n_dims < 2)
                continue;
            weights++;
            const int8_t *codes = (const int8_t *)t->raw_data.data;
            int most = 0;
            for (size_t c = 0; c < t->raw_data.len; c++) {
                most = abs(codes[c]) > most ? abs(codes[c]) : most;
                CU_ASSERT(!f->odd || codes[c]);
            }
            CU_ASSERT_EQUAL(most, f->qmax);
        }
        CU_ASSERT(weights >= s.recipe.n);
        onnx__model_proto__free_unpacked(m, NULL);
        close_model(&s);
    }
}

static void what_cannot_be_said_is_refused_by_name(void)
{
    static const char *const cases[][3] = {
        {"uint8", "uint8", "zero point"},
        {"uint4", "float", "zero point"},
        {"int8:group32", "float", "groups"},
        {"nf4", "float", "no integers"},
        {"bf16", "float", "no integers"},
        {"ternary:group64", "uint8", "groups"},
        {"int8", "uint8:dynamic", "dynamic"},
        {"int8", "uint4", "8 bits"},
    };
    struct setup s;
    if (!open_model(&s, "fashion-mnist-cnn", "int8", "uint8"))
        return;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct haq_diag d = {0};
        struct haq_recipe_layer *l = &s.recipe.layer[1];
        set_specs(l, cases[i][0], cases[i][1]);
        unlink(s.out);
        CU_ASSERT_EQUAL(export_to(&s, "onnx-qdq", &d), HAQ_UNSUPPORTED);
        CU_ASSERT(strstr(d.text, l->tensor) != NULL);
        CU_ASSERT(strstr(d.text, s.recipe.layer[0].tensor) == NULL);
        CU_ASSERT(strstr(d.text, cases[i][2]) != NULL);
        CU_ASSERT(!haq_file_exists(s.out));
    }
    close_model(&s);
}

static void another_model_is_refused(void)
{
    struct setup s;
    struct haq_diag d = {0};
    if (!open_model(&s, "fashion-mnist-cnn", "int8", "uint8"))
        return;
    s.recipe.model_hash[0] ^= 1;
    CU_ASSERT_EQUAL(export_to(&s, "onnx-qdq", &d), HAQ_INVALID);
    close_model(&s);
}

static void recipes_travel_with_their_parameters(void)
{
    struct setup s;
    struct haq_diag d = {0};
    struct haq_recipe back;
    struct haq_params *params = NULL;
    char beside[128], id[HAQ_HASH_HEX], again[HAQ_HASH_HEX];
    if (!open_model(&s, "fashion-mnist-cnn", "int4:group32", "uint8"))
        return;
    CU_ASSERT_EQUAL_FATAL(export_to(&s, "recipe", &d), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_recipe_read(&back, s.out, &d), HAQ_OK);
    haq_recipe_assignment_id(&s.recipe, id, NULL);
    haq_recipe_assignment_id(&back, again, NULL);
    CU_ASSERT_STRING_EQUAL(id, again);
    snprintf(beside, sizeof beside, "/tmp/%s", back.params_file);
    CU_ASSERT_EQUAL(haq_hash_file(again, beside, &d), HAQ_OK);
    CU_ASSERT_STRING_EQUAL(again, back.params_hash);
    CU_ASSERT_EQUAL_FATAL(haq_params_read(&params, beside, &d), HAQ_OK);
    haq_params_free(params);
    haq_recipe_fini(&back);
    unlink(beside);
    close_model(&s);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(a_residual_network_becomes_pairs),
        HAQ_TEST(float_layers_stay_as_they_were),
        HAQ_TEST(every_shared_model_survives_export_and_import_as_float),
        HAQ_TEST(weight_only_layers_keep_float_activations),
        HAQ_TEST(a_transformer_quantizes_its_products),
        HAQ_TEST(codes_of_few_bits_are_kept_in_int8),
        HAQ_TEST(what_cannot_be_said_is_refused_by_name),
        HAQ_TEST(another_model_is_refused),
        HAQ_TEST(recipes_travel_with_their_parameters),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/export", tests);
}
