/* The layer table: what the search knows of a network. */
#include "base/json.h"
#include "graph/layers.h"
#include "graph/onnx_import.h"
#include <string.h>

#include "tests/suite.h"

static bool make(struct haq_layers *table, const char *model, int64_t batch)
{
    char path[512];
    struct haq_graph *g = NULL;
    struct haq_diag d = {0};
    struct haq_import_options opt = {.batch = batch};

    if (!shared_data())
        return false;
    snprintf(path, sizeof path, "%s/%s", shared_data(), model);
    if (haq_onnx_load(&g, path, &opt, &d) ||
        haq_layers_make(table, g, path, &d))
        printf("\n    %s\n", d.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    haq_graph_free(g);
    return true;
}

/* He et al. 2016: 40.55 M multiply-adds; 269,722 parameters, of which 1,376 in
 * batch norms leave 688 biases. */
static void resnet20_has_the_known_layers_and_cost(void)
{
    struct haq_layers t;

    if (!make(&t, "resnet20-cifar10/model.onnx", 4))
        return;
    CU_ASSERT_STRING_EQUAL(t.name, "model");
    CU_ASSERT_EQUAL_FATAL(t.n, 20);
    CU_ASSERT_EQUAL(t.macs, 40551040);
    CU_ASSERT_EQUAL(t.params, 269722 - 688);
    CU_ASSERT_EQUAL(t.other_bytes, 0);
    const struct haq_layer *first = &t.layer[0], *last = &t.layer[19];
    CU_ASSERT_STRING_EQUAL(first->tensor, "/conv1/Conv_output_0");
    CU_ASSERT_STRING_EQUAL(first->input, "input");
    CU_ASSERT_STRING_EQUAL(first->weight, "onnx::Conv_254");
    CU_ASSERT_STRING_EQUAL(last->op, "Gemm");
    CU_ASSERT_EQUAL(first->channels, 16);
    CU_ASSERT_EQUAL(first->reduction, 27);
    CU_ASSERT_EQUAL(first->macs, 16 * 27 * 32 * 32);
    CU_ASSERT(first->rank == 4 && first->shape[0] == 1 &&
              first->shape[1] == 16 && first->shape[3] == 32);
    CU_ASSERT_EQUAL(last->channels, 10);
    CU_ASSERT_EQUAL(last->reduction, 64);
    for (size_t i = 0; i < t.n; i++) {
        CU_ASSERT_EQUAL(t.layer[i].first, i == 0);
        CU_ASSERT_EQUAL(t.layer[i].last, i == t.n - 1);
        CU_ASSERT_TRUE(t.layer[i].bias);
        CU_ASSERT_FALSE(t.layer[i].depthwise);
    }
    haq_layers_fini(&t);
}

static void depthwise_layers_and_matrices_are_told_apart(void)
{
    struct haq_layers t;

    if (!make(&t, "dscnn-kws/model.onnx", 1))
        return;
    int depthwise = 0;
    for (size_t i = 0; i < t.n; i++)
        depthwise += t.layer[i].depthwise;
    CU_ASSERT_EQUAL(depthwise, 4);
    CU_ASSERT_EQUAL(t.layer[1].group, 64);
    CU_ASSERT_EQUAL(t.layer[1].reduction, 9);
    haq_layers_fini(&t);

    if (!make(&t, "stories260k-lm/model.onnx", 2))
        return;
    CU_ASSERT_EQUAL(t.n, 36);
    CU_ASSERT_STRING_EQUAL(t.layer[35].tensor, "logits");
    CU_ASSERT_EQUAL(t.layer[35].channels, 512);
    CU_ASSERT_EQUAL(t.layer[35].reduction, 64);
    /* The embedding, the mask, the rotations and the norms stay as they are. */
    CU_ASSERT(t.other_bytes >= 4 * (512 * 64 + 128 * 128 + 2 * 128 * 4));
    haq_layers_fini(&t);
}

static void a_table_survives_the_trip_through_json(void)
{
    struct haq_layers a, b;
    struct haq_diag d;
    size_t len;

    if (!make(&a, "mobilenetv1-vww/model.onnx", 1))
        return;
    json_t *j = haq_layers_to_json(&a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(j);
    CU_ASSERT_EQUAL_FATAL(haq_layers_from_json(&b, j, &d), HAQ_OK);
    json_t *again = haq_layers_to_json(&b);
    char *x = haq_json_canonical(j, &len), *y = haq_json_canonical(again, &len);
    CU_ASSERT_STRING_EQUAL(x, y);
    CU_ASSERT_EQUAL(b.n, 28);
    CU_ASSERT_STRING_EQUAL(b.layer[0].weight, "conv2d.weight");
    free(x);
    free(y);
    json_decref(j);
    json_decref(again);
    haq_layers_fini(&a);
    haq_layers_fini(&b);
}

static json_t *small_table(void)
{
    return json_pack(
        "{s:s, s:s, s:i, s:i, s:i, s:[iiii], s:[ii], s:[{s:s, s:s, s:s, s:s, "
        "s:i, s:i, s:i, s:i, s:[ii], s:[ii], s:b, s:b, s:b, s:b}]}",
        "name", "net", "model_hash",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "macs", 6, "params", 6, "other_bytes", 0, "input_shape", 1, 3, 2, 2,
        "output_shape", 1, 2, "layers", "tensor", "y", "op", "Gemm", "input",
        "x", "weight", "w", "channels", 2, "reduction", 3, "group", 1, "macs",
        6, "kernel", 1, 1, "shape", 1, 2, "bias", 0, "depthwise", 0, "first", 1,
        "last", 1);
}

static void expect_bad(json_t *j, const char *words)
{
    struct haq_layers t;
    struct haq_diag d = {0};

    CU_ASSERT_EQUAL(haq_layers_from_json(&t, j, &d), HAQ_FORMAT);
    if (!strstr(d.text, words))
        printf("\n    \"%s\" lacks \"%s\"\n", d.text, words);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, words));
    json_decref(j);
}

static void a_table_from_a_stranger_is_checked(void)
{
    struct haq_layers t;
    json_t *j = small_table();

    CU_ASSERT_EQUAL(haq_layers_from_json(&t, j, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(t.layer[0].macs, 6);
    haq_layers_fini(&t);

    json_object_set_new(j, "model_hash", json_string("short"));
    expect_bad(j, "model_hash");
    j = small_table();
    json_object_set_new(j, "macs", json_integer(-1));
    expect_bad(j, "macs");
    j = small_table();
    json_object_set_new(j, "macs", json_integer(INT64_MAX));
    expect_bad(j, "macs");
    j = small_table();
    json_object_set_new(j, "layers", json_integer(3));
    expect_bad(j, "layers");
    j = small_table();
    json_object_set_new(j, "input_shape",
                        json_pack("[iiiiiiiii]", 1, 1, 1, 1, 1, 1, 1, 1, 1));
    expect_bad(j, "input_shape");
    j = small_table();
    json_t *layer = json_array_get(json_object_get(j, "layers"), 0);
    json_object_set_new(layer, "reduction", json_integer(0));
    expect_bad(j, "without weights");
    j = small_table();
    layer = json_array_get(json_object_get(j, "layers"), 0);
    json_object_del(layer, "tensor");
    expect_bad(j, "layers[0]");
    j = small_table();
    json_array_append_new(json_object_get(j, "layers"), json_null());
    expect_bad(j, "layers[1]");
    expect_bad(json_array(), "not an object");
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(resnet20_has_the_known_layers_and_cost),
        HAQ_TEST(depthwise_layers_and_matrices_are_told_apart),
        HAQ_TEST(a_table_survives_the_trip_through_json),
        HAQ_TEST(a_table_from_a_stranger_is_checked),
        CU_TEST_INFO_NULL,
    };
    return run_suite("graph/layers", tests);
}
