#include "quant/calib.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNED_TO_CONTAINER = 128 };

void haq_calib_fini(struct haq_calib *c)
{
    haq_arena_fini(&c->arena);
    *c = (struct haq_calib){0};
}

const struct haq_tensor_stats *haq_calib_find(const struct haq_calib *c,
                                              const char *tensor)
{
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->tensor[i].tensor, tensor))
            return &c->tensor[i];
    return NULL;
}

static struct haq_act_params params_signed(int bits, double lo, double hi)
{
    int qmax = (1 << (bits - 1)) - 1;
    float scale = (float)(fmax(hi, -lo) / qmax);
    return (struct haq_act_params){
        .scale = scale < FLT_MIN ? 1.0f : scale,
        .zero = SIGNED_TO_CONTAINER,
        .qlo = SIGNED_TO_CONTAINER - qmax,
        .qhi = SIGNED_TO_CONTAINER + qmax,
    };
}

static struct haq_act_params params_unsigned(int bits, double lo, double hi)
{
    int qmax = (1 << bits) - 1;
    struct haq_act_params p = {.qlo = 0, .qhi = qmax};
    p.scale = (float)((hi - lo) / qmax);
    if (p.scale < FLT_MIN)
        p.scale = 1.0f;
    double zero = nearbyint(-lo / (double)p.scale);
    p.zero = (int32_t)fmin(fmax(zero, 0), qmax);
    return p;
}

struct haq_act_params haq_act_params_from_range(const struct haq_act_spec *spec,
                                                float lo, float hi)
{
    assert(spec->format->integer && lo <= hi);
    double low = fmin((double)lo, 0), high = fmax((double)hi, 0);
    int bits = spec->format->bits;
    return spec->format->is_signed ? params_signed(bits, low, high)
                                   : params_unsigned(bits, low, high);
}
