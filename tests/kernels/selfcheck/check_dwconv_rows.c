#include <stdlib.h>

#include "base/cpu.h"
#include "kernels/dwconv_rows.h"
#include "tests/kernels/selfcheck/selfcheck.h"

struct shape {
    const struct haq_dwconv_rows_impl *row, *ref;
    size_t channels, width, out_width, pad, rows;
};

struct operands {
    const void *w, *corr, *mult;
    struct haq_dwconv_rows_args args; /* but `out`, `packed`, `scratch` */
};

/* Multipliers that give codes in and beyond both ends; now and then one far
 * beyond what int32 holds. */
static struct operands operands(struct selfcheck *s, const struct shape *p)
{
    size_t taps = p->row->kernel * p->row->kernel;
    size_t in = (p->rows - 1) * p->row->stride + p->row->kernel;
    float *mult = floats(s, p->channels, 0.004f, pick_pattern(s));
    int32_t *corr =
        ints(s, p->channels, (struct range){-100000, 100000}, pick_pattern(s));
    const void **rows = code_buffers(s, in, p->width * p->channels,
                                     HAQ_DWCONV_ROWS_SLACK, pick_pattern(s));
    struct operands o = {
        .w = codes(s, taps * p->channels, 0, S8_RANGE, pick_pattern(s)),
        .corr = corr,
        .mult = mult,
        .args = {.in = (const uint8_t *const *)(const void *)rows,
                 .rows = p->rows,
                 .in_width = p->width,
                 .out_width = p->out_width,
                 .pad = p->pad,
                 .channels = p->channels,
                 .pad_code = (uint8_t)pick(s, 0, 255),
                 .zero = (int32_t)pick(s, 0, 255),
                 .qlo = (int32_t)pick(s, 0, 30),
                 .qhi = (int32_t)pick(s, 31, 255)}};

    if (!pick(s, 0, 7)) {
        mult[0] = 1e9f;
        corr[0] = INT32_MAX / 2;
    }
    return o;
}

/* out[i] becomes output row i, every channel of it. */
static void run(struct selfcheck *s, const struct haq_dwconv_rows_impl *row,
                const struct operands *o, struct matrix *out)
{
    struct haq_dwconv_rows_args a = o->args;
    void *packed =
        guard_alloc(&s->guard, haq_dwconv_rows_bytes(row, a.channels), 64);
    uint8_t **at = guard_alloc(&s->guard, a.rows * sizeof *at, sizeof(void *));
    size_t n = a.out_width * a.channels;

    for (size_t r = 0; r < a.rows; r++) {
        out[r] = result(s, 1, n, n, 1);
        at[r] = out[r].at;
    }
    row->pack(row, packed, o->w, o->corr, o->mult, a.channels);
    a.out = at;
    a.packed = packed;
    a.scratch = guard_alloc(&s->guard, HAQ_DWCONV_ROWS_SCRATCH, 64);
    for (; a.block < haq_dwconv_rows_blocks(row, a.channels); a.block++)
        row->run(&a);
}

static void layer(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    struct operands o = operands(s, p);
    struct matrix want[HAQ_DWCONV_ROWS_MAX], got[HAQ_DWCONV_ROWS_MAX];

    run(s, p->ref, &o, want);
    run(s, p->row, &o, got);
    for (size_t r = 0; r < p->rows; r++)
        expect_bits(s, &got[r], &want[r]);
}

void check_dwconv_rows(struct selfcheck *s)
{
    size_t count;
    const struct haq_dwconv_rows_impl *rows = haq_dwconv_rows_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (!selfcheck_row(s, rows[i].name, rows[i].isa))
            continue;
        struct shape p = {.row = &rows[i]};
        p.ref = haq_dwconv_rows_select(rows[i].kernel, rows[i].stride,
                                       HAQ_ISA_NONE);
        for (p.channels = 1; p.channels <= 140; p.channels += pick(s, 1, 3)) {
            p.width = pick(s, 1, 40);
            p.pad = pick(s, 0, rows[i].kernel - 1);
            p.rows = pick(s, 1, p.channels % 5 ? 4 : HAQ_DWCONV_ROWS_MAX);
            p.out_width = (p.width + p.pad) / rows[i].stride;
            p.out_width += p.out_width == 0;
            selfcheck_run(s, layer, &p,
                          "%zu channels, %zu of %zu columns, pad %zu, %zu rows",
                          p.channels, p.out_width, p.width, p.pad, p.rows);
        }
        selfcheck_done(s);
    }
}
