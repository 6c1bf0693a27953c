/* Files that are broken, lie, or were made to hurt. */
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>

#include "base/file.h"
#include "graph/onnx_import.h"
#include "tests/suite.h"
#include "tests/support/onnx_writer.h"

static haq_status parse(struct wire file, struct haq_diag *d)
{
    struct haq_graph *g = NULL;
    haq_status s;

    d->text[0] = 0;
    s = haq_onnx_parse(&g, "bad.onnx", file.data, file.len, NULL, d);
    CU_ASSERT_EQUAL(s == HAQ_OK, g != NULL);
    if (s)
        CU_ASSERT(strstr(d->text, "bad.onnx: ") == d->text);
    haq_graph_free(g);
    return s;
}

/* Import `m`, expect this failure with these words in its sentence. */
static void expect(struct onnx *m, haq_status want, const char *words)
{
    struct haq_diag d;
    struct wire file = finish(m);

    CU_ASSERT_EQUAL(parse(file, &d), want);
    if (!strstr(d.text, words))
        printf("\n    \"%s\" lacks \"%s\"\n", d.text, words);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, words));
    free(file.data);
}

static struct onnx start(void)
{
    struct onnx m = {.opset = 13};
    input(&m, "x", ONNX_F32, 4, (int64_t[]){-1, 2, 8, 8});
    return m;
}

/* Conv, BatchNormalization, Clip, Pad, Reshape chain, MatMul, Split, ...: what
 * random bytes are thrown at. */
static struct wire busy_model(void)
{
    struct onnx m = start();
    float w[4 * 2 * 3 * 3], p[4] = {1, 2, 3, 4};

    for (size_t i = 0; i < sizeof w / sizeof *w; i++)
        w[i] = (float)i;
    initializer(&m, "w", ONNX_F32, 4, (int64_t[]){4, 2, 3, 3}, w, sizeof w);
    initializer(&m, "p", ONNX_F32, 1, (int64_t[]){4}, p, sizeof p);
    initializer(&m, "k", ONNX_F32, 2, (int64_t[]){32, 2}, w, 64 * 4);
    ints(&m, "pads", 8, (int64_t[]){0, 0, 1, 1, 0, 0, 1, 1});
    ints(&m, "shape", 2, (int64_t[]){0, -1});
    ints(&m, "one", 1, (int64_t[]){1});
    ints(&m, "last", 1, (int64_t[]){-1});
    add(&m, node("Pad", "x,pads", "padded"));
    struct wire n = node("Conv", "padded,w", "c");
    attr_ints(&n, "strides", 2, (int64_t[]){2, 2});
    add(&m, n);
    add(&m, node("BatchNormalization", "c,p,p,p,p", "bn"));
    add(&m, node("Relu", "bn", "r"));
    n = node("MaxPool", "r", "mp");
    attr_ints(&n, "kernel_shape", 2, (int64_t[]){2, 2});
    add(&m, n);
    n = node("Split", "r", "s1,s2");
    attr_int(&n, "axis", 1);
    add(&m, n);
    n = node("Concat", "s2,s1", "cc");
    attr_int(&n, "axis", 1);
    add(&m, n);
    add(&m, node("Slice", "cc,one,last,one", "sl"));
    n = node("ReduceMean", "sl", "rm");
    attr_ints(&n, "axes", 1, (int64_t[]){1});
    add(&m, n);
    add(&m, node("Mul", "cc,p", "mul"));
    n = node("Transpose", "cc", "tr");
    attr_ints(&n, "perm", 4, (int64_t[]){0, 2, 3, 1});
    add(&m, n);
    add(&m, node("Shape", "cc", "sh"));
    n = node("Gather", "sh,one", "ga");
    add(&m, n);
    add(&m, node("ConstantOfShape", "one", "cos"));
    n = node("Cast", "cos", "ca");
    attr_int(&n, "to", 7);
    add(&m, n);
    add(&m, node("Add", "ga,ca", "su"));
    add(&m, node("Reshape", "cc,shape", "flat"));
    add(&m, node("Unsqueeze", "flat,last", "un"));
    add(&m, node("Squeeze", "un,last", "sq"));
    n = node("Softmax", "sq", "so");
    add(&m, n);
    output(&m, "so");
    output(&m, "rm");
    return finish(&m);
}

static void every_prefix_of_a_file_is_refused_or_read_cleanly(void)
{
    struct wire file = busy_model();
    struct haq_diag d;
    size_t full = file.len;

    for (size_t i = 0; i < full; i++) {
        /* A heap copy of just these bytes: reading past them is seen. */
        struct wire cut = {malloc(i + 1), i, i + 1};
        memcpy(cut.data, file.data, i);
        CU_ASSERT_NOT_EQUAL(parse(cut, &d), HAQ_OK);
        free(cut.data);
    }
    free(file.data);
}

static void a_real_model_cut_anywhere_is_refused(void)
{
    char path[512];
    void *data;
    size_t len;
    struct haq_diag d;

    if (!shared_data())
        return;
    snprintf(path, sizeof path, "%s/dscnn-kws/model.onnx", shared_data());
    CU_ASSERT_EQUAL_FATAL(haq_file_read(path, 1 << 24, &data, &len, &d),
                          HAQ_OK);
    for (size_t i = 0; i < 64; i++) {
        struct wire cut = {data, len * i / 64, len};
        CU_ASSERT_EQUAL(parse(cut, &d), HAQ_FORMAT);
    }
    free(data);
}

static void random_damage_never_crashes(void)
{
    struct wire file = busy_model();
    struct haq_diag d;
    uint64_t seed = 20240611;
    int survived = 0;

    CU_ASSERT_EQUAL(parse(file, &d), HAQ_OK);
    if (d.text[0])
        printf("\n    %s\n", d.text);
    for (int i = 0; i < 6000; i++) {
        struct wire copy = {malloc(file.len), file.len, file.len};
        memcpy(copy.data, file.data, file.len);
        for (uint64_t k = next_random(&seed) % 3 + 1; k; k--)
            copy.data[next_random(&seed) % file.len] =
                (uint8_t)next_random(&seed);
        survived += parse(copy, &d) == HAQ_OK;
        free(copy.data);
    }
    /* Most damage hits a float or a name: some must pass. */
    CU_ASSERT(survived > 0);
    free(file.data);
}

static void what_is_no_onnx_file_is_said_to_be_none(void)
{
    static const char text[] = "Subject: this is a letter\n\nDear reader,\n";
    struct haq_diag d;

    CU_ASSERT_EQUAL(
        parse((struct wire){(uint8_t *)(uintptr_t)text, sizeof text - 1, 0},
              &d),
        HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "not an ONNX file"));
    CU_ASSERT_EQUAL(parse((struct wire){0}, &d), HAQ_FORMAT);
    CU_ASSERT_EQUAL(haq_onnx_load(&(struct haq_graph *){NULL},
                                  "/nonexistent.onnx", NULL, &d),
                    HAQ_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "/nonexistent.onnx"));
}

static void only_the_documented_opsets_are_read(void)
{
    for (int64_t opset = 8; opset <= 22; opset += 14) {
        struct onnx m = start();
        m.opset = opset;
        add(&m, node("Relu", "x", "y"));
        output(&m, "y");
        expect(&m, HAQ_INVALID, opset == 8 ? "opset 8" : "opset 22");
    }
}

static void all_missing_operators_are_named_at_once_with_counts(void)
{
    struct onnx m = start();
    struct wire foreign = node("Magic", "x", "m");

    add(&m, node("Foo", "x", "a"));
    add(&m, node("Foo", "a", "b"));
    add(&m, node("Bar", "b", "c"));
    wire_str(&foreign, 7, "com.example");
    add(&m, foreign);
    output(&m, "c");
    expect(&m, HAQ_UNSUPPORTED, "Foo x2, Bar x1, com.example.Magic x1");
}

static void sizes_that_lie_are_refused(void)
{
    static const int64_t shapes[][3] = {
        {4, 4, 4},  {INT64_MAX, INT64_MAX, 2},
        {-1, 4, 1}, {1ll << 32, 1ll << 32, 1},
        {0, 0, 0},
    };
    float data[4] = {0};

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct onnx m = start();
        initializer(&m, "w", ONNX_F32, 3, shapes[i], data, sizeof data);
        add(&m, node("Relu", "x", "y"));
        output(&m, "y");
        expect(&m, HAQ_FORMAT, "tensor 'w'");
    }
}

static void names_are_unique_and_nodes_in_order(void)
{
    struct onnx m = start();
    add(&m, node("Relu", "x", "y"));
    add(&m, node("Neg", "x", "y"));
    output(&m, "y");
    expect(&m, HAQ_FORMAT, "two tensors are called 'y'");

    m = start();
    add(&m, node("Add", "x,b", "a"));
    add(&m, node("Relu", "a", "b"));
    output(&m, "b");
    expect(&m, HAQ_FORMAT, "node 'a' reads 'b', which nothing before it makes");

    m = start();
    add(&m, node("Relu", "y", "y"));
    output(&m, "y");
    expect(&m, HAQ_FORMAT, "reads 'y'");

    m = start();
    add(&m, node("Relu", "x", "y"));
    output(&m, "z");
    expect(&m, HAQ_FORMAT, "output 'z'");

    m = start();
    add(&m, node("Relu", "x", "\xff\xfe"));
    output(&m, "\xff\xfe");
    expect(&m, HAQ_FORMAT, "name");
}

static void weights_that_are_no_numbers_are_named_with_their_place(void)
{
    for (int infinite = 0; infinite < 2; infinite++) {
        struct onnx m = start();
        float w[2 * 2] = {1, 2, 3, infinite ? INFINITY : NAN};
        initializer(&m, "conv.weight", ONNX_F32, 4, (int64_t[]){2, 2, 1, 1}, w,
                    sizeof w);
        add(&m, node("Conv", "x,conv.weight", "y"));
        output(&m, "y");
        expect(&m, HAQ_INVALID,
               infinite ? "tensor 'conv.weight': element 3 is infinite"
                        : "tensor 'conv.weight': element 3 is NaN");
    }
}

static void a_masking_constant_may_be_infinite(void)
{
    struct onnx m = start();
    float mask = -INFINITY;
    struct haq_diag d;

    initializer(&m, "mask", ONNX_F32, 0, NULL, &mask, sizeof mask);
    add(&m, node("Add", "x,mask", "y"));
    output(&m, "y");
    struct wire file = finish(&m);
    CU_ASSERT_EQUAL(parse(file, &d), HAQ_OK);
    free(file.data);
}

static void an_open_dimension_says_how_to_give_it(void)
{
    struct onnx m = {.opset = 13};
    struct haq_graph *g = NULL;
    struct haq_dim_binding dims[] = {{"D2", 5}, {"D3", 6}};
    struct haq_import_options opt = {.batch = 3, .dims = dims, .n_dims = 2};

    for (int given = 0; given < 2; given++) {
        memset(&m.graph, 0, sizeof m.graph);
        input(&m, "x", ONNX_F32, 4, (int64_t[]){-1, 3, -1, -1});
        add(&m, node("Relu", "x", "y"));
        output(&m, "y");
        if (!given) {
            expect(&m, HAQ_INVALID, "--dim D2=N");
            continue;
        }
        struct wire file = finish(&m);
        CU_ASSERT_EQUAL(
            haq_onnx_parse(&g, "f", file.data, file.len, &opt, NULL), HAQ_OK);
        CU_ASSERT_EQUAL(g->values[g->inputs[0]].shape.dims[2], 5);
        CU_ASSERT_EQUAL(g->values[g->inputs[0]].shape.dims[3], 6);
        CU_ASSERT_EQUAL(g->batch, 3);
        haq_graph_free(g);
        free(file.data);
    }
}

static void attributes_that_change_the_meaning_are_not_ignored(void)
{
    struct onnx m = start();
    struct wire n = node("Relu", "x", "y");
    attr_int(&n, "surprise", 1);
    add(&m, n);
    output(&m, "y");
    expect(&m, HAQ_UNSUPPORTED, "attribute 'surprise'");

    m = start();
    n = node("Softmax", "x", "y");
    attr_float(&n, "axis", 1);
    add(&m, n);
    output(&m, "y");
    expect(&m, HAQ_FORMAT, "'axis' of a wrong type");
}

static void constants_cannot_be_blown_up(void)
{
    struct onnx m = start();
    ints(&m, "big", 2, (int64_t[]){1 << 20, 1 << 20});
    add(&m, node("ConstantOfShape", "big", "c"));
    add(&m, node("Relu", "x", "y"));
    output(&m, "y");
    expect(&m, HAQ_UNSUPPORTED, "too large");

    m = start();
    int64_t bounds[] = {INT64_MIN, INT64_MAX, 1};
    for (int i = 0; i < 3; i++)
        initializer(&m, (const char *[]){"a", "b", "c"}[i], ONNX_I64, 0, NULL,
                    &bounds[i], sizeof bounds[i]);
    add(&m, node("Range", "a,b,c", "r"));
    add(&m, node("Relu", "x", "y"));
    output(&m, "y");
    expect(&m, HAQ_UNSUPPORTED, "too large");

    m = start();
    int64_t zero = 0;
    initializer(&m, "z", ONNX_I64, 0, NULL, &zero, sizeof zero);
    add(&m, node("Div", "z,z", "q"));
    add(&m, node("Relu", "x", "y"));
    output(&m, "y");
    expect(&m, HAQ_FORMAT, "division by zero");
}

/* ---- external data ---------------------------------------------------------
 */

static void pair(struct wire *t, const char *key, const char *value)
{
    struct wire e = {0};
    wire_str(&e, 1, key);
    wire_str(&e, 2, value);
    wire_sub(t, 13, &e);
}

/* Model in `dir` whose one weight [2] is at location, offset, length. */
static haq_status load_external(const char *dir, const char *location,
                                const char *offset, const char *length,
                                float *first, struct haq_diag *d)
{
    struct onnx m = start();
    struct wire t = {0};
    struct haq_graph *g = NULL;
    char path[512];

    wire_int(&t, 1, 2);
    wire_int(&t, 2, ONNX_F32);
    wire_str(&t, 8, "w");
    pair(&t, "location", location);
    if (offset)
        pair(&t, "offset", offset);
    if (length)
        pair(&t, "length", length);
    wire_int(&t, 14, 1);
    wire_sub(&m.graph, 5, &t);
    input(&m, "v", ONNX_F32, 2, (int64_t[]){1, 2});
    add(&m, node("Mul", "v,w", "y"));
    output(&m, "y");
    struct wire file = finish(&m);
    snprintf(path, sizeof path, "%s/m.onnx", dir);
    CU_ASSERT_EQUAL(haq_file_write(path, file.data, file.len, NULL), HAQ_OK);
    free(file.data);
    d->text[0] = 0;
    haq_status s = haq_onnx_load(&g, path, NULL, d);
    if (!s)
        *first = *(const float *)g->values[haq_graph_find_value(g, "w")].data;
    haq_graph_free(g);
    return s;
}

static void external_data_stays_in_the_models_folder(void)
{
    static const char *const escapes[] = {
        "/etc/passwd", "../secret", "sub/../../secret",
        "leak",        "",          "sub\\..\\..\\secret"};
    char dir[] = "/tmp/haq-external-XXXXXX", inner[64], path[128], up[128];
    float data[] = {1, 2, 3, 4}, first = 0;
    struct haq_diag d;

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(inner, sizeof inner, "%s/model", dir);
    snprintf(up, sizeof up, "%s/secret", dir);
    CU_ASSERT_EQUAL(mkdir(inner, 0700), 0);
    CU_ASSERT_EQUAL(haq_file_write(up, data, sizeof data, NULL), HAQ_OK);
    snprintf(path, sizeof path, "%s/leak", inner);
    CU_ASSERT_EQUAL(symlink("../secret", path), 0);
    snprintf(path, sizeof path, "%s/data", inner);
    CU_ASSERT_EQUAL(haq_file_write(path, data, sizeof data, NULL), HAQ_OK);
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        CU_ASSERT_EQUAL(
            load_external(inner, escapes[i], NULL, NULL, &first, &d),
            HAQ_FORMAT);
        CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "folder"));
    }
    CU_ASSERT_EQUAL(load_external(inner, "missing", NULL, NULL, &first, &d),
                    HAQ_INVALID);
    CU_ASSERT_EQUAL(load_external(inner, "data", "8", "8", &first, &d), HAQ_OK);
    CU_ASSERT_EQUAL(first, 3);
    CU_ASSERT_EQUAL(load_external(inner, "data", NULL, NULL, &first, &d),
                    HAQ_OK);
    CU_ASSERT_EQUAL(first, 1);
    CU_ASSERT_EQUAL(load_external(inner, "data", "12", "8", &first, &d),
                    HAQ_FORMAT);
    CU_ASSERT_EQUAL(load_external(inner, "data", "8", "16", &first, &d),
                    HAQ_FORMAT);
    CU_ASSERT_EQUAL(load_external(inner, "data", "-8", "8", &first, &d),
                    HAQ_FORMAT);
    CU_ASSERT_EQUAL(
        load_external(inner, "data", "99999999999999999999", "8", &first, &d),
        HAQ_FORMAT);
    unlink(path);
    snprintf(path, sizeof path, "%s/leak", inner);
    unlink(path);
    snprintf(path, sizeof path, "%s/m.onnx", inner);
    unlink(path);
    rmdir(inner);
    unlink(up);
    rmdir(dir);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_prefix_of_a_file_is_refused_or_read_cleanly),
        HAQ_TEST(a_real_model_cut_anywhere_is_refused),
        HAQ_TEST(random_damage_never_crashes),
        HAQ_TEST(what_is_no_onnx_file_is_said_to_be_none),
        HAQ_TEST(only_the_documented_opsets_are_read),
        HAQ_TEST(all_missing_operators_are_named_at_once_with_counts),
        HAQ_TEST(sizes_that_lie_are_refused),
        HAQ_TEST(names_are_unique_and_nodes_in_order),
        HAQ_TEST(weights_that_are_no_numbers_are_named_with_their_place),
        HAQ_TEST(a_masking_constant_may_be_infinite),
        HAQ_TEST(an_open_dimension_says_how_to_give_it),
        HAQ_TEST(attributes_that_change_the_meaning_are_not_ignored),
        HAQ_TEST(constants_cannot_be_blown_up),
        HAQ_TEST(external_data_stays_in_the_models_folder),
        CU_TEST_INFO_NULL,
    };
    return run_suite("graph/onnx_hostile", tests);
}
