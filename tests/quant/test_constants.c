/* Constants in a params file: there and back, and what is refused. */
#include "quant/constants.h"

#include <math.h>
#include <string.h>

#include "tests/suite.h"

static struct haq_graph *graph(void)
{
    static const float data[6] = {1, 2, 3, 4, 5, 6};
    struct haq_shape s = {2, {2, 3}};
    struct haq_graph *g = haq_graph_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    CU_ASSERT_EQUAL(haq_graph_add_const(g, "w", HAQ_F32, &s, data), 0);
    CU_ASSERT_EQUAL(haq_graph_add_value(g, "x", HAQ_F32, &s), 1);
    return g;
}

static void put(struct haq_params *p, const char *name, int rows, int cols,
                float last)
{
    float data[6] = {6, 5, 4, 3, 2, last};
    struct haq_array a = {.dtype = HAQ_F32,
                          .rank = 2,
                          .dims = {rows, cols},
                          .count = (size_t)(rows * cols),
                          .data = data};
    CU_ASSERT_EQUAL_FATAL(haq_params_put(p, name, &a, NULL), HAQ_OK);
}

static void they_take_the_place_of_the_models(void)
{
    struct haq_graph *g = graph(), *h = graph();
    struct haq_params *p = haq_params_new();
    CU_ASSERT_FALSE(haq_constants_present(NULL));
    CU_ASSERT_FALSE(haq_constants_present(p));
    put(p, "constant/w", 2, 3, 1);
    CU_ASSERT(haq_constants_present(p));
    CU_ASSERT_EQUAL(haq_constants_apply(g, p, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(((const float *)g->values[0].data)[0], 6);
    struct haq_params *q = haq_params_new();
    CU_ASSERT_EQUAL(haq_constants_put(q, g, 0, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(haq_constants_apply(h, q, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(
        memcmp(g->values[0].data, h->values[0].data, 6 * sizeof(float)), 0);
    haq_params_free(p);
    haq_params_free(q);
    haq_graph_free(g);
    haq_graph_free(h);
}

static void what_does_not_fit_is_refused_by_name(void)
{
    static const struct {
        const char *name;
        int rows, cols;
        float last;
    } wrong[] = {{"constant/v", 2, 3, 1},
                 {"constant/x", 2, 3, 1},
                 {"constant/w", 3, 2, 1},
                 {"constant/w", 1, 3, 1},
                 {"constant/w", 2, 3, INFINITY}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct haq_graph *g = graph();
        struct haq_params *p = haq_params_new();
        struct haq_diag d = {0};
        put(p, wrong[i].name, wrong[i].rows, wrong[i].cols, wrong[i].last);
        CU_ASSERT_EQUAL(haq_constants_apply(g, p, &d), HAQ_INVALID);
        CU_ASSERT_PTR_NOT_NULL(strstr(d.text, wrong[i].name));
        haq_params_free(p);
        haq_graph_free(g);
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(they_take_the_place_of_the_models),
        HAQ_TEST(what_does_not_fit_is_refused_by_name),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/constants", tests);
}
