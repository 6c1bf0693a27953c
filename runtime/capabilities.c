/* How layers become kernels is decided in runtime/product.c; these rows say the
 * same in the words of formats:
 *
 *   weights of 8 bits          are read as they are
 *   weights of 6 bits or less  stay packed in memory and are unpacked on the
 *                              way, in groups when those are of 32, 64, ...
 *   weights of 7 bits          are kept in 8
 *   depthwise weights          are kept in 8 bits: there are few of them; with
 *                              zero points that have to stay, and in groups
 *                              smaller than a channel, they go another way;
 *                              among floats they become floats
 *   activations below 8 bits   ride in codes of 8
 *   float activations          meet codes without becoming codes themselves
 *   weights that are no        become floats: the formats with a coder
 *   integers */
#include "runtime/capabilities.h"

#include "kernels/dwconv.h"
#include "kernels/dwconv_f32.h"
#include "kernels/gemm.h"
#include "kernels/gemm_group.h"

/* The first row that fits holds, so later ones may name all formats. */
#define CODES "int*,uint*"
#define CODES_8 "int8:*,uint8:*"
#define SIGNED "int*,ternary,binary"
#define PLAIN "tensor,channel"
#define ANY "int*,uint*,ternary,binary"
#define KEPT "weights are kept in 8 bits"
#define BECOME "weights become floats"
#define CODED "fp16,bf16,fp8*,fp4*,nf4*,mx*,nvfp4,pot*,apot*,cb*"
#define COLUMN "each channel is a product with one column of 16"
#define PRODUCTS "conv,grouped,matmul"

typedef const char *kernel_fn(enum haq_gemm_kind kind, unsigned isa);

static const char *gemm_name(enum haq_gemm_kind kind, unsigned isa)
{
    return haq_gemm_select(kind, isa)->name;
}

static const char *group_name(enum haq_gemm_kind kind, unsigned isa)
{
    return haq_gemm_group_select(kind, isa)->name;
}

static const char *dwconv_name(enum haq_gemm_kind kind, unsigned isa)
{
    return kind == HAQ_GEMM_U8_S8 ? haq_dwconv_select(isa)->name
                                  : haq_dwconv_f32_select(isa)->name;
}

/* What an input becomes. */
static const struct input {
    const char *activations;
    enum haq_gemm_kind kind;
    const char *note; /* NULL: it is what the format says */
} inputs[] = {
    {CODES_8, HAQ_GEMM_U8_S8, NULL},
    {CODES, HAQ_GEMM_U8_S8, "activations ride in codes of 8 bits"},
    {"fp32", HAQ_GEMM_F32_S8, NULL},
};
enum { N_INPUTS = sizeof inputs / sizeof *inputs };

/* What weights become.  Codes with a zero point move by it where the result
 * still is an int8; uint6 then needs 7 bits, and uint8 stays as it is, which
 * among floats only the kernel of groups understands. */
static const struct weights {
    const char *ops, *formats, *granularities;
    kernel_fn *codes, *floats; /* by the kind of input */
    uint64_t group_of, one_group;
    const char *note, *float_note; /* likewise; NULL: they are what they are */
} weights[] = {
    {PRODUCTS, "int8", PLAIN, gemm_name, gemm_name, 0, 0, NULL, NULL},
    {PRODUCTS, "uint8", PLAIN, gemm_name, group_name, 0, 0, NULL, NULL},
    {PRODUCTS, "int7,uint7,uint6", PLAIN, gemm_name, gemm_name, 0, 0, KEPT,
     KEPT},
    {PRODUCTS, ANY, PLAIN, gemm_name, gemm_name, 0, 0, NULL, NULL},
    {PRODUCTS, "int8,uint8", "group", group_name, group_name, 0, 0, NULL, NULL},
    {PRODUCTS, "int7,uint7", "group", group_name, group_name, 0, 0, KEPT, KEPT},
    {PRODUCTS, ANY, "group", group_name, group_name, 32, 0, NULL, NULL},
    {PRODUCTS, ANY, "group", group_name, group_name, 0, 0, KEPT, KEPT},
    {"depthwise", "int8", PLAIN, dwconv_name, dwconv_name, 0, 0, NULL, BECOME},
    {"depthwise", "uint8", PLAIN, gemm_name, group_name, 0, 0, COLUMN, COLUMN},
    {"depthwise", ANY, PLAIN, dwconv_name, dwconv_name, 0, 0, KEPT, BECOME},
    {"depthwise", "int8", "group", dwconv_name, dwconv_name, 0, 1, NULL,
     BECOME},
    {"depthwise", SIGNED, "group", dwconv_name, dwconv_name, 0, 1, KEPT,
     BECOME},
    {"depthwise", ANY, "group", group_name, group_name, 0, 0, COLUMN, COLUMN},
};
enum { N_WEIGHTS = sizeof weights / sizeof *weights };

static haq_status nomem(struct haq_diag *d)
{
    return haq_fail(d, HAQ_NOMEM, "capabilities: out of memory");
}

static haq_status add_quantized(struct haq_list *rows, struct haq_arena *a,
                                unsigned isa, const struct weights *w,
                                const struct input *in, struct haq_diag *d)
{
    bool floats = in->kind == HAQ_GEMM_F32_S8;
    const char *note = floats ? w->float_note : w->note;
    struct haq_capability *c = haq_capability_add(
        rows, a, w->ops, w->formats, in->activations, w->granularities);
    if (!c)
        return nomem(d);
    c->support = note || in->note ? HAQ_SUPPORT_EMULATED : HAQ_SUPPORT_NATIVE;
    c->kernel = (floats ? w->floats : w->codes)(in->kind, isa);
    c->group_of = w->group_of;
    c->one_group = w->one_group;
    c->note = note ? note : in->note;
    if (note && in->note)
        c->note = haq_arena_printf(a, "%s; %s", note, in->note);
    return note && in->note && !c->note ? nomem(d) : HAQ_OK;
}

haq_status haq_cpu_capabilities(struct haq_list *rows, struct haq_arena *a,
                                unsigned isa, struct haq_diag *d)
{
    static const struct {
        const char *ops;
        kernel_fn *kernel;
        const char *weights, *note;
    } floats[] = {{PRODUCTS, gemm_name, CODED, BECOME},
                  {"depthwise", dwconv_name, CODED, BECOME},
                  {PRODUCTS, gemm_name, "fp32", NULL},
                  {"depthwise", dwconv_name, "fp32", NULL}};
    haq_status s = HAQ_OK;

    for (size_t i = 0; s == HAQ_OK && i < N_WEIGHTS; i++)
        for (size_t k = 0; s == HAQ_OK && k < N_INPUTS; k++)
            s = add_quantized(rows, a, isa, &weights[i], &inputs[k], d);
    for (size_t i = 0; s == HAQ_OK && i < sizeof floats / sizeof *floats; i++) {
        struct haq_capability *c = haq_capability_add(
            rows, a, floats[i].ops, floats[i].weights, "fp32", "*");
        if (!c)
            return nomem(d);
        c->support = floats[i].note ? HAQ_SUPPORT_EMULATED : HAQ_SUPPORT_NATIVE;
        c->note = floats[i].note;
        c->kernel = floats[i].kernel(HAQ_GEMM_F32, isa);
    }
    return s;
}

const char *haq_cpu_arch(void)
{
#if defined __x86_64__
    return "x86_64";
#elif defined __aarch64__
    return "aarch64";
#else
    return "other";
#endif
}
