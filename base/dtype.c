#include "base/dtype.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const struct haq_dtype_info rows[] = {
#define X(id, name, bytes, onnx, numpy, safetensors)                           \
    [HAQ_##id] = {#name, bytes, onnx, numpy, safetensors},
    HAQ_DTYPE_MAP(X)
#undef X
};

const struct haq_dtype_info *haq_dtype_info(enum haq_dtype t)
{
    assert((unsigned)t < HAQ_DTYPE_COUNT);
    return &rows[t];
}

int haq_dtype_from_onnx(int code)
{
    for (int t = 0; t < HAQ_DTYPE_COUNT; t++)
        if (rows[t].onnx == code)
            return t;
    return -1;
}

int haq_dtype_from_numpy(const char *kind_and_size)
{
    for (int t = 0; t < HAQ_DTYPE_COUNT; t++)
        if (!strcmp(rows[t].numpy, kind_and_size))
            return t;
    return -1;
}

int haq_dtype_from_safetensors(const char *name)
{
    for (int t = 0; t < HAQ_DTYPE_COUNT; t++)
        if (!strcmp(rows[t].safetensors, name))
            return t;
    return -1;
}

float haq_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t exponent = h >> 10 & 31, mantissa = h & 0x3ff, bits;

    if (exponent == 0) {
        float value = ldexpf((float)mantissa, -24);
        return sign ? -value : value;
    }
    bits = exponent == 31 ? 0x7f800000u : (exponent + 112) << 23;
    bits |= sign | mantissa << 13;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* v / 2^shift rounded half to even; 1 <= shift <= 31. */
static uint32_t shift_half_even(uint32_t v, unsigned shift)
{
    uint32_t half = 1u << (shift - 1);
    return (v + half - 1 + (v >> shift & 1)) >> shift;
}

uint16_t haq_f32_to_f16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff, h;

    if (magnitude > 0x7f800000) {
        h = 0x7c00 | (magnitude >> 13 & 0x3ff);
        h |= h == 0x7c00; /* a payload in the low bits must not vanish */
    } else if (magnitude >= 0x47800000) {
        h = 0x7c00;
    } else if (magnitude >= 0x38800000) {
        /* Rounding up may carry into the exponent and reach infinity: that is
         * the right result. */
        h = shift_half_even(magnitude - 0x38000000, 13);
    } else if (magnitude >= 0x33000000) {
        uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
        h = shift_half_even(mantissa, 126 - (magnitude >> 23));
    } else {
        h = 0;
    }
    return (uint16_t)(sign | h);
}

/* Element `i` of type `id`, whose bytes are a C `type`, is `value`. */
#define CONVERTERS(id, type, value)                                            \
    static double real_##id(const void *data, size_t i)                        \
    {                                                                          \
        const type *x = data;                                                  \
        return (double)(value);                                                \
    }                                                                          \
    static void to_f32_##id(const void *data, size_t first, size_t count,      \
                            float *dst)                                        \
    {                                                                          \
        const type *x = data;                                                  \
        for (size_t i = first; i < first + count; i++)                         \
            dst[i - first] = (float)(value);                                   \
    }
CONVERTERS(F32, float, x[i])
CONVERTERS(F64, double, x[i])
CONVERTERS(F16, uint16_t, haq_f16_to_f32(x[i]))
CONVERTERS(U8, uint8_t, x[i])
CONVERTERS(I8, int8_t, x[i])
CONVERTERS(U16, uint16_t, x[i])
CONVERTERS(I16, int16_t, x[i])
CONVERTERS(U32, uint32_t, x[i])
CONVERTERS(I32, int32_t, x[i])
CONVERTERS(U64, uint64_t, x[i])
CONVERTERS(I64, int64_t, x[i])
CONVERTERS(BOOL, uint8_t, x[i] != 0)
#undef CONVERTERS

double haq_dtype_get(enum haq_dtype t, const void *data, size_t index)
{
    static double (*const get[])(const void *, size_t) = {
#define X(id, name, bytes, onnx, numpy, safetensors) [HAQ_##id] = real_##id,
        HAQ_DTYPE_MAP(X)
#undef X
    };
    assert((unsigned)t < HAQ_DTYPE_COUNT);
    return get[t](data, index);
}

int64_t haq_dtype_get_int(enum haq_dtype t, const void *data, size_t index)
{
    /* Only these two hold integers that a double cannot. */
    if (t == HAQ_I64)
        return ((const int64_t *)data)[index];
    if (t == HAQ_U64) {
        uint64_t v = ((const uint64_t *)data)[index];
        return v > INT64_MAX ? INT64_MAX : (int64_t)v;
    }
    double v = haq_dtype_get(t, data, index);
    if (isnan(v))
        return 0;
    if (v >= 0x1p63)
        return INT64_MAX;
    return v < -0x1p63 ? INT64_MIN : (int64_t)v;
}

void haq_dtype_to_f32(enum haq_dtype t, const void *data, size_t first,
                      size_t count, float *dst)
{
    static void (*const to_f32[])(const void *, size_t, size_t, float *) = {
#define X(id, name, bytes, onnx, numpy, safetensors) [HAQ_##id] = to_f32_##id,
        HAQ_DTYPE_MAP(X)
#undef X
    };
    assert((unsigned)t < HAQ_DTYPE_COUNT);
    to_f32[t](data, first, count, dst);
}

bool haq_dtype_is_real(enum haq_dtype t)
{
    return haq_dtype_info(t)->numpy[0] == 'f';
}
