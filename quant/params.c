#include "quant/params.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/map.h"

enum { LENGTH_BYTES = 8, ALIGN = 64 };

static const uint64_t HEADER_LIMIT = 100000000; /* formats.md part 12 */
static const size_t FILE_LIMIT = (size_t)1 << 32;

struct tensor {
    struct haq_array array;
    size_t begin, end; /* in the data area, while reading and writing */
    char name[];
};

struct haq_params {
    struct haq_map map; /* name -> struct tensor, owned */
};

struct haq_params *haq_params_new(void)
{
    struct haq_params *p = calloc(1, sizeof *p);
    if (p)
        haq_map_init(&p->map);
    return p;
}

static void tensor_free(struct tensor *t)
{
    if (t) {
        haq_array_fini(&t->array);
        free(t);
    }
}

void haq_params_free(struct haq_params *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->map.len; i++)
        tensor_free(p->map.entries[i].value);
    haq_map_fini(&p->map);
    free(p);
}

const struct haq_array *haq_params_get(const struct haq_params *p,
                                       const char *name)
{
    const struct tensor *t = haq_map_get(&p->map, name);
    return t ? &t->array : NULL;
}

const char *haq_params_name(const struct haq_params *p, size_t i)
{
    return i < p->map.len ? p->map.entries[i].key : NULL;
}

static size_t array_bytes(const struct haq_array *a)
{
    return a->count * haq_dtype_info(a->dtype)->bytes;
}

/* A tensor with the shape of `like` and a copy of `data`; NULL: no memory. */
static struct tensor *tensor_new(const char *name, const struct haq_array *like,
                                 const void *data)
{
    size_t len = strlen(name) + 1, bytes = array_bytes(like);
    struct tensor *t = calloc(1, sizeof *t + len);
    if (!t)
        return NULL;
    memcpy(t->name, name, len);
    t->array = *like;
    t->array.data = aligned_alloc(ALIGN, (bytes / ALIGN + 1) * ALIGN);
    if (!t->array.data) {
        free(t);
        return NULL;
    }
    if (bytes)
        memcpy(t->array.data, data, bytes);
    return t;
}

haq_status haq_params_put(struct haq_params *p, const char *name,
                          const struct haq_array *a, struct haq_diag *d)
{
    struct tensor *old = haq_map_get(&p->map, name);
    struct tensor *t = tensor_new(name, a, a->data);
    if (!t)
        return haq_fail(d, HAQ_NOMEM, "parameter %s", name);
    if (old) {
        haq_array_fini(&old->array);
        old->array = t->array;
        free(t);
        return HAQ_OK;
    }
    if (!haq_map_put(&p->map, t->name, t)) {
        tensor_free(t);
        return haq_fail(d, HAQ_NOMEM, "parameter %s", name);
    }
    return HAQ_OK;
}

haq_status haq_params_merge(struct haq_params *p, const struct haq_params *from,
                            struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (size_t i = 0; !s && i < from->map.len; i++) {
        const struct tensor *t = from->map.entries[i].value;
        s = haq_params_put(p, t->name, &t->array, d);
    }
    return s;
}

static const struct haq_array *look_up(const struct haq_params *p,
                                       struct haq_buf *name)
{
    return name->failed ? NULL : haq_params_get(p, name->data);
}

haq_status haq_params_layer(struct haq_params_layer *out,
                            const struct haq_params *p, const char *layer,
                            struct haq_diag *d)
{
    static const char *const pattern[] = {"weight/%s/scale", "weight/%s/zero",
                                          "weight/%s/codes",
                                          "weight/%s/codebook", "bias/%s"};
    const struct haq_array **at[] = {&out->scale, &out->zero, &out->codes,
                                     &out->book, &out->bias};
    struct haq_buf name;
    bool failed = false;
    *out = (struct haq_params_layer){0};
    for (size_t i = 0; p && i < sizeof at / sizeof *at; i++) {
        haq_buf_init(&name);
        haq_buf_printf(&name, pattern[i], layer);
        *at[i] = look_up(p, &name);
        failed |= name.failed;
        haq_buf_fini(&name);
    }
    return failed ? haq_fail(d, HAQ_NOMEM, "parameters of %s", layer) : HAQ_OK;
}

/* ---- reading --------------------------------------------------------------
 */

static haq_status bad(struct haq_diag *d, const char *file, const char *tensor,
                      const char *why)
{
    return haq_fail(d, HAQ_FORMAT, "%s: tensor %.100s: %s", file, tensor, why);
}

static haq_status read_shape(struct haq_array *a, const json_t *o,
                             const char *file, const char *name,
                             struct haq_diag *d)
{
    const json_t *shape = json_object_get(o, "shape");
    size_t rank = json_array_size(shape);
    if (!json_is_array(shape) || rank > HAQ_MAX_RANK)
        return bad(d, file, name, "shape is not a list of at most 8 sizes");
    a->rank = (int)rank;
    a->count = 1;
    for (size_t i = 0; i < rank; i++) {
        const json_t *v = json_array_get(shape, i);
        a->dims[i] = json_integer_value(v);
        if (!json_is_integer(v) || a->dims[i] < 0 ||
            __builtin_mul_overflow(a->count, (size_t)a->dims[i], &a->count))
            return bad(d, file, name, "shape has an impossible size");
    }
    return HAQ_OK;
}

static haq_status read_offsets(size_t at[2], const json_t *o, size_t area,
                               const char *file, const char *name,
                               struct haq_diag *d)
{
    const json_t *list = json_object_get(o, "data_offsets");
    if (!json_is_array(list) || json_array_size(list) != 2)
        return bad(d, file, name, "data_offsets is not [begin, end]");
    for (size_t i = 0; i < 2; i++) {
        const json_t *v = json_array_get(list, i);
        json_int_t n = json_integer_value(v);
        if (!json_is_integer(v) || n < 0 || (uint64_t)n > area)
            return bad(d, file, name, "data_offsets lie outside the file");
        at[i] = (size_t)n;
    }
    if (at[0] > at[1])
        return bad(d, file, name, "data_offsets end before they begin");
    return HAQ_OK;
}

/* What read_tensor may still copy: overlapping tensors must not make a small
 * file take a lot of memory. */
struct area {
    const char *data;
    size_t len, left;
};

static haq_status read_tensor(struct haq_params *p, const char *name,
                              const json_t *o, struct area *area,
                              const char *file, struct haq_diag *d)
{
    struct haq_array a = {0};
    size_t at[2] = {0, 0}, bytes;
    const char *type = json_string_value(json_object_get(o, "dtype"));
    int dtype = type ? haq_dtype_from_safetensors(type) : -1;
    if (!json_is_object(o) || dtype < 0)
        return bad(d, file, name, "unknown or missing dtype");
    a.dtype = (enum haq_dtype)dtype;
    haq_status s = read_shape(&a, o, file, name, d);
    if (!s)
        s = read_offsets(at, o, area->len, file, name, d);
    if (s)
        return s;
    if (json_object_size(o) != 3)
        return bad(d, file, name,
                   "unknown keys beside dtype, shape, "
                   "data_offsets");
    if (__builtin_mul_overflow(a.count, haq_dtype_info(a.dtype)->bytes,
                               &bytes) ||
        bytes != at[1] - at[0])
        return bad(d, file, name, "shape and data_offsets disagree");
    if (bytes > area->left)
        return bad(d, file, name, "overlaps another tensor");
    area->left -= bytes;
    struct tensor *t = tensor_new(name, &a, area->data + at[0]);
    if (!t || !haq_map_put(&p->map, t->name, t)) {
        tensor_free(t);
        return haq_fail(d, HAQ_NOMEM, "%s: tensor %.100s", file, name);
    }
    t->begin = at[0], t->end = at[1];
    return HAQ_OK;
}

static int by_offset(const void *a, const void *b)
{
    const struct tensor *s = ((const struct haq_map_entry *)a)->value;
    const struct tensor *t = ((const struct haq_map_entry *)b)->value;
    if (s->begin != t->begin)
        return s->begin < t->begin ? -1 : 1;
    if (s->end != t->end)
        return s->end < t->end ? -1 : 1;
    return strcmp(s->name, t->name);
}

/* The tensors must cover the data area without holes or overlaps. */
static haq_status check_tiling(const struct haq_params *p, size_t area,
                               const char *file, struct haq_diag *d)
{
    size_t n = p->map.len, at = 0;
    haq_status s = HAQ_OK;
    struct haq_map_entry *order = calloc(n + 1, sizeof *order);
    if (!order)
        return haq_fail(d, HAQ_NOMEM, "%s: %zu tensors", file, n);
    if (n)
        memcpy(order, p->map.entries, n * sizeof *order);
    qsort(order, n, sizeof *order, by_offset);
    for (size_t i = 0; !s && i < n; i++) {
        const struct tensor *t = order[i].value;
        if (t->begin != at)
            s = bad(d, file, t->name, "a hole or an overlap lies before it");
        at = t->end;
    }
    if (!s && at != area)
        s = haq_fail(d, HAQ_FORMAT, "%s: %zu bytes belong to no tensor", file,
                     area - at);
    free(order);
    return s;
}

static haq_status read_tensors(struct haq_params *p, json_t *head,
                               struct area *area, const char *file,
                               struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    const char *name;
    json_t *o;
    json_object_foreach(head, name, o)
    {
        if (!strcmp(name, "__metadata__"))
            continue;
        s = read_tensor(p, name, o, area, file, d);
        if (s)
            return s;
    }
    return check_tiling(p, area->len, file, d);
}

haq_status haq_params_parse(struct haq_params **out, const char *name,
                            const void *data, size_t len, struct haq_diag *d)
{
    const unsigned char *bytes = data;
    uint64_t n = 0;
    json_t *head = NULL;
    struct haq_params *p = NULL;
    haq_status s;

    for (size_t i = 0; i < LENGTH_BYTES && i < len; i++)
        n |= (uint64_t)bytes[i] << 8 * i;
    if (len < LENGTH_BYTES || n > len - LENGTH_BYTES || n > HEADER_LIMIT ||
        n == 0 || bytes[LENGTH_BYTES] != '{')
        return haq_fail(d, HAQ_FORMAT,
                        "%s: not a safetensors file, or cut short", name);
    const char *text = (const char *)bytes + LENGTH_BYTES;
    s = haq_json_parse(name, text, (size_t)n, &head, d);
    if (s)
        return s;
    p = haq_params_new();
    if (!p) {
        s = haq_fail(d, HAQ_NOMEM, "%s", name);
        goto done;
    }
    size_t area = len - LENGTH_BYTES - (size_t)n;
    s = read_tensors(p, head, &(struct area){text + n, area, area}, name, d);
    if (!s) {
        *out = p;
        p = NULL;
    }
done:
    haq_params_free(p);
    json_decref(head);
    return s;
}

haq_status haq_params_read(struct haq_params **out, const char *path,
                           struct haq_diag *d)
{
    void *data = NULL;
    size_t len = 0;
    haq_status s = haq_file_read(path, FILE_LIMIT, &data, &len, d);
    if (!s)
        s = haq_params_parse(out, path, data, len, d);
    free(data);
    return s;
}

/* ---- writing --------------------------------------------------------------
 */

/* Wide types first, so that every tensor is aligned; then by name. */
static int by_width(const void *a, const void *b)
{
    const struct tensor *s = ((const struct haq_map_entry *)a)->value;
    const struct tensor *t = ((const struct haq_map_entry *)b)->value;
    size_t m = haq_dtype_info(s->array.dtype)->bytes;
    size_t n = haq_dtype_info(t->array.dtype)->bytes;
    if (m != n)
        return m > n ? -1 : 1;
    return strcmp(s->name, t->name);
}

static json_t *describe(const struct tensor *t)
{
    json_t *shape = json_array();
    for (int i = 0; i < t->array.rank; i++)
        json_array_append_new(shape, json_integer(t->array.dims[i]));
    return json_pack("{s:s, s:o, s:[I,I]}", "dtype",
                     haq_dtype_info(t->array.dtype)->safetensors, "shape",
                     shape, "data_offsets", (json_int_t)t->begin,
                     (json_int_t)t->end);
}

static bool put_header(struct haq_buf *b, const json_t *head)
{
    static const char spaces[LENGTH_BYTES + 1] = "        ";
    unsigned char length[LENGTH_BYTES];
    size_t n = 0;
    char *text = haq_json_canonical(head, &n);
    if (!text)
        return false;
    size_t padded = (n + LENGTH_BYTES - 1) / LENGTH_BYTES * LENGTH_BYTES;
    for (size_t i = 0; i < LENGTH_BYTES; i++)
        length[i] = (unsigned char)((uint64_t)padded >> 8 * i);
    haq_buf_add(b, length, sizeof length);
    haq_buf_add(b, text, n);
    haq_buf_add(b, spaces, padded - n);
    free(text);
    return true;
}

/* The bytes of the file; false when memory is out. */
static bool encode(struct haq_buf *b, const struct haq_params *p)
{
    size_t n = p->map.len, at = 0;
    bool ok = false;
    json_t *head = json_object();
    struct haq_map_entry *order = calloc(n + 1, sizeof *order);
    if (!order || !head)
        goto done;
    if (n)
        memcpy(order, p->map.entries, n * sizeof *order);
    qsort(order, n, sizeof *order, by_width);
    for (size_t i = 0; i < n; i++) {
        struct tensor *t = order[i].value;
        t->begin = at;
        t->end = at += array_bytes(&t->array);
        if (json_object_set_new(head, t->name, describe(t)))
            goto done;
    }
    ok = put_header(b, head);
    for (size_t i = 0; i < n; i++) {
        const struct tensor *t = order[i].value;
        haq_buf_add(b, t->array.data, array_bytes(&t->array));
    }
done:
    free(order);
    json_decref(head);
    return ok && !b->failed;
}

haq_status haq_params_write(const struct haq_params *p, const char *path,
                            char hash[HAQ_HASH_HEX], struct haq_diag *d)
{
    struct haq_buf b;
    haq_status s;
    haq_buf_init(&b);
    if (!encode(&b, p)) {
        s = haq_fail(d, HAQ_NOMEM, "parameters for %s", path);
        goto done;
    }
    s = haq_file_write(path, b.data, b.len, d);
    if (!s)
        haq_hash(hash, b.data, b.len);
done:
    haq_buf_fini(&b);
    return s;
}
