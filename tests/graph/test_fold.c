/* Constant folding; expected numbers are NumPy's. */
#include <string.h>

#include "graph/fold.h"
#include "tests/suite.h"

/* A node on constants, in a graph of its own. */
struct bench {
    struct haq_graph *g;
    int node;
};

static struct bench begin(enum haq_opcode code, int n_in)
{
    struct bench b = {haq_graph_new(), 0};

    CU_ASSERT_PTR_NOT_NULL_FATAL(b.g);
    b.node = haq_graph_add_node(b.g, haq_op(code), "n", n_in, 1);
    b.g->nodes[b.node].out[0] =
        haq_graph_add_value(b.g, "y", HAQ_F32, &(struct haq_shape){0});
    return b;
}

static void constant(struct bench *b, int k, enum haq_dtype t,
                     struct haq_shape shape, const void *data)
{
    char name[] = {(char)('a' + k), 0};

    b->g->nodes[b->node].in[k] =
        haq_graph_add_const(b->g, name, t, &shape, data);
}

static struct haq_attrs *attrs(const struct bench *b)
{
    return &b->g->nodes[b->node].attr;
}

/* Fold and compare shape and numbers; frees the graph. */
static void expect(struct bench *b, struct haq_shape shape, const double *want)
{
    bool folded;
    struct haq_diag d;
    const struct haq_value *y;

    CU_ASSERT_EQUAL_FATAL(haq_fold_node(b->g, b->node, &folded, &d), HAQ_OK);
    CU_ASSERT_TRUE_FATAL(folded);
    y = &b->g->values[haq_graph_find_value(b->g, "y")];
    CU_ASSERT_TRUE_FATAL(haq_shape_equal(&y->shape, &shape));
    for (size_t i = 0; i < y->count; i++)
        CU_ASSERT_EQUAL(haq_dtype_get(y->dtype, y->data, i), want[i]);
    haq_graph_free(b->g);
}

static const float range24[24] = {0,  1,  2,  3,  4,  5,  6,  7,
                                  8,  9,  10, 11, 12, 13, 14, 15,
                                  16, 17, 18, 19, 20, 21, 22, 23};
#define CUBE ((struct haq_shape){3, {2, 3, 4}})

/* np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1) */
static void transpose_moves_axes_as_numpy_does(void)
{
    static const double want[] = {0, 4, 8,  12, 16, 20, 1, 5, 9,  13, 17, 21,
                                  2, 6, 10, 14, 18, 22, 3, 7, 11, 15, 19, 23};
    struct bench b = begin(HAQ_OP_TRANSPOSE, 1);

    constant(&b, 0, HAQ_F32, CUBE, range24);
    attrs(&b)->n_ints = 3;
    memcpy(attrs(&b)->ints[0], (int64_t[]){2, 0, 1}, 3 * sizeof(int64_t));
    expect(&b, (struct haq_shape){3, {4, 2, 3}}, want);
}

/* np.arange(24).reshape(2, 3, 4)[1:, ::-2, 1:4:2] */
static void slice_goes_backwards_and_skips(void)
{
    static const double want[] = {21, 23, 13, 15};
    struct bench b = begin(HAQ_OP_SLICE, 1);
    static const int64_t bounds[3][3] = {{1, 2, 1}, {2, -1, 4}, {1, -2, 2}};

    constant(&b, 0, HAQ_F32, CUBE, range24);
    attrs(&b)->n_ints = attrs(&b)->n_axes = 3;
    for (int i = 0; i < 3; i++) {
        attrs(&b)->axes[i] = i;
        memcpy(attrs(&b)->ints[i], bounds[i], sizeof bounds[i]);
    }
    expect(&b, (struct haq_shape){3, {1, 2, 2}}, want);
}

/* np.take(a.reshape(2, 3, 4), [-1, 0], axis=1) */
static void gather_counts_from_the_end(void)
{
    static const double want[] = {8,  9,  10, 11, 0,  1,  2,  3,
                                  20, 21, 22, 23, 12, 13, 14, 15};
    static const int64_t index[] = {-1, 0};
    struct bench b = begin(HAQ_OP_GATHER, 2);

    constant(&b, 0, HAQ_F32, CUBE, range24);
    constant(&b, 1, HAQ_I64, (struct haq_shape){1, {2}}, index);
    attrs(&b)->axis = 1;
    expect(&b, (struct haq_shape){3, {2, 2, 4}}, want);
}

static void gather_outside_its_axis_is_refused(void)
{
    static const int32_t index = 3;
    struct bench b = begin(HAQ_OP_GATHER, 2);
    bool folded;
    struct haq_diag d;

    constant(&b, 0, HAQ_F32, CUBE, range24);
    constant(&b, 1, HAQ_I32, (struct haq_shape){0}, &index);
    attrs(&b)->axis = 1;
    CU_ASSERT_EQUAL(haq_fold_node(b.g, b.node, &folded, &d), HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "element 3 of 3"));
    haq_graph_free(b.g);
}

/* np.pad([[0, 1, 2], [3, 4, 5]], ((1, 0), (0, 2)), mode=...) */
static void pad_knows_three_modes(void)
{
    static const struct {
        const char *mode;
        double want[15];
    } cases[] = {
        {NULL, {7, 7, 7, 7, 7, 0, 1, 2, 7, 7, 3, 4, 5, 7, 7}},
        {"edge", {0, 1, 2, 2, 2, 0, 1, 2, 2, 2, 3, 4, 5, 5, 5}},
        {"reflect", {3, 4, 5, 4, 3, 0, 1, 2, 1, 0, 3, 4, 5, 4, 3}},
    };

    for (int i = 0; i < 3; i++) {
        struct bench b = begin(HAQ_OP_PAD, 1);
        constant(&b, 0, HAQ_F32, (struct haq_shape){2, {2, 3}}, range24);
        attrs(&b)->n_ints = 2;
        attrs(&b)->ints[0][0] = 1;
        attrs(&b)->ints[1][1] = 2;
        attrs(&b)->alpha = cases[i].mode ? 0 : 7;
        attrs(&b)->mode = cases[i].mode;
        expect(&b, (struct haq_shape){2, {3, 5}}, cases[i].want);
    }
}

/* np.concatenate([a, a], 1) with a = [[0, 1], [2, 3]]; np.broadcast_to */
static void concat_and_expand_repeat(void)
{
    static const double joined[] = {0, 1, 0, 1, 2, 3, 2, 3};
    static const double spread[] = {0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1};
    struct bench b = begin(HAQ_OP_CONCAT, 2);

    constant(&b, 0, HAQ_F32, (struct haq_shape){2, {2, 2}}, range24);
    constant(&b, 1, HAQ_F32, (struct haq_shape){2, {2, 2}}, range24);
    attrs(&b)->axis = 1;
    expect(&b, (struct haq_shape){2, {2, 4}}, joined);

    b = begin(HAQ_OP_EXPAND, 1);
    constant(&b, 0, HAQ_F32, (struct haq_shape){2, {2, 1}}, range24);
    attrs(&b)->n_ints = 3;
    memcpy(attrs(&b)->ints[0], (int64_t[]){2, 2, 3}, 3 * sizeof(int64_t));
    expect(&b, (struct haq_shape){3, {2, 2, 3}}, spread);
}

static void arithmetic_broadcasts_both_operands(void)
{
    static const double minus[] = {0, -1, -2, 1, 0, -1};
    static const double equal[] = {1, 0, 0, 0, 1, 0};
    static const struct haq_shape column = {2, {2, 1}}, row = {1, {3}};

    for (int i = 0; i < 2; i++) {
        struct bench b = begin(i ? HAQ_OP_EQUAL : HAQ_OP_SUB, 2);
        constant(&b, 0, HAQ_F32, column, range24);
        constant(&b, 1, HAQ_F32, row, range24);
        expect(&b, (struct haq_shape){2, {2, 3}}, i ? equal : minus);
    }
}

/* ONNX divides integers towards zero and lets them wrap. */
static void integers_divide_towards_zero_and_wrap(void)
{
    static const int64_t a[] = {7, -7, INT64_MIN}, b[] = {2, 2, -1};
    static const double want[] = {3, -3, (double)INT64_MIN};
    struct bench t = begin(HAQ_OP_DIV, 2);

    constant(&t, 0, HAQ_I64, (struct haq_shape){1, {3}}, a);
    constant(&t, 1, HAQ_I64, (struct haq_shape){1, {3}}, b);
    expect(&t, (struct haq_shape){1, {3}}, want);
}

static void where_picks_from_broadcast_branches(void)
{
    static const uint8_t cond[] = {1, 0};
    static const double want[] = {0, 1, 2, 9, 9, 9};
    static const float nine = 9;
    struct bench b = begin(HAQ_OP_WHERE, 3);

    constant(&b, 0, HAQ_BOOL, (struct haq_shape){2, {2, 1}}, cond);
    constant(&b, 1, HAQ_F32, (struct haq_shape){1, {3}}, range24);
    constant(&b, 2, HAQ_F32, (struct haq_shape){0}, &nine);
    expect(&b, (struct haq_shape){2, {2, 3}}, want);
}

/* list(range(7, -1, -3)) */
static void range_counts_down(void)
{
    static const int64_t v[] = {7, -1, -3};
    static const double want[] = {7, 4, 1};
    struct bench b = begin(HAQ_OP_RANGE, 3);

    for (int k = 0; k < 3; k++)
        constant(&b, k, HAQ_I64, (struct haq_shape){0}, &v[k]);
    expect(&b, (struct haq_shape){1, {3}}, want);
}

static void cast_cuts_fractions_and_refuses_what_does_not_fit(void)
{
    static const float v[] = {2.9f, -2.9f}, huge = 1e30f;
    static const double want[] = {2, -2};
    struct bench b = begin(HAQ_OP_CAST, 1);
    bool folded;

    constant(&b, 0, HAQ_F32, (struct haq_shape){1, {2}}, v);
    attrs(&b)->to = HAQ_I64;
    expect(&b, (struct haq_shape){1, {2}}, want);
    b = begin(HAQ_OP_CAST, 1);
    constant(&b, 0, HAQ_F32, (struct haq_shape){0}, &huge);
    attrs(&b)->to = HAQ_I64;
    CU_ASSERT_EQUAL(haq_fold_node(b.g, b.node, &folded, NULL), HAQ_FORMAT);
    haq_graph_free(b.g);
}

static void shape_is_known_without_the_data(void)
{
    static const double want[] = {3, 4};
    struct bench b = begin(HAQ_OP_SHAPE, 1);
    struct haq_shape cube = CUBE;

    b.g->nodes[b.node].in[0] = haq_graph_add_value(b.g, "x", HAQ_F32, &cube);
    attrs(&b)->ints[0][0] = -2;
    attrs(&b)->ints[1][0] = HAQ_MAX_RANK;
    expect(&b, (struct haq_shape){1, {2}}, want);
}

static void what_depends_on_an_input_is_left_alone(void)
{
    struct bench b = begin(HAQ_OP_NEG, 1);
    struct haq_shape cube = CUBE;
    bool folded = true;

    b.g->nodes[b.node].in[0] = haq_graph_add_value(b.g, "x", HAQ_F32, &cube);
    CU_ASSERT_EQUAL(haq_fold_node(b.g, b.node, &folded, NULL), HAQ_OK);
    CU_ASSERT_FALSE(folded);
    haq_graph_free(b.g);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(transpose_moves_axes_as_numpy_does),
        HAQ_TEST(slice_goes_backwards_and_skips),
        HAQ_TEST(gather_counts_from_the_end),
        HAQ_TEST(gather_outside_its_axis_is_refused),
        HAQ_TEST(pad_knows_three_modes),
        HAQ_TEST(concat_and_expand_repeat),
        HAQ_TEST(arithmetic_broadcasts_both_operands),
        HAQ_TEST(integers_divide_towards_zero_and_wrap),
        HAQ_TEST(where_picks_from_broadcast_branches),
        HAQ_TEST(range_counts_down),
        HAQ_TEST(cast_cuts_fractions_and_refuses_what_does_not_fit),
        HAQ_TEST(shape_is_known_without_the_data),
        HAQ_TEST(what_depends_on_an_input_is_left_alone),
        CU_TEST_INFO_NULL,
    };
    return run_suite("graph/fold", tests);
}
