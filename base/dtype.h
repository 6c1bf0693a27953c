/* base/dtype.h - element types of arrays, as npz, ONNX and the runtime use
 * them.
 *
 * One row per type: name, bytes, ONNX TensorProto.data_type, NumPy kind and
 * size ("f4"), safetensors name.  Everything else is derived from the table.
 */
#ifndef HAQ_BASE_DTYPE_H
#define HAQ_BASE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HAQ_DTYPE_MAP(X)                                                       \
    X(F32, float32, 4, 1, "f4", "F32")                                         \
    X(F64, float64, 8, 11, "f8", "F64")                                        \
    X(F16, float16, 2, 10, "f2", "F16")                                        \
    X(U8, uint8, 1, 2, "u1", "U8")                                             \
    X(I8, int8, 1, 3, "i1", "I8")                                              \
    X(U16, uint16, 2, 4, "u2", "U16")                                          \
    X(I16, int16, 2, 5, "i2", "I16")                                           \
    X(U32, uint32, 4, 12, "u4", "U32")                                         \
    X(I32, int32, 4, 6, "i4", "I32")                                           \
    X(U64, uint64, 8, 13, "u8", "U64")                                         \
    X(I64, int64, 8, 7, "i8", "I64")                                           \
    X(BOOL, bool, 1, 9, "b1", "BOOL")

enum haq_dtype {
#define X(id, name, bytes, onnx, numpy, safetensors) HAQ_##id,
    HAQ_DTYPE_MAP(X)
#undef X
        HAQ_DTYPE_COUNT
};

struct haq_dtype_info {
    const char *name;
    size_t bytes;            /* of one element */
    int onnx;                /* TensorProto.data_type */
    const char *numpy;       /* kind and size without byte order */
    const char *safetensors; /* name in a safetensors header */
};

/* The row of `t`; never NULL for a valid enum value. */
const struct haq_dtype_info *haq_dtype_info(enum haq_dtype t);

/* Find a row; -1 when no type has that code. */
int haq_dtype_from_onnx(int code);
int haq_dtype_from_numpy(const char *kind_and_size);
int haq_dtype_from_safetensors(const char *name);

/* IEEE 754 binary16 <-> binary32; to f16 rounds half to even, overflow gives
 * infinity, as NumPy's astype does. */
float haq_f16_to_f32(uint16_t h);
uint16_t haq_f32_to_f16(float f);

/* One element as double / int64 whatever its type (index counts elements).
 * Reals are cut toward zero to int64, saturating; NaN gives 0. */
double haq_dtype_get(enum haq_dtype t, const void *data, size_t index);
int64_t haq_dtype_get_int(enum haq_dtype t, const void *data, size_t index);

/* Elements first .. first + count - 1 as float32, rounded to nearest.  dst is
 * [count]. */
void haq_dtype_to_f32(enum haq_dtype t, const void *data, size_t first,
                      size_t count, float *dst);

bool haq_dtype_is_real(enum haq_dtype t); /* a floating point type? */

#endif
