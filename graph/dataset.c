#include "graph/dataset.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/rng.h"

enum { ORDER_SEED = 0x68617166 };

void haq_dataset_fini(struct haq_dataset *s)
{
    haq_array_fini(&s->x);
    haq_array_fini(&s->y);
    haq_array_fini(&s->group);
    free(s->scale);
    free(s->bias);
    *s = (struct haq_dataset){0};
}

static size_t channels_of(const struct haq_dataset *s)
{
    return s->x.rank > 1 ? (size_t)s->x.dims[1] : 1;
}

/* n copies of `from` (or of its only value, or of `neutral` without it). */
static float *spread(const float *from, size_t count, size_t n, float neutral)
{
    float *to = calloc(n, sizeof *to);
    for (size_t i = 0; to && i < n; i++)
        to[i] = !from ? neutral : from[count == 1 ? 0 : i];
    return to;
}

static haq_status check_factors(const struct haq_dataset *s, const char *name,
                                const float *values, size_t n,
                                struct haq_diag *d)
{
    size_t channels = channels_of(s);
    if (n != 1 && n != channels)
        return haq_fail(d, HAQ_INVALID,
                        "%s has %zu values, 1 or %zu are needed (one per "
                        "channel)",
                        name, n, channels);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return haq_fail(d, HAQ_INVALID, "%s: value %zu is not finite", name,
                            i);
    return HAQ_OK;
}

static haq_status set_factors(struct haq_dataset *s, const float *scale,
                              size_t n_scale, const float *bias, size_t n_bias,
                              struct haq_diag *d)
{
    haq_status status = HAQ_OK;
    size_t n = n_scale > n_bias ? n_scale : n_bias;

    if (scale)
        status = check_factors(s, "x_scale", scale, n_scale, d);
    if (!status && bias)
        status = check_factors(s, "x_bias", bias, n_bias, d);
    if (status || n == 0)
        return status;
    float *new_scale = spread(scale, n_scale, n, 1);
    float *new_bias = spread(bias, n_bias, n, 0);
    if (!new_scale || !new_bias) {
        free(new_scale);
        free(new_bias);
        return haq_fail(d, HAQ_NOMEM, "normalization: out of memory");
    }
    free(s->scale);
    free(s->bias);
    s->scale = new_scale;
    s->bias = new_bias;
    s->n_channels = n;
    return HAQ_OK;
}

haq_status haq_dataset_normalize(struct haq_dataset *s, const float *scale,
                                 const float *bias, size_t n,
                                 struct haq_diag *d)
{
    return set_factors(s, scale, scale ? n : 0, bias, bias ? n : 0, d);
}

static haq_status read_optional(struct haq_npz *z, const char *key,
                                struct haq_array *out, struct haq_diag *d)
{
    return haq_npz_has(z, key) ? haq_npz_read(z, key, out, d) : HAQ_OK;
}

/* A small array as floats; NULL without one or without memory. */
static float *as_floats(const struct haq_array *a)
{
    float *f = a->count ? calloc(a->count, sizeof *f) : NULL;
    if (f)
        haq_dtype_to_f32(a->dtype, a->data, 0, a->count, f);
    return f;
}

static haq_status load_npz(struct haq_dataset *s, const char *path,
                           struct haq_array *scale, struct haq_array *bias,
                           struct haq_diag *d)
{
    struct haq_npz *z = NULL;
    haq_status status = haq_npz_open(&z, path, d);
    if (!status)
        status = haq_npz_read(z, "x", &s->x, d);
    if (!status)
        status = read_optional(z, "y", &s->y, d);
    if (!status)
        status = read_optional(z, "group", &s->group, d);
    if (!status)
        status = read_optional(z, "x_scale", scale, d);
    if (!status)
        status = read_optional(z, "x_bias", bias, d);
    if (!status)
        status = haq_hash_file(s->hash, path, d);
    haq_npz_close(z);
    return status;
}

/* "x.npy,y.npy" or "x.npy". */
static haq_status load_npy(struct haq_dataset *s, const char *path,
                           struct haq_diag *d)
{
    char hashes[2 * HAQ_HASH_HEX];
    const char *comma = strchr(path, ',');
    size_t len = comma ? (size_t)(comma - path) : strlen(path);
    char *first = strndup(path, len);

    if (!first)
        return haq_fail(d, HAQ_NOMEM, "%s: out of memory", path);
    haq_status status = haq_npy_read(first, &s->x, d);
    if (!status)
        status = haq_hash_file(s->hash, first, d);
    free(first);
    if (status || !comma)
        return status;
    status = haq_npy_read(comma + 1, &s->y, d);
    if (status)
        return status;
    memcpy(hashes, s->hash, HAQ_HASH_HEX);
    status = haq_hash_file(hashes + HAQ_HASH_HEX - 1, comma + 1, d);
    haq_hash(s->hash, hashes, strlen(hashes));
    return status;
}

static bool is_npy(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && !strcmp(path + n - 4, ".npy");
}

static haq_status check_finite(const struct haq_dataset *s, struct haq_diag *d)
{
    if (!haq_dtype_is_real(s->x.dtype))
        return HAQ_OK;
    for (size_t i = 0; i < s->x.count; i++)
        if (!isfinite(haq_dtype_get(s->x.dtype, s->x.data, i)))
            return haq_fail(d, HAQ_INVALID,
                            "sample %zu of x holds a value that is not finite",
                            i / s->sample_count);
    return HAQ_OK;
}

/* `a` has one row for each sample? */
static haq_status check_rows(const struct haq_dataset *s, const char *name,
                             const struct haq_array *a, struct haq_diag *d)
{
    if (!a->data || (a->rank && a->count && (size_t)a->dims[0] == s->n))
        return HAQ_OK;
    return haq_fail(d, HAQ_INVALID, "%s has %lld rows for %zu samples", name,
                    a->rank ? (long long)a->dims[0] : 0, s->n);
}

static haq_status check(struct haq_dataset *s, struct haq_diag *d)
{
    if (s->x.rank == 0 || s->x.count == 0)
        return haq_fail(d, HAQ_INVALID, "x holds no samples");
    s->n = (size_t)s->x.dims[0];
    s->sample_count = s->x.count / s->n;
    haq_status status = check_rows(s, "y", &s->y, d);
    if (!status)
        status = check_rows(s, "group", &s->group, d);
    return status ? status : check_finite(s, d);
}

haq_status haq_dataset_load(struct haq_dataset *out, const char *path,
                            struct haq_diag *d)
{
    struct haq_dataset s = {0};
    struct haq_array scale = {0}, bias = {0};
    float *scales = NULL, *biases = NULL;

    haq_status status = is_npy(path) ? load_npy(&s, path, d)
                                     : load_npz(&s, path, &scale, &bias, d);
    if (status)
        goto done;
    status = check(&s, d);
    scales = as_floats(&scale);
    biases = as_floats(&bias);
    if (!status && ((scale.count && !scales) || (bias.count && !biases)))
        status = haq_fail(d, HAQ_NOMEM, "out of memory");
    if (!status)
        status = set_factors(&s, scales, scale.count, biases, bias.count, d);
    if (status) {
        haq_fail_in(d, status, path);
        goto done;
    }
    *out = s;
    s = (struct haq_dataset){0};
done:
    haq_dataset_fini(&s);
    haq_array_fini(&scale);
    haq_array_fini(&bias);
    free(scales);
    free(biases);
    return status;
}

/* "3x32x32", "?" for a dimension that is open, "scalar" for none. */
static void shape_text(struct haq_buf *b, const int64_t *dims, int rank)
{
    if (rank == 0)
        haq_buf_puts(b, "scalar");
    for (int i = 0; i < rank; i++) {
        haq_buf_puts(b, i ? "x" : "");
        if (dims[i] < 0)
            haq_buf_puts(b, "?");
        else
            haq_buf_printf(b, "%lld", (long long)dims[i]);
    }
}

static haq_status fail_shape(const struct haq_dataset *s, const char *path,
                             const int64_t *shape, int rank, struct haq_diag *d)
{
    struct haq_buf have, want;
    haq_buf_init(&have);
    haq_buf_init(&want);
    shape_text(&have, s->x.dims + 1, s->x.rank - 1);
    shape_text(&want, shape, rank);
    haq_status status = haq_fail(
        d, HAQ_INVALID, "%s: samples have the shape %s, the network wants %s",
        path, have.failed ? "?" : have.data, want.failed ? "?" : want.data);
    haq_buf_fini(&have);
    haq_buf_fini(&want);
    return status;
}

haq_status haq_dataset_fits(const struct haq_dataset *s, const char *path,
                            const int64_t *shape, int rank,
                            enum haq_dtype dtype, struct haq_diag *d)
{
    if (rank != s->x.rank - 1)
        return fail_shape(s, path, shape, rank, d);
    for (int i = 0; i < rank; i++)
        if (shape[i] >= 0 && shape[i] != s->x.dims[i + 1])
            return fail_shape(s, path, shape, rank, d);
    if (!haq_dtype_is_real(dtype) && haq_dtype_is_real(s->x.dtype))
        return haq_fail(
            d, HAQ_INVALID, "%s: samples are %s, the network wants %s", path,
            haq_dtype_info(s->x.dtype)->name, haq_dtype_info(dtype)->name);
    return HAQ_OK;
}

static void normalize(const struct haq_dataset *s, float *x)
{
    size_t run = s->sample_count / s->n_channels;
    for (size_t c = 0; c < s->n_channels; c++)
        for (size_t i = 0; i < run; i++, x++)
            *x = *x * s->scale[c] + s->bias[c];
}

void haq_dataset_fetch(const struct haq_dataset *s, const size_t *index,
                       size_t count, enum haq_dtype dtype, void *dst)
{
    const struct haq_array *x = &s->x;

    for (size_t i = 0; i < count; i++) {
        assert(index[i] < s->n);
        size_t first = index[i] * s->sample_count;
        size_t at = i * s->sample_count;
        if (haq_dtype_is_real(dtype)) {
            float *to = (float *)dst + at;
            haq_dtype_to_f32(x->dtype, x->data, first, s->sample_count, to);
            if (s->n_channels)
                normalize(s, to);
        } else {
            int64_t *to = (int64_t *)dst + at;
            for (size_t k = 0; k < s->sample_count; k++)
                to[k] = haq_dtype_get_int(x->dtype, x->data, first + k);
        }
    }
}

void haq_dataset_order(size_t n, size_t *perm)
{
    struct haq_rng rng;

    haq_rng_seed(&rng, ORDER_SEED);
    for (size_t i = 0; i < n; i++)
        perm[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)haq_rng_below(&rng, i), kept = perm[i - 1];
        perm[i - 1] = perm[j];
        perm[j] = kept;
    }
}
