#include "runtime/inside.h"

/* A line must be a good part of the rows that a kernel takes at once, and save
 * enough to make up for shorter tiles. */
enum { LEAST_PART = 4, LEAST_SAVED = 24 /* one part in so many */ };

static struct haq_inside_line line_of(const struct haq_geometry *g, size_t y)
{
    struct haq_inside_line l = {0};
    for (size_t ky = 0; ky < g->kernel[0]; ky++) {
        /* wraps to a huge number above the image */
        size_t at = y * g->stride[0] + ky * g->dilation[0] - g->pad[0];
        if (at >= g->h)
            continue;
        if (!l.count)
            l.first = ky;
        l.count = ky + 1 - l.first;
    }
    return l;
}

static bool pays(const struct haq_rows *r, size_t mr)
{
    const struct haq_geometry *g = &r->geometry;
    size_t all = g->oh * g->kernel[0], inside = 0;
    if (!r->window || r->merge || r->in.form.kind == HAQ_FORM_ROWS ||
        g->ow * LEAST_PART < mr || g->ow > mr)
        return false;
    for (size_t y = 0; y < g->oh; y++) {
        size_t count = line_of(g, y).count;
        if (!count)
            return false; /* a product of nothing */
        inside += count;
    }
    return (all - inside) * LEAST_SAVED >= all;
}

/* What the taps of kernel rows outside of the line have taken off column n. */
static int32_t taken_off(const struct haq_geometry *g,
                         const struct haq_inside_line *l, const int8_t *codes,
                         size_t k, int32_t zero)
{
    int32_t sum = 0;
    for (size_t i = 0; i < k; i++) {
        size_t ky = i % g->taps / g->kernel[1];
        if (ky < l->first || ky >= l->first + l->count)
            sum += codes[i];
    }
    return sum * zero;
}

static haq_status correct(struct haq_inside *in, size_t y, struct haq_plan *p,
                          const struct haq_rows *r, const int8_t *codes,
                          size_t n, size_t k, const int32_t *corr,
                          struct haq_diag *d)
{
    struct haq_inside_line *l = &in->line[y];
    for (size_t i = 0; i < y; i++)
        if (in->line[i].first == l->first && in->line[i].count == l->count) {
            l->corr = in->line[i].corr;
            return HAQ_OK;
        }
    int32_t *own = haq_arena_array(&p->arena, n, sizeof *own);
    if (!own)
        return haq_fail(d, HAQ_NOMEM, "corrections of %zu columns", n);
    for (size_t c = 0; c < n; c++) {
        int32_t more = taken_off(&r->geometry, l, codes + c * k, k,
                                 r->in.form.params.zero);
        own[c] = (int32_t)((uint32_t)corr[c] + (uint32_t)more);
    }
    l->corr = own;
    return HAQ_OK;
}

haq_status haq_inside_make(struct haq_inside *in, struct haq_plan *p,
                           struct haq_rows *r, size_t mr, const int8_t *codes,
                           size_t n, size_t k, const int32_t *corr,
                           struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    *in = (struct haq_inside){0};
    if (!pays(r, mr))
        return HAQ_OK;
    in->lines = r->geometry.oh;
    in->line = haq_arena_array(&p->arena, in->lines, sizeof *in->line);
    if (!in->line)
        return haq_fail(d, HAQ_NOMEM, "%zu lines", in->lines);
    haq_rows_by_line(r);
    for (size_t y = 0; !s && y < in->lines; y++) {
        in->line[y] = line_of(&r->geometry, y);
        if (codes && in->line[y].count < r->geometry.kernel[0])
            s = correct(in, y, p, r, codes, n, k, corr, d);
    }
    return s;
}
