#include <stdlib.h>

#include "kernels/pool.h"
#include "tests/kernels/selfcheck/selfcheck.h"

enum which { MAX_F32, MAX_U8, AVG_F32, AVG_U8, AVG_U8_F32, WHICH };

static const struct {
    const char *name;
    size_t in, out; /* bytes of an element */
} function[WHICH] = {{"max_f32", 4, 4},
                     {"max_u8", 1, 1},
                     {"avg_f32", 4, 4},
                     {"avg_u8", 1, 1},
                     {"avg_u8_f32", 1, 4}};

/* A function more in the set needs a line more above. */
_Static_assert(sizeof(struct haq_pool_impl) ==
                   offsetof(struct haq_pool_impl, max_f32) +
                       WHICH * sizeof(haq_pool_kernel_fn *),
               "every function of a set is checked");

struct shape {
    const struct haq_pool_impl *row, *ref;
    enum which which;
    size_t pixels, taps, channels;
};

static haq_pool_kernel_fn *of(const struct haq_pool_impl *set, enum which k)
{
    haq_pool_kernel_fn *const all[WHICH] = {
        set->max_f32, set->max_u8, set->avg_f32, set->avg_u8, set->avg_u8_f32};
    return all[k];
}

static void window(struct selfcheck *s, const void *arg)
{
    const struct shape *p = arg;
    size_t out = function[p->which].out, ldy = p->channels + pick(s, 0, 2);
    size_t taps = p->pixels * p->taps;
    enum pattern pattern = pick_pattern(s);
    const void **a = function[p->which].in == 1
                         ? code_buffers(s, taps, p->channels, 0, pattern)
                         : float_buffers(s, taps, p->channels, false, pattern);
    struct matrix want = result(s, p->pixels, p->channels, ldy, out);
    struct matrix got = result(s, p->pixels, p->channels, ldy, out);
    struct haq_pool_args args = {
        .a = a,
        .pixels = p->pixels,
        .taps = p->taps,
        .channels = p->channels,
        .y = want.at,
        .ldy = ldy,
        .fixed_count = pick(s, 0, 1) ? p->taps : 0,
        .s_x = 0.013f,
        .z_x = (int32_t)pick(s, 0, 255),
        .s_y = 0.011f,
        .z_y = (int32_t)pick(s, 0, 255),
        .qlo = (int32_t)pick(s, 0, 1),
        .qhi = pick(s, 0, 1) ? 255 : 240,
    };

    for (size_t i = p->pixels; i < taps; i++)
        if (pick(s, 0, 4) == 0)
            a[i] = NULL; /* outside */
    of(p->ref, p->which)(&args);
    args.y = got.at;
    of(p->row, p->which)(&args);
    expect_bits(s, &got, &want);
}

void check_pool(struct selfcheck *s)
{
    size_t count;
    const struct haq_pool_impl *sets = haq_pool_impls(&count);

    for (size_t i = 0; i < count; i++) {
        if (!selfcheck_row(s, sets[i].name, sets[i].isa))
            continue;
        struct shape p = {.row = &sets[i], .ref = &sets[0]};
        for (int k = 0; k < WHICH; k++)
            for (p.channels = 1; p.channels < 300;
                 p.channels += pick(s, 1, 5)) {
                p.which = (enum which)k;
                p.pixels = pick(s, 1, 6);
                p.taps = pick(s, 1, 20);
                selfcheck_run(s, window, &p,
                              "%s of %zu pixels, %zu taps, %zu channels",
                              function[k].name, p.pixels, p.taps, p.channels);
            }
        selfcheck_done(s);
    }
}
