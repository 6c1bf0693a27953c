/* Activation functions and normalizations that files spell as several nodes
 * become one, and only they. */
#include "graph/onnx_import.h"
#include "graph/op.h"
#include "tests/suite.h"
#include "tests/support/onnx_writer.h"

enum { WIDTH = 8 };

static void number(struct onnx *m, const char *name, float v)
{
    initializer(m, name, ONNX_F32, 0, NULL, &v, sizeof v);
}

static void constants(struct onnx *m)
{
    static const float w[WIDTH] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const int64_t width = WIDTH, last = -1, first = 1;
    number(m, "zero", 0);
    number(m, "half", 0.5f);
    number(m, "one", 1);
    number(m, "two", 2);
    number(m, "three", 3);
    number(m, "six", 6);
    number(m, "sixth", 1.0f / 6);
    number(m, "root", 1.41421356f);
    number(m, "inverse", 0.70710678f);
    number(m, "eps", 1e-5f);
    initializer(m, "w", ONNX_F32, 1, &width, w, sizeof w);
    initializer(m, "b", ONNX_F32, 1, &width, w, sizeof w);
    ints(m, "last", 1, &last);
    ints(m, "middle", 1, &first);
}

/* "Sigmoid x g; Mul x,g y": nodes with inputs and output, over x [2][4][8]; y
 * is the output, and `also`, when there is one. */
static struct haq_graph *import(const char *text, const char *also)
{
    struct onnx m = {.opset = 18};
    struct haq_import_options opt = {.batch = 2, .keep_nchw = true};
    struct haq_graph *g = NULL;
    struct haq_diag d = {0};
    char copy[400], op[32], in[64], out[32];

    input(&m, "x", ONNX_F32, 3, (int64_t[]){-1, 4, WIDTH});
    constants(&m);
    CU_ASSERT_FATAL(strlen(text) < sizeof copy);
    strcpy(copy, text);
    for (char *p = strtok(copy, ";"); p; p = strtok(NULL, ";")) {
        CU_ASSERT_FATAL(sscanf(p, "%31s %63s %31s", op, in, out) == 3);
        add(&m, node(op, in, out));
    }
    output(&m, "y");
    if (also)
        output(&m, also);
    struct wire file = finish(&m);
    if (haq_onnx_parse(&g, "net", file.data, file.len, &opt, &d))
        printf("\n    %s: %s\n", text, d.text);
    free(file.data);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    return g;
}

static int count(const struct haq_graph *g, enum haq_opcode code)
{
    int n = 0;
    for (int i = 0; i < g->n_nodes; i++)
        n += g->nodes[i].op && g->nodes[i].op->code == code;
    return n;
}

static int nodes(const struct haq_graph *g)
{
    int n = 0;
    for (int i = 0; i < g->n_nodes; i++)
        n += g->nodes[i].op != NULL;
    return n;
}

#define ERF "Mul x,inverse a; Erf a e; Add e,one s; "
#define RMS                                                                    \
    "Pow x,two q; ReduceMean q,last m; Add m,eps v; Sqrt v r; Div x,r n; "
#define CENTER "ReduceMean x,last c; Sub x,c d; "
#define LAYER                                                                  \
    CENTER "Pow d,two q; ReduceMean q,last m; Add m,eps v; Sqrt v r; Div d,r " \
           "n; "

/* Every way that exporters write them. */
static void known_spellings_become_one_node(void)
{
    static const struct {
        const char *text;
        enum haq_opcode code;
    } known[] = {
        {"Sigmoid x g; Mul x,g y", HAQ_OP_SILU},
        {"Sigmoid x g; Mul g,x y", HAQ_OP_SILU},
        {"Add x,three a; Clip a,zero,six c; Div c,six y", HAQ_OP_HARD_SIGMOID},
        {"Add three,x a; Clip a,zero,six c; Mul c,sixth y",
         HAQ_OP_HARD_SIGMOID},
        {"Add x,three a; Clip a,zero,six c; Mul x,c p; Div p,six y",
         HAQ_OP_HARD_SWISH},
        {"Add x,three a; Clip a,zero,six c; Div c,six g; Mul g,x y",
         HAQ_OP_HARD_SWISH},
        {ERF "Mul x,s p; Mul p,half y", HAQ_OP_GELU},
        {ERF "Mul x,half p; Mul p,s y", HAQ_OP_GELU},
        {ERF "Mul s,half p; Mul x,p y", HAQ_OP_GELU},
        {"Div x,root a; Erf a e; Add one,e s; Mul half,x p; Mul s,p y",
         HAQ_OP_GELU},
        {RMS "Mul n,w y", HAQ_OP_RMS_NORM},
        {"Mul x,x q; ReduceMean q,last m; Add eps,m v; Sqrt v r; Reciprocal r "
         "i; Mul x,i n; Mul w,n y",
         HAQ_OP_RMS_NORM},
        {"Pow x,two q; ReduceMean q,last m; Add m,eps v; Sqrt v r; Div one,r "
         "i; Mul i,x n; Mul n,w y",
         HAQ_OP_RMS_NORM},
        {LAYER "Mul n,w p; Add p,b y", HAQ_OP_LAYER_NORM},
        {LAYER "Mul w,n p; Add b,p y", HAQ_OP_LAYER_NORM},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct haq_graph *g = import(known[i].text, NULL);
        bool one = nodes(g) == 1 && count(g, known[i].code) == 1;
        CU_ASSERT(one);
        if (!one)
            printf("\n    %s: %d nodes\n", known[i].text, nodes(g));
        haq_graph_free(g);
    }
}

/* A number that is another, an axis, an order, or somebody else who needs what
 * is in between. */
static void what_only_looks_like_them_stays(void)
{
    static const struct {
        const char *text, *also;
        enum haq_opcode not ;
    } like[] = {
        {"Sigmoid x g; Mul x,g y", "g", HAQ_OP_SILU},
        {"Sigmoid x g; Neg x z; Mul z,g y", NULL, HAQ_OP_SILU},
        {"Add x,two a; Clip a,zero,six c; Div c,six y", NULL,
         HAQ_OP_HARD_SIGMOID},
        {"Add x,three a; Clip a,zero,three c; Div c,six y", NULL,
         HAQ_OP_HARD_SIGMOID},
        {"Add x,three a; Clip a,zero,six c; Div six,c y", NULL,
         HAQ_OP_HARD_SIGMOID},
        {"Add x,three a; Clip a,zero,six c; Div c,six y", "a",
         HAQ_OP_HARD_SIGMOID},
        {ERF "Mul x,s p; Mul p,two y", NULL, HAQ_OP_GELU},
        {ERF "Mul x,s p; Mul p,half y", "s", HAQ_OP_GELU},
        {"Mul x,root a; Erf a e; Add e,one s; Mul x,s p; Mul p,half y", NULL,
         HAQ_OP_GELU},
        {"Div root,x a; Erf a e; Add e,one s; Mul x,s p; Mul p,half y", NULL,
         HAQ_OP_GELU},
        {"Pow x,three q; ReduceMean q,last m; Add m,eps v; Sqrt v r; Div x,r "
         "n; Mul n,w y",
         NULL, HAQ_OP_RMS_NORM},
        {"Pow x,two q; ReduceMean q,middle m; Add m,eps v; Sqrt v r; Div x,r "
         "n; Mul n,w y",
         NULL, HAQ_OP_RMS_NORM},
        {"Pow x,two q; ReduceMean q,last m; Add m,eps v; Sqrt v r; Div r,x n; "
         "Mul n,w y",
         NULL, HAQ_OP_RMS_NORM},
        {RMS "Mul n,w y", "r", HAQ_OP_RMS_NORM},
        {RMS "Mul n,half y", NULL, HAQ_OP_RMS_NORM},
        {LAYER "Mul n,w p; Add p,b y", "d", HAQ_OP_LAYER_NORM},
        {"ReduceMean x,middle c; Sub x,c d; Pow d,two q; ReduceMean q,last m; "
         "Add m,eps v; Sqrt v r; Div d,r n; Mul n,w p; Add p,b y",
         NULL, HAQ_OP_LAYER_NORM},
        {LAYER "Mul n,w p; Sub p,b y", NULL, HAQ_OP_LAYER_NORM},
    };
    for (size_t i = 0; i < sizeof like / sizeof *like; i++) {
        struct haq_graph *g = import(like[i].text, like[i].also);
        CU_ASSERT_EQUAL(count(g, like[i].not ), 0);
        if (count(g, like[i].not ))
            printf("\n    %s\n", like[i].text);
        haq_graph_free(g);
    }
}

static void parameters_come_along(void)
{
    struct haq_graph *g = import(LAYER "Mul n,w p; Add p,b y", NULL);
    const struct haq_node *n = &g->nodes[0];
    CU_ASSERT_EQUAL_FATAL(n->n_in, 3);
    CU_ASSERT_STRING_EQUAL(g->values[n->in[0]].name, "x");
    CU_ASSERT_STRING_EQUAL(g->values[n->in[1]].name, "w");
    CU_ASSERT_STRING_EQUAL(g->values[n->in[2]].name, "b");
    CU_ASSERT_EQUAL(n->attr.axis, 2);
    CU_ASSERT_DOUBLE_EQUAL(n->attr.epsilon, 1e-5, 1e-9);
    haq_graph_free(g);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(known_spellings_become_one_node),
        HAQ_TEST(what_only_looks_like_them_stays),
        HAQ_TEST(parameters_come_along),
        CU_TEST_INFO_NULL,
    };
    return run_suite("compose", tests);
}
