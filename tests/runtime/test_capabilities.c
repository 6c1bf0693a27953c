/* What the rows say a layer becomes is what plans make of it: every operator
 * with every weight format, granularity and kind of input. */
#include "runtime/capabilities.h"

#include "hwprofiles/legal.h"
#include "hwprofiles/target.h"
#include "tests/runtime/net.h"

enum { SIDE = 7, WIDTH = 64 };

struct rows {
    struct haq_arena arena;
    struct haq_list list;
};

static struct rows rows_for(unsigned isa)
{
    struct rows r = {.list = {0}};
    haq_arena_init(&r.arena);
    CU_ASSERT_FATAL(!haq_cpu_capabilities(&r.list, &r.arena, isa, NULL));
    return r;
}

static const struct op {
    const char *name;
    int64_t kernel, group;
} ops[] = {{"conv", 1, 1}, {"grouped", 3, 2}, {"depthwise", 5, WIDTH}};

static struct haq_layer layer_of(const struct op *o)
{
    return (struct haq_layer){.op = "Conv",
                              .channels = WIDTH,
                              .reduction =
                                  WIDTH / o->group * o->kernel * o->kernel,
                              .group = o->group,
                              .depthwise = o->group == WIDTH};
}

struct combination {
    const struct op *op;
    const char *weight, *input; /* input NULL: float */
};

static struct haq_layer_choice choice_of(const struct combination *c)
{
    static const char *const granularities[] = {"tensor", "channel", "group"};
    struct haq_weight_spec w;
    struct haq_act_spec a = act(c->input ? c->input : "float");
    CU_ASSERT_FATAL(!haq_weight_spec_parse(&w, c->weight, NULL));
    return (struct haq_layer_choice){.weight = w.format,
                                     .granularity =
                                         granularities[w.granularity],
                                     .group = (uint64_t)w.group,
                                     .activation = a.format,
                                     .dynamic = a.dynamic};
}

/* Kernel and bytes of the layer's weights in a plan of it alone. */
static struct haq_step_info planned(const struct combination *c, unsigned isa,
                                    char kernel[80])
{
    struct layer l = {window(c->op->kernel, 1, 1, 0, c->op->group), WIDTH,
                      c->weight, none};
    struct haq_plan_options opt = {.isa = isa};
    struct haq_act_spec a = act(c->input ? c->input : "uint8");
    struct ref x = ref_new(1, SIDE + (size_t)c->op->kernel - 1,
                           SIDE + (size_t)c->op->kernel - 1, WIDTH);
    struct haq_plan *plan = NULL;
    int in, out;

    struct net t = new_net(5, &x, &in);
    for (size_t i = 0; i < ref_count(&x); i++)
        x.real[i] = uniform(&t);
    ref_quantize(&x, &a);
    struct ref y = add_layer(&t, &l, in, &x, &a, NULL, &out);
    t.in[0][0].quantized = c->input != NULL;
    end_net(&t, in, out);
    CU_ASSERT_FATAL(!haq_plan_new(&plan, t.g, &t.q, &opt, NULL));
    struct haq_step_info info = {0};
    for (size_t i = 0; i < haq_plan_steps(plan); i++)
        if (haq_plan_step(plan, i).layer)
            info = haq_plan_step(plan, i);
    snprintf(kernel, 80, "%s", info.kernel ? info.kernel : "");
    haq_plan_free(plan);
    free_net(&t);
    ref_free(&x), ref_free(&y);
    return info;
}

/* Rows name a family of kernels by its general one; windows of 3 and 5 from
 * codes to codes have special ones, and packed codes add to the name. */
static bool same_kernel(const char *row, const char *step)
{
    size_t n = strlen(row);
    return !strncmp(row, step, n) && (!step[n] || strchr("+_", step[n]));
}

static bool row_holds(const struct rows *r, const struct combination *c)
{
    struct haq_layer_choice choice = choice_of(c);
    struct haq_layer l = layer_of(c->op);
    struct haq_verdict v;
    char kernel[80];

    haq_legal(&v, &r->list, "cpu", &l, &choice);
    struct haq_step_info info = planned(c, haq_cpu_isa(), kernel);
    bool packed = info.weight_bytes < (size_t)(l.channels * l.reduction);
    bool good = v.support != HAQ_SUPPORT_NO && v.kernel &&
                same_kernel(v.kernel, kernel);
    /* Native codes below 8 bits are small in memory, others are not. */
    if (v.support == HAQ_SUPPORT_NATIVE && choice.weight->bits < 8)
        good = good && packed;
    if (strstr(v.reason, "weights are kept"))
        good = good && !packed;
    /* Floats are four bytes; codes with their scales are fewer than two. */
    bool wide = info.weight_bytes >= (size_t)(4 * l.channels * l.reduction);
    if (v.support == HAQ_SUPPORT_NATIVE || strstr(v.reason, "become floats"))
        good = good && wide == (v.support != HAQ_SUPPORT_NATIVE);
    if (!good)
        printf("\n  %s %s %s: row %s %s \"%s\", plan %s, %zu bytes\n",
               c->op->name, c->weight, c->input ? c->input : "float",
               haq_support_name(v.support), v.kernel ? v.kernel : "-", v.reason,
               kernel, info.weight_bytes);
    return good;
}

static void rows_say_what_plans_do(void)
{
    static const char *const granularities[] = {"tensor", "channel", "group32",
                                                "group16"};
    static const char *const inputs[] = {NULL,   "uint8", "uint8:dynamic",
                                         "int8", "uint4", "int3:dynamic"};
    struct rows r = rows_for(haq_cpu_isa());

    for (size_t o = 0; o < 3; o++)
        for (const struct haq_format *f = haq_formats; f->name; f++) {
            if (f->coder)
                CU_ASSERT(row_holds(
                    &r, &(struct combination){&ops[o], f->name, NULL}));
            for (size_t g = 0; f->integer && g < 4; g++)
                for (size_t i = 0; i < 6; i++) {
                    char weight[32];
                    snprintf(weight, sizeof weight, "%s:%s", f->name,
                             granularities[g]);
                    CU_ASSERT(row_holds(
                        &r, &(struct combination){&ops[o], weight, inputs[i]}));
                }
        }
    haq_arena_fini(&r.arena);
}

/* quant/apply.c refuses it as well. */
static void weights_that_are_no_integers_need_float_inputs(void)
{
    struct rows r = rows_for(haq_cpu_isa());
    struct haq_layer l = layer_of(&ops[0]);
    struct haq_verdict v;
    struct haq_layer_choice c = {.weight = haq_format_find("fp32"),
                                 .granularity = "channel",
                                 .activation = haq_format_find("fp32")};

    haq_legal(&v, &r.list, "cpu", &l, &c);
    CU_ASSERT_EQUAL(v.support, HAQ_SUPPORT_NATIVE);
    CU_ASSERT(strstr(v.kernel, "gemm_f32") == v.kernel);
    c.activation = haq_format_find("uint8");
    haq_legal(&v, &r.list, "cpu", &l, &c);
    CU_ASSERT_EQUAL(v.support, HAQ_SUPPORT_NO);
    c.weight = haq_format_find("nf4");
    haq_legal(&v, &r.list, "cpu", &l, &c);
    CU_ASSERT_EQUAL(v.support, HAQ_SUPPORT_NO);
    haq_arena_fini(&r.arena);
}

static void rows_follow_the_instruction_sets(void)
{
    static const unsigned sets[] = {HAQ_ISA_NONE, HAQ_ISA_AVX2,
                                    HAQ_ISA_AVX2 | HAQ_ISA_AVX512, HAQ_ISA_NEON,
                                    HAQ_ISA_NEON | HAQ_ISA_DOTPROD};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct rows r = rows_for(sets[i]);
        const struct haq_capability *c = r.list.item;
        for (size_t k = 0; k < r.list.n; k++) {
            CU_ASSERT_EQUAL(haq_capability_check(&c[k], "row", NULL), HAQ_OK);
            CU_ASSERT_PTR_NOT_NULL(c[k].kernel);
            CU_ASSERT_PTR_NULL(strstr(c[k].kernel, "vnni"));
            CU_ASSERT(sets[i] || strstr(c[k].kernel, "_ref"));
        }
        haq_arena_fini(&r.arena);
    }
}

/* Shipped targets of this architecture are what its kernels do now. */
static void shipped_rows_are_those_of_the_tables(void)
{
    static const struct {
        const char *arch, *file;
        unsigned isa;
    } shipped[] = {
        {"x86_64", "x86-avx2", HAQ_ISA_AVX2},
        {"x86_64", "x86-vnni", HAQ_ISA_AVX2 | HAQ_ISA_AVX512 | HAQ_ISA_VNNI},
        {"aarch64", "arm-big-little", HAQ_ISA_NEON | HAQ_ISA_DOTPROD},
    };
    for (size_t i = 0; i < sizeof shipped / sizeof *shipped; i++) {
        char file[100];
        struct haq_target p;
        if (strcmp(shipped[i].arch, haq_cpu_arch()) != 0)
            continue;
        snprintf(file, sizeof file, "hwprofiles/data/%s.json", shipped[i].file);
        CU_ASSERT_FATAL(!haq_target_read(&p, file, NULL));
        struct rows r = rows_for(shipped[i].isa);
        json_t *ours = haq_fields_write_list(&haq_capability_fields, &r.list);
        json_t *theirs = haq_fields_write_list(
            &haq_capability_fields, &haq_target_find(&p, "cpu")->capabilities);
        CU_ASSERT(json_equal(ours, theirs));
        json_decref(ours), json_decref(theirs);
        haq_arena_fini(&r.arena);
        haq_target_fini(&p);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(rows_say_what_plans_do),
        HAQ_TEST(weights_that_are_no_integers_need_float_inputs),
        HAQ_TEST(rows_follow_the_instruction_sets),
        HAQ_TEST(shipped_rows_are_those_of_the_tables), CU_TEST_INFO_NULL};
    return run_suite("runtime/capabilities", tests);
}
