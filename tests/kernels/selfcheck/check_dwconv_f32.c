#include <math.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "kernels/dwconv_f32.h"
#include "tests/kernels/selfcheck/selfcheck.h"

struct shape {
    const struct haq_dwconv_f32_impl *row, *ref;
    struct haq_dwconv_f32_args args; /* sizes only */
};

struct operands {
    const float *w, *mult, *bias;
    struct haq_dwconv_f32_args args; /* but `out` and `packed` */
};

/* Now and then a row of the image is outside. */
static struct operands operands(struct selfcheck *s, const struct shape *p,
                                bool exact)
{
    const struct haq_dwconv_f32_args *a = &p->args;
    size_t taps = a->kernel[0] * a->kernel[1], rows = a->rows * a->kernel[0];
    const void **in = float_buffers(s, rows, a->in_width * a->channels, exact,
                                    pick_pattern(s));
    struct operands o = {
        .w = whole_floats(s, taps * a->channels, 128, pick_pattern(s)),
        .mult =
            pick(s, 0, 1) ? floats(s, a->channels, 2, pick_pattern(s)) : NULL,
        .bias =
            pick(s, 0, 1) ? floats(s, a->channels, 100, pick_pattern(s)) : NULL,
        .args = *a};
    for (size_t i = 0; i < rows; i++)
        if (!pick(s, 0, 7))
            in[i] = NULL;
    o.args.in = (const float *const *)(const void *)in;
    o.args.lo = pick(s, 0, 1) ? 0 : -INFINITY;
    o.args.hi = pick(s, 0, 1) ? 6 : INFINITY;
    return o;
}

/* out[i] becomes output row i, every channel of it. */
static void run(struct selfcheck *s, const struct haq_dwconv_f32_impl *row,
                const struct operands *o, struct matrix *out)
{
    struct haq_dwconv_f32_args a = o->args;
    size_t taps = a.kernel[0] * a.kernel[1];
    size_t bytes = haq_dwconv_f32_packed(row, taps, a.channels) * sizeof(float);
    float *packed = guard_alloc(&s->guard, bytes, 64);
    float **at = guard_alloc(&s->guard, a.rows * sizeof *at, sizeof(void *));

    for (size_t r = 0; r < a.rows; r++) {
        out[r] = result(s, a.out_width, a.channels, a.channels, 4);
        at[r] = out[r].at;
    }
    haq_dwconv_f32_pack(row, packed, o->w, o->mult, o->bias, taps, a.channels);
    a.out = at;
    a.packed = packed;
    for (; a.block < haq_dwconv_f32_blocks(row, a.channels); a.block++)
        row->run(&a);
}

/* What a result's error is measured by: |mult| sum |a w| + |bias|, i.e. the
 * layer of magnitudes. */
static void magnitudes(struct selfcheck *s, const struct shape *p,
                       const struct operands *o, struct matrix *size)
{
    struct operands m = *o;
    size_t n = p->args.channels, taps = m.args.kernel[0] * m.args.kernel[1];
    size_t rows = m.args.rows * m.args.kernel[0];
    const void **in = float_buffers(s, rows, m.args.in_width * n, true, RANDOM);
    float *w = floats(s, n * taps, 1, RANDOM), *mult = floats(s, n, 1, RANDOM),
          *bias = floats(s, n, 1, RANDOM);

    for (size_t i = 0; i < n * taps; i++)
        w[i] = fabsf(o->w[i]);
    for (size_t i = 0; i < n; i++) {
        mult[i] = o->mult ? fabsf(o->mult[i]) : 1;
        bias[i] = o->bias ? fabsf(o->bias[i]) : 0;
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < m.args.in_width * n && o->args.in[i]; k++)
            ((float *)(uintptr_t)in[i])[k] = fabsf(o->args.in[i][k]);
    for (size_t i = 0; i < rows; i++)
        if (!o->args.in[i])
            in[i] = NULL;
    m.args.in = (const float *const *)(const void *)in;
    m.args.lo = 0;
    m.args.hi = INFINITY;
    m.w = w;
    m.mult = mult;
    m.bias = bias;
    run(s, p->ref, &m, size);
}

static void layer(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    bool exact = pick(s, 0, 1);
    struct operands o = operands(s, p, exact);
    struct matrix want[8], got[8], size[8];

    run(s, p->ref, &o, want);
    run(s, p->row, &o, got);
    if (!exact)
        magnitudes(s, p, &o, size);
    for (size_t r = 0; r < p->args.rows; r++) {
        if (exact)
            expect_bits(s, &got[r], &want[r]);
        else /* half an ulp is each result's own rounding */
            expect_near(s, &got[r], &want[r], &size[r],
                        (double)p->row->bound + 1.8e-7);
    }
}

/* Windows of 1 to 7 columns at strides and dilations, images narrower than a
 * window among them. */
static struct haq_dwconv_f32_args sizes(struct selfcheck *s, size_t channels)
{
    struct haq_dwconv_f32_args a = {
        .rows = pick(s, 1, 4),
        .in_width = pick(s, 1, 48),
        .kernel = {pick(s, 1, 5),
                   channels % 3 ? 3 + channels % 2 * 2 : pick(s, 1, 7)},
        .stride = pick(s, 1, 3),
        .dilation = channels % 4 ? 1 : pick(s, 1, 3),
        .channels = channels};
    a.pad = pick(s, 0, (a.kernel[1] - 1) * a.dilation);
    a.out_width = (a.in_width + a.pad) / a.stride;
    a.out_width += a.out_width == 0;
    return a;
}

void check_dwconv_f32(struct selfcheck *s)
{
    size_t count;
    const struct haq_dwconv_f32_impl *rows = haq_dwconv_f32_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (!selfcheck_row(s, rows[i].name, rows[i].isa))
            continue;
        struct shape p = {.row = &rows[i],
                          .ref = haq_dwconv_f32_select(HAQ_ISA_NONE)};
        for (size_t c = 1; c <= 150; c += pick(s, 1, 3)) {
            p.args = sizes(s, c);
            const struct haq_dwconv_f32_args *a = &p.args;
            selfcheck_run(s, layer, &p,
                          "%zu channels, %zux%zu stride %zu dilation %zu, %zu "
                          "of %zu columns, pad %zu",
                          c, a->kernel[0], a->kernel[1], a->stride, a->dilation,
                          a->out_width, a->in_width, a->pad);
        }
        selfcheck_done(s);
    }
}
