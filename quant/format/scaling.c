#include "quant/format/scaling.h"

#include <float.h>
#include <math.h>

#include "quant/format/levels.h"
#include "quant/format/minifloat.h"

/* ---- none -----------------------------------------------------------------
 */

static void store_none(float *scale, size_t n)
{
    for (size_t i = 0; i < n; i++)
        scale[i] = 1;
}

static size_t bytes_none(size_t n)
{
    (void)n;
    return 0;
}

const struct haq_scaling haq_scaling_none = {store_none, bytes_none};

/* ---- E8M0 -----------------------------------------------------------------
 */

enum { E8M0_LEAST = -127 };

static void store_e8m0(float *scale, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int e = scale[i] > 0 ? ilogbf(scale[i]) : E8M0_LEAST;
        scale[i] = ldexpf(1, e < E8M0_LEAST ? E8M0_LEAST : e);
    }
}

static size_t bytes_e8m0(size_t n)
{
    return n;
}

const struct haq_scaling haq_scaling_e8m0 = {store_e8m0, bytes_e8m0};

/* ---- NVFP4 ----------------------------------------------------------------
 */

static float largest(const float *x, size_t n)
{
    float top = 0;
    for (size_t i = 0; i < n; i++)
        top = fmaxf(top, x[i]);
    return top;
}

/* A block scale of 0 would have nothing to divide by; 1/8 stands for it, as in
 * compressed-tensors. */
static const float NVFP4_ZERO = 0.125f;

static void store_nvfp4(float *scale, size_t n)
{
    const struct haq_minifloat *m = &haq_minifloat_e4m3;
    float tensor = largest(scale, n) / m->largest;
    if (tensor < FLT_MIN)
        tensor = 1;
    for (size_t i = 0; i < n; i++) {
        unsigned code = haq_minifloat_encode(m, scale[i] / tensor);
        float block = haq_minifloat_decode(m, code);
        scale[i] = fmaxf((block > 0 ? block : NVFP4_ZERO) * tensor, FLT_MIN);
    }
}

static size_t bytes_nvfp4(size_t n)
{
    return n + sizeof(float);
}

const struct haq_scaling haq_scaling_nvfp4 = {store_nvfp4, bytes_nvfp4};

/* ---- double quantization --------------------------------------------------
 */

enum { SHARED = 256, DECADES = 7, DYNAMIC = 256 };

/* bitsandbytes' create_dynamic_map: 2^i numbers in the decade that ends with
 * 10^(i - 6), in the middle of equal parts; both signs, 0 and 1. */
static void dynamic_levels(float level[DYNAMIC])
{
    float *up = level + DYNAMIC / 2, *down = level + DYNAMIC / 2 - 2;
    level[DYNAMIC / 2 - 1] = 0;
    for (int i = 0; i < DECADES; i++) {
        double parts = 1 << i, decade = pow(10, i - DECADES + 1);
        for (int k = 0; k < 1 << i; k++) {
            *up = (float)((0.1 + 0.9 * (k + 0.5) / parts) * decade);
            *down-- = -*up++;
        }
    }
    *up = 1;
}

static float mean_of(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i];
    return n ? (float)(sum / (double)n) : 0;
}

static void store_shared(float *scale, size_t n, float mean,
                         const struct haq_levels *l)
{
    float most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmaxf(most, fabsf(scale[i] - mean));
    for (size_t i = 0; i < n; i++) {
        float share = most > 0 ? (scale[i] - mean) / most : 0;
        float back = l->at[haq_levels_nearest(l, share)] * most + mean;
        scale[i] = fmaxf(back, FLT_MIN);
    }
}

static void store_double(float *scale, size_t n)
{
    float level[DYNAMIC];
    const struct haq_levels l = {DYNAMIC, level};
    dynamic_levels(level);
    float mean = mean_of(scale, n);
    for (size_t at = 0; at < n; at += SHARED)
        store_shared(scale + at, n - at < SHARED ? n - at : SHARED, mean, &l);
}

static size_t bytes_double(size_t n)
{
    return n + (n + SHARED - 1) / SHARED * sizeof(float) + sizeof(float);
}

const struct haq_scaling haq_scaling_double = {store_double, bytes_double};
