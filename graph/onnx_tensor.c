#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/onnx_file_priv.h"

int haq_onnx_dtype(int code)
{
    int t = haq_dtype_from_onnx(code);

    return t == HAQ_F16 || t == HAQ_F64 ? HAQ_F32 : t;
}

/* Length of the UTF-8 sequence at s, 0 when it is none (RFC 3629). */
static size_t utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xc2 && s[0] < 0xe0   ? 2
               : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

bool haq_onnx_name_ok(const char *name)
{
    const unsigned char *s = (const unsigned char *)name;
    size_t used = 0;

    while (s[used]) {
        size_t n =
            s[used] < 0x20 || s[used] == 0x7f ? 0 : utf8_length(s + used);
        if (!n)
            return false;
        used += n;
    }
    return used >= 1 && used <= 1000;
}

haq_status haq_onnx_check_finite(const char *name, const float *x, size_t n,
                                 bool infinite_too, struct haq_diag *d)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(x[i]) || (infinite_too && isinf(x[i])))
            return haq_fail(d, HAQ_INVALID,
                            "tensor '%.120s': element %zu is %s", name, i,
                            isnan(x[i]) ? "NaN" : "infinite");
    return HAQ_OK;
}

/* Where a tensor's elements are: bytes as in raw_data, or a typed field. */
struct source {
    const void *data;
    size_t size;   /* bytes of one element there */
    size_t count;  /* elements there */
    bool narrowed; /* int32 entries that hold a smaller type */
};

static bool parse_size(const char *text, size_t *out)
{
    char *end;

    if (!text || *text < '0' || *text > '9')
        return false;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    *out = (size_t)v;
    return !errno && !*end;
}

static haq_status external_source(struct source *src,
                                  const struct haq_onnx_file *f,
                                  const Onnx__TensorProto *t, const char *name,
                                  size_t bytes, struct haq_diag *d)
{
    const struct haq_onnx_external *file = NULL;
    const char *location = NULL;
    size_t offset = 0, length = bytes;
    bool ok = true;

    for (size_t i = 0; i < t->n_external_data; i++) {
        const Onnx__StringStringEntryProto *e = t->external_data[i];
        if (!e->key || !e->value)
            ok = false;
        else if (!strcmp(e->key, "location"))
            location = e->value;
        else if (!strcmp(e->key, "offset"))
            ok = ok && parse_size(e->value, &offset);
        else if (!strcmp(e->key, "length"))
            ok = ok && parse_size(e->value, &length);
    }
    for (size_t i = 0; i < f->n_external && location; i++)
        if (!strcmp(f->external[i].location, location))
            file = &f->external[i];
    if (!ok || !file || length != bytes || offset > file->len ||
        length > file->len - offset)
        return haq_fail(d, HAQ_FORMAT,
                        "tensor '%.120s': external data of %zu bytes at %zu "
                        "does not match its shape and file",
                        name, length, offset);
    src->data = (const char *)file->data + offset;
    src->count = bytes / src->size;
    return HAQ_OK;
}

static void typed_source(struct source *src, enum haq_dtype t,
                         const Onnx__TensorProto *p)
{
    if (t == HAQ_F32) {
        *src = (struct source){p->float_data, 4, p->n_float_data, false};
    } else if (t == HAQ_F64) {
        *src = (struct source){p->double_data, 8, p->n_double_data, false};
    } else if (t == HAQ_I64) {
        *src = (struct source){p->int64_data, 8, p->n_int64_data, false};
    } else if (t == HAQ_U64) {
        *src = (struct source){p->uint64_data, 8, p->n_uint64_data, false};
    } else if (t == HAQ_U32) {
        *src = (struct source){p->uint64_data, 8, p->n_uint64_data, true};
    } else {
        *src = (struct source){p->int32_data, 4, p->n_int32_data, t != HAQ_I32};
    }
}

static haq_status find_source(struct source *src, const struct haq_onnx_file *f,
                              const Onnx__TensorProto *t, const char *name,
                              enum haq_dtype dtype, size_t count,
                              struct haq_diag *d)
{
    *src = (struct source){.size = haq_dtype_info(dtype)->bytes};
    if (t->data_location == 1)
        return external_source(src, f, t, name, count * src->size, d);
    if (t->has_raw_data) {
        src->data = t->raw_data.data;
        src->count = t->raw_data.len / src->size;
        if (t->raw_data.len % src->size)
            src->count = SIZE_MAX;
    } else {
        typed_source(src, dtype, t);
    }
    if (src->count != count)
        return haq_fail(d, HAQ_FORMAT,
                        "tensor '%.120s': its shape has %zu elements, its data "
                        "another number",
                        name, count);
    return HAQ_OK;
}

/* Little-endian low parts of wider entries, and booleans that are 0 or 1. */
static void copy_plain(void *dst, const struct source *src, enum haq_dtype t,
                       size_t count)
{
    size_t size = haq_dtype_info(t)->bytes;

    if (!count)
        return;
    if (!src->narrowed)
        memcpy(dst, src->data, count * size);
    for (size_t i = 0; src->narrowed && i < count; i++)
        memcpy((char *)dst + i * size, (const char *)src->data + i * src->size,
               size);
    for (size_t i = 0; t == HAQ_BOOL && i < count; i++)
        ((uint8_t *)dst)[i] = ((uint8_t *)dst)[i] != 0;
}

static void copy_float(float *dst, const struct source *src, enum haq_dtype t,
                       size_t count)
{
    const char *p = src->data;

    for (size_t i = 0; i < count; i++, p += src->size) {
        uint16_t half;
        double wide;
        if (t == HAQ_F16) {
            memcpy(&half, p, sizeof half);
            dst[i] = haq_f16_to_f32(half);
        } else {
            memcpy(&wide, p, sizeof wide);
            dst[i] = (float)wide;
        }
    }
}

haq_status haq_onnx_tensor_read(struct haq_onnx_tensor *out,
                                const struct haq_onnx_file *f,
                                const Onnx__TensorProto *t, const char *name,
                                struct haq_arena *a, struct haq_diag *d)
{
    int file_type = haq_dtype_from_onnx(t->data_type);
    struct source src;
    haq_status s;

    memset(out, 0, sizeof *out);
    if (file_type < 0)
        return haq_fail(d, HAQ_UNSUPPORTED,
                        "tensor '%.120s': ONNX element type %d", name,
                        t->data_type);
    if (t->n_dims > HAQ_MAX_RANK)
        return haq_fail(d, HAQ_UNSUPPORTED, "tensor '%.120s': %zu axes", name,
                        t->n_dims);
    out->dtype = (enum haq_dtype)haq_onnx_dtype(t->data_type);
    out->shape.rank = (int)t->n_dims;
    for (size_t i = 0; i < t->n_dims; i++)
        out->shape.dims[i] = t->dims[i];
    if (!haq_shape_count(&out->shape, &out->count))
        return haq_fail(d, HAQ_FORMAT, "tensor '%.120s': impossible shape",
                        name);
    s = find_source(&src, f, t, name, (enum haq_dtype)file_type, out->count, d);
    if (s)
        return s;
    out->data =
        haq_arena_array(a, out->count, haq_dtype_info(out->dtype)->bytes);
    if (!out->data)
        return haq_fail(d, HAQ_NOMEM, "tensor '%.120s'", name);
    if (file_type == (int)out->dtype)
        copy_plain(out->data, &src, out->dtype, out->count);
    else
        copy_float(out->data, &src, (enum haq_dtype)file_type, out->count);
    if (out->dtype == HAQ_F32)
        s = haq_onnx_check_finite(name, out->data, out->count, false, d);
    return s;
}
