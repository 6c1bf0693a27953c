#include "runtime/rows.h"

#include <string.h>

#include "runtime/interleave.h"

/* Tiles of equal height: the last one of an odd number would be almost empty
 * otherwise. */
static void choose_tile(struct haq_rows *r, size_t mr)
{
    r->tiles = (r->count + mr - 1) / mr;
    r->tile = (r->count + r->tiles - 1) / r->tiles;
    r->tiles = (r->count + r->tile - 1) / r->tile;
}

static size_t elem_of(const struct haq_form *f)
{
    bool codes = f->kind == HAQ_FORM_CODES || f->kind == HAQ_FORM_ROWS;
    return codes ? 1 : sizeof(float);
}

haq_status haq_rows_matrix(struct haq_rows *r, struct haq_plan *p, int slot,
                           size_t count, size_t k, size_t mr)
{
    *r = (struct haq_rows){.count = count, .in = p->slot[slot]};
    r->elem = elem_of(&r->in.form);
    r->stride = k * r->elem;
    r->per_scale = 1;
    choose_tile(r, mr);
    return HAQ_OK;
}

/* One row of zero points, as long as a pixel. */
static haq_status make_pad(struct haq_rows *r, struct haq_plan *p, int node,
                           struct haq_diag *d)
{
    size_t bytes = r->geometry.c * r->elem + HAQ_SLOT_SLACK;
    char *pad = haq_arena_alloc(&p->arena, bytes);
    if (!pad)
        return haq_fail(d, HAQ_NOMEM, "node %s", haq_plan_node(p, node)->name);
    if (r->in.form.kind == HAQ_FORM_CODES)
        memset(pad, r->in.form.params.zero, bytes);
    r->pad = pad;
    return HAQ_OK;
}

haq_status haq_rows_conv(struct haq_rows *r, struct haq_plan *p, int node,
                         int slot, size_t mr, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    struct haq_geometry g;
    if (!p->g->nhwc || !haq_geometry_make(&g, &n->attr.window,
                                          &haq_plan_value(p, n->in[0])->shape,
                                          &haq_plan_value(p, n->out[0])->shape))
        return haq_plan_unsupported(p, node, "only 1-D and 2-D NHWC", d);
    *r = (struct haq_rows){.count = g.pixels, .in = p->slot[slot]};
    r->elem = elem_of(&r->in.form);
    r->stride = g.c * r->elem;
    r->per_scale = g.oh * g.ow;
    choose_tile(r, mr);
    g.elem = r->elem;
    g.tile = r->tile;
    r->geometry = g;
    r->window = !haq_geometry_is_pointwise(&g, &n->attr.window);
    return r->window ? make_pad(r, p, node, d) : HAQ_OK;
}

void haq_rows_retile(struct haq_rows *r, size_t mr)
{
    choose_tile(r, mr);
    r->geometry.tile = r->tile;
}

void haq_rows_by_line(struct haq_rows *r)
{
    r->tile = r->geometry.tile = r->geometry.ow;
    r->tiles = r->count / r->tile;
}

bool haq_rows_merge(struct haq_rows *r)
{
    const struct haq_geometry *g = &r->geometry;
    r->merge = r->window && g->dilation[1] == 1 && g->kernel[1] > 1;
    return r->merge;
}

/* Behind the pointers to all taps come those to the kernel rows. */
size_t haq_rows_pointers(const struct haq_rows *r)
{
    size_t taps = r->window ? haq_geometry_pointers(&r->geometry) : 0;
    return taps + (r->merge ? r->geometry.kernel[0] * r->count : 0);
}

/* The first tap of a kernel row if the others follow it in memory, else NULL.
 * Rows of zero points are too far from the pixels to look like neighbours. */
static const void *merged(const void *const *tap, size_t rows, size_t width,
                          size_t bytes)
{
    const char *first = tap[0], *last = tap[(width - 1) * rows];
    return last == first + (width - 1) * bytes ? first : NULL;
}

static void bind_merged(const struct haq_rows *r, const void **table)
{
    size_t height = r->geometry.kernel[0], width = r->geometry.kernel[1];
    const void **to = table + haq_geometry_pointers(&r->geometry);
    for (size_t t = 0; t < r->tiles; t++) {
        size_t len = haq_rows_len(r, t);
        const void *const *a = table + t * r->tile * r->geometry.taps;
        for (size_t ky = 0; ky < height; ky++)
            for (size_t i = 0; i < len; i++)
                *to++ = merged(a + ky * width * len + i, len, width, r->stride);
    }
}

void haq_rows_bind(const struct haq_exec *e, const struct haq_step *s,
                   const void **table)
{
    const struct haq_rows *r = s->data;
    const char *base = haq_exec_slot(e, s->in[0]);
    if (!r->window)
        return;
    bool rows = r->in.form.kind == HAQ_FORM_ROWS;
    haq_geometry_bind(&r->geometry, table, base,
                      rows ? base + r->in.pad_at : r->pad,
                      rows ? r->in.pad_stride : 0);
    if (r->merge)
        bind_merged(r, table);
}

const void *const *haq_rows_get(const struct haq_rows *r, const void **table,
                                const char *base, size_t t, size_t at,
                                const void **room)
{
    size_t len = haq_rows_len(r, t), shift = at * r->elem;
    if (r->window) {
        const void *const *from = table + t * r->tile * r->geometry.taps;
        if (!shift)
            return from;
        for (size_t i = 0; i < len * r->geometry.taps; i++)
            room[i] = (const char *)from[i] + shift;
        return room;
    }
    base += t * r->tile * r->stride + shift;
    for (size_t i = 0; i < len; i++)
        room[i] = base + i * r->stride;
    return room;
}

/* Chunks of 16 bytes, the excess of which the next copy overwrites. */
static void copy_chunks(char *to, const char *from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 16)
        memcpy(to + i, from + i, 16);
}

static void gather_taps_first(const void *const *a, size_t rows, size_t row,
                              size_t taps, size_t bytes, char *dst)
{
    for (size_t t = 0; t < taps; t++)
        copy_chunks(dst + t * bytes, a[t * rows + row], bytes);
}

size_t haq_rows_merged_bytes(const struct haq_rows *r)
{
    size_t run = haq_round_up(r->geometry.kernel[1] * r->stride, 16) + 16;
    return r->geometry.kernel[0] * r->tile * run;
}

const void *const *haq_rows_merged(const struct haq_rows *r, const void **table,
                                   size_t t, const void **room, char *dst)
{
    size_t len = haq_rows_len(r, t), height = r->geometry.kernel[0];
    size_t width = r->geometry.kernel[1];
    size_t run = haq_round_up(width * r->stride, 16) + 16;
    const void *const *taps = table + t * r->tile * r->geometry.taps;
    const void *const *rows =
        table + haq_geometry_pointers(&r->geometry) + t * r->tile * height;
    for (size_t i = 0; i < height * len; i++) {
        room[i] = rows[i];
        if (rows[i])
            continue;
        gather_taps_first(taps + i / len * width * len, len, i % len, width,
                          r->stride, dst);
        room[i] = dst;
        dst += run;
    }
    return room;
}

void haq_rows_compact(const struct haq_rows *r, const void **table, size_t t,
                      char *dst, size_t stride)
{
    enum { CHUNK = 32 };
    size_t len = haq_rows_len(r, t), height = r->geometry.kernel[0];
    size_t width = r->geometry.kernel[1], bytes = width * r->stride;
    const void *const *taps = table + t * r->tile * r->geometry.taps;
    const void *const *rows =
        table + haq_geometry_pointers(&r->geometry) + t * r->tile * height;
    for (size_t ky = 0; ky < height; ky++, rows += len, dst += bytes)
        for (size_t i = 0; i < len; i++) {
            char *to = dst + i * stride;
            if (!rows[i]) {
                gather_taps_first(taps + ky * width * len, len, i, width,
                                  r->stride, to);
                continue;
            }
            memcpy(to, rows[i], CHUNK);
            for (size_t at = CHUNK; at < bytes; at += CHUNK)
                memcpy(to + at, (const char *)rows[i] + at, CHUNK);
        }
}

void haq_rows_gather(const struct haq_rows *r, const void *const *a, size_t len,
                     size_t channels, bool taps_first, char *dst, size_t stride)
{
    size_t taps = r->window ? r->geometry.taps : 1;
    for (size_t i = 0; i < len; i++, dst += stride) {
        if (taps_first)
            gather_taps_first(a, len, i, taps, channels * r->elem, dst);
        else if (r->elem == 1)
            haq_interleave_u8((uint8_t *)dst, a + i, len, taps, channels);
        else
            haq_interleave_f32((float *)(void *)dst, a + i, len, taps,
                               channels);
    }
}

void haq_rows_scales(const struct haq_rows *r, const char *base, size_t t,
                     float *scale, int32_t *zero)
{
    const float *s = (const float *)(const void *)(base + r->in.scale_at);
    const int32_t *z = (const int32_t *)(const void *)(base + r->in.zero_at);
    size_t first = t * r->tile;
    for (size_t i = 0; i < haq_rows_len(r, t); i++) {
        scale[i] = s[(first + i) / r->per_scale];
        zero[i] = z[(first + i) / r->per_scale];
    }
}
