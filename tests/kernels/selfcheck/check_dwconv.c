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
                         const void *const *a, const int8_t *w, size_t ldc)
{
    struct matrix acc = result(s, p->pixels, p->channels, ldc, 4);
    row->run(&(struct haq_dwconv_args){.a = (const uint8_t *const *)a,
                                       .pixels = p->pixels,
                                       .taps = p->taps,
                                       .channels = p->channels,
                                       .w = w,
                                       .acc = acc.at,
                                       .ldc = ldc});
    return acc;
}

static void window(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    const void **a =
        code_buffers(s, p->pixels * p->taps, p->channels, 0, pick_pattern(s));
    const int8_t *w =
        codes(s, p->taps * p->channels, 0, S8_RANGE, pick_pattern(s));
    struct matrix want = run(s, p, p->ref, a, w, p->channels);
    struct matrix got = run(s, p, p->row, a, w, p->channels + pick(s, 0, 2));
    expect_bits(s, &got, &want);
}

void check_dwconv(struct selfcheck *s)
{
    size_t count;
    const struct haq_dwconv_impl *rows = haq_dwconv_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (!selfcheck_row(s, rows[i].name, rows[i].isa))
            continue;
        struct shape p = {.row = &rows[i]};
        p.ref = haq_dwconv_select(HAQ_ISA_NONE);
        for (p.channels = 1; p.channels <= 150; p.channels++) {
            p.pixels = pick(s, 1, 11);
            p.taps = pick(s, 1, 26);
            selfcheck_run(s, window, &p, "%zu pixels, %zu taps, %zu channels",
                          p.pixels, p.taps, p.channels);
        }
        selfcheck_done(s);
    }
}
