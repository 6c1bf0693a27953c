/* Verdicts on the shipped targets, as their makers' documents have them. */
#include "hwprofiles/legal.h"

#include <stdio.h>
#include <string.h>

#include "hwprofiles/target.h"
#include "tests/suite.h"

static const struct haq_layer conv = {
    .op = "Conv", .channels = 64, .reduction = 576, .group = 1};
static const struct haq_layer dense = {
    .op = "MatMul", .channels = 100, .reduction = 256, .group = 1};
static const struct haq_layer depthwise = {.op = "Conv",
                                           .channels = 64,
                                           .reduction = 9,
                                           .group = 64,
                                           .depthwise = true};

static struct haq_layer_choice choice(const char *weight,
                                      const char *granularity, uint64_t group,
                                      const char *activation, bool dynamic)
{
    return (struct haq_layer_choice){haq_format_find(weight), granularity,
                                     group, haq_format_find(activation),
                                     dynamic};
}

struct expectation {
    const char *target;
    const struct haq_layer *layer;
    const char *weight, *granularity;
    uint64_t group;
    const char *activation;
    bool dynamic;
    enum haq_support support;
    const char *words; /* in the reason */
};

static void expect(const struct expectation *e)
{
    char file[100];
    struct haq_target p;
    struct haq_verdict v;
    struct haq_layer_choice c =
        choice(e->weight, e->granularity, e->group, e->activation, e->dynamic);

    snprintf(file, sizeof file, "hwprofiles/data/%s.json", e->target);
    CU_ASSERT_EQUAL_FATAL(haq_target_read(&p, file, NULL), HAQ_OK);
    const struct haq_target_device *dev = p.devices.item;
    haq_legal(&v, &dev->capabilities, dev->name, e->layer, &c);
    bool good = v.support == e->support && strstr(v.reason, e->words) &&
                (v.support == HAQ_SUPPORT_NATIVE) == !v.reason[0];
    CU_ASSERT(good);
    if (!good)
        printf("\n  %s %s:%s %s: %s, \"%s\"\n", e->target, e->weight,
               e->granularity, e->activation, haq_support_name(v.support),
               v.reason);
    haq_target_fini(&p);
}

#define NO HAQ_SUPPORT_NO
#define EMULATED HAQ_SUPPORT_EMULATED
#define NATIVE HAQ_SUPPORT_NATIVE

static void shipped_targets_judge_as_documented(void)
{
    static const struct expectation cases[] = {
        /* TensorRT: symmetric int8; int4 weights alone, in blocks. */
        {"tensorrt", &conv, "int8", "channel", 0, "int8", false, NATIVE, ""},
        {"tensorrt", &conv, "int8", "channel", 0, "uint8", false, NO,
         "no zero points"},
        {"tensorrt", &conv, "int8", "channel", 0, "int8", true, NO,
         "nothing for conv"},
        {"tensorrt", &conv, "int4", "channel", 0, "int8", false, EMULATED,
         "kept in 8 bits"},
        {"tensorrt", &dense, "int4", "group", 128, "fp32", false, NATIVE, ""},
        {"tensorrt", &dense, "int4", "group", 32, "fp32", false, NO,
         "32 elements a group are no multiple of 64"},
        {"tensorrt", &conv, "fp32", "channel", 0, "fp32", false, NATIVE, ""},
        /* Integers alone. */
        {"int8-npu", &conv, "int8", "channel", 0, "uint8", false, NATIVE, ""},
        {"int8-npu", &depthwise, "int8", "tensor", 0, "int8", false, NATIVE,
         ""},
        {"int8-npu", &conv, "fp32", "channel", 0, "fp32", false, NO, "floats"},
        {"int8-npu", &conv, "int8", "channel", 0, "uint8", true, NO,
         "when the network is compiled"},
        {"int8-npu", &conv, "int8", "group", 32, "uint8", false, NO,
         "one scale per channel"},
        {"int8-npu", &conv, "int4", "channel", 0, "uint8", false, EMULATED,
         "8 bits"},
        /* HAQ's accelerators: 3 bits cost 4 on one and 3 on the other. */
        {"bitfusion", &conv, "int4", "channel", 0, "uint8", false, NATIVE, ""},
        {"bitfusion", &conv, "int3", "channel", 0, "uint8", false, EMULATED,
         "widened"},
        {"bitfusion", &conv, "int4", "channel", 0, "uint6", false, EMULATED,
         "widened"},
        {"bismo-edge", &conv, "int3", "channel", 0, "uint6", false, NATIVE, ""},
        {"bismo-cloud", &conv, "binary", "channel", 0, "uint2", false, NATIVE,
         ""},
        {"bismo-cloud", &conv, "fp32", "channel", 0, "fp32", false, NO,
         "floats"},
        /* Our own kernels. */
        {"x86-vnni", &conv, "int4", "channel", 0, "uint8", false, NATIVE, ""},
        {"x86-vnni", &conv, "int4", "group", 32, "uint8", true, NATIVE, ""},
        {"x86-vnni", &conv, "int4", "group", 48, "uint8", false, EMULATED,
         "kept in 8 bits"},
        {"x86-avx2", &conv, "int4", "channel", 0, "uint4", false, EMULATED,
         "activations ride"},
        {"x86-avx2", &depthwise, "int4", "channel", 0, "uint8", false, EMULATED,
         "kept in 8 bits"},
        {"x86-avx2", &conv, "fp32", "channel", 0, "uint8", false, NO,
         "fp32 weights and uint8:static activations"},
        {"arm-big-little", &dense, "int8", "channel", 0, "uint8", false, NATIVE,
         ""},
        {"opencl-gpu", &conv, "int4", "group", 32, "fp32", false, EMULATED,
         "unpacked"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(&cases[i]);
}

static void an_operator_without_rows_is_named(void)
{
    struct haq_layer odd = {.op = "ConvTranspose", .group = 1};
    struct haq_layer_choice c = choice("int8", "channel", 0, "uint8", false);
    struct haq_list none = {0};
    struct haq_verdict v;

    haq_legal(&v, &none, "the board", &odd, &c);
    CU_ASSERT_EQUAL(v.support, HAQ_SUPPORT_NO);
    CU_ASSERT_STRING_EQUAL(v.reason,
                           "the board has nothing for ConvTranspose with int8 "
                           "per channel weights and uint8:static activations");
}

static void layers_are_told_apart(void)
{
    struct haq_layer grouped = conv;
    grouped.group = 4;
    CU_ASSERT_STRING_EQUAL(haq_layer_op(&conv), "conv");
    CU_ASSERT_STRING_EQUAL(haq_layer_op(&grouped), "grouped");
    CU_ASSERT_STRING_EQUAL(haq_layer_op(&depthwise), "depthwise");
    CU_ASSERT_STRING_EQUAL(haq_layer_op(&dense), "matmul");
}

/* Rows with limits on sizes give way to the next that fits. */
static void limits_pass_a_layer_to_the_next_row(void)
{
    struct haq_arena a;
    struct haq_list rows = {0};
    struct haq_verdict v;
    struct haq_layer_choice c = choice("int8", "channel", 0, "uint8", false);
    struct haq_layer odd = conv;

    haq_arena_init(&a);
    struct haq_capability *r =
        haq_capability_add(&rows, &a, "conv", "int8", "uint8:*", "*");
    r->support = HAQ_SUPPORT_NATIVE;
    r->kernel = "fast";
    r->channels_of = 4;
    r->reduction_of = 64;
    haq_legal(&v, &rows, "x", &conv, &c);
    CU_ASSERT_STRING_EQUAL(v.kernel, "fast");
    odd.channels = 30;
    haq_legal(&v, &rows, "x", &odd, &c);
    CU_ASSERT_EQUAL(v.support, HAQ_SUPPORT_NO);
    CU_ASSERT_STRING_EQUAL(v.reason, "30 output channels are no multiple of 4");
    odd.channels = 64;
    odd.reduction = 27;
    haq_legal(&v, &rows, "x", &odd, &c);
    CU_ASSERT_STRING_EQUAL(v.reason,
                           "27 weights a channel are no multiple of 64");
    r = haq_capability_add(&rows, &a, "*", "int*", "*", "channel");
    r->support = HAQ_SUPPORT_EMULATED;
    r->kernel = "slow";
    haq_legal(&v, &rows, "x", &odd, &c);
    CU_ASSERT_EQUAL(v.support, HAQ_SUPPORT_EMULATED);
    CU_ASSERT_STRING_EQUAL(v.kernel, "slow");
    haq_arena_fini(&a);
}

int main(void)
{
    CU_TestInfo tests[] = {HAQ_TEST(shipped_targets_judge_as_documented),
                           HAQ_TEST(an_operator_without_rows_is_named),
                           HAQ_TEST(layers_are_told_apart),
                           HAQ_TEST(limits_pass_a_layer_to_the_next_row),
                           CU_TEST_INFO_NULL};
    return run_suite("hwprofiles/legal", tests);
}
