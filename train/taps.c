#include "train/taps.h"

static int32_t tap_of(const struct haq_geometry *g, size_t pixel, size_t k)
{
    size_t x = pixel % g->ow, y = pixel / g->ow % g->oh;
    size_t image = pixel / g->ow / g->oh;
    size_t iy = y * g->stride[0] + k / g->kernel[1] * g->dilation[0];
    size_t ix = x * g->stride[1] + k % g->kernel[1] * g->dilation[1];
    iy -= g->pad[0]; /* wraps to a huge number outside on the left */
    ix -= g->pad[1];
    return iy < g->h && ix < g->w ? (int32_t)((image * g->h + iy) * g->w + ix)
                                  : -1;
}

const int32_t *haq_train_taps(struct haq_net *net, const struct haq_geometry *g)
{
    int32_t *tap =
        haq_arena_array(&net->arena, g->pixels * g->taps + 1, sizeof *tap);
    for (size_t p = 0; tap && p < g->pixels; p++)
        for (size_t k = 0; k < g->taps; k++)
            tap[p * g->taps + k] = tap_of(g, p, k);
    return tap;
}
