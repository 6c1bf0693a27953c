#include <math.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "kernels/dwconv.h"
#include "tests/kernels/selfcheck/selfcheck.h"

struct shape {
    const struct haq_dwconv_impl *row, *ref;
    size_t pixels, taps, channels;
};

static struct matrix run(struct selfcheck *s, const struct shape *p,
                         const struct haq_dwconv_impl *row,
                         const void *const *a, const void *w, size_t ldc)
{
    struct matrix acc = result(s, p->pixels, p->channels, ldc, 4);
    row->run(&(struct haq_dwconv_args){.a = a,
                                       .pixels = p->pixels,
                                       .taps = p->taps,
                                       .channels = p->channels,
                                       .w = w,
                                       .acc = acc.at,
                                       .ldc = ldc});
    return acc;
}

/* sum |a w|, of the float kinds */
static struct matrix magnitudes(struct selfcheck *s, const struct shape *p,
                                const void *const *a, const void *w)
{
    struct matrix size = result(s, p->pixels, p->channels, p->channels, 4);

    for (size_t i = 0; i < p->pixels; i++)
        for (size_t c = 0; c < p->channels; c++) {
            double sum = 0;
            for (size_t t = 0; t < p->taps; t++) {
                size_t at = t * p->channels + c;
                double weight = p->row->kind == HAQ_GEMM_F32
                                    ? (double)((const float *)w)[at]
                                    : ((const int8_t *)w)[at];
                sum += fabs(weight *
                            (double)((const float *)a[t * p->pixels + i])[c]);
            }
            ((float *)size.at)[i * p->channels + c] = (float)sum;
        }
    return size;
}

static void window(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    bool integer = p->row->kind == HAQ_GEMM_U8_S8;
    bool exact = integer || pick(s, 0, 3);
    size_t weights = p->taps * p->channels, count = p->pixels * p->taps;
    enum pattern pa = pick_pattern(s), pw = pick_pattern(s);
    const void **a = integer ? code_buffers(s, count, p->channels, 0, pa)
                             : float_buffers(s, count, p->channels, exact, pa);
    const void *w = p->row->kind == HAQ_GEMM_F32
                        ? (void *)whole_floats(s, weights, 128, pw)
                        : codes(s, weights, 0, S8_RANGE, pw);
    struct matrix want = run(s, p, p->ref, a, w, p->channels);
    struct matrix got = run(s, p, p->row, a, w, p->channels + pick(s, 0, 2));

    if (exact) {
        expect_bits(s, &got, &want);
        return;
    }
    struct matrix size = magnitudes(s, p, a, w);
    /* half an ulp is each result's own rounding */
    expect_near(s, &got, &want, &size, (double)p->row->bound + 1.2e-7);
}

void check_dwconv(struct selfcheck *s)
{
    size_t count;
    const struct haq_dwconv_impl *rows = haq_dwconv_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (!selfcheck_row(s, rows[i].name, rows[i].isa))
            continue;
        struct shape p = {.row = &rows[i]};
        p.ref = haq_dwconv_select(rows[i].kind, HAQ_ISA_NONE);
        for (p.channels = 1; p.channels <= 150; p.channels++) {
            p.pixels = pick(s, 1, 11);
            p.taps = pick(s, 1, 26);
            selfcheck_run(s, window, &p, "%zu pixels, %zu taps, %zu channels",
                          p.pixels, p.taps, p.channels);
        }
        selfcheck_done(s);
    }
}
