#include "runtime/weights.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "kernels/panel.h"

/* Take zero points off the codes where the difference still is an int8: exact,
 * and no kernel has to know them. */
static haq_status shift(struct haq_weights *w, const char *name,
                        struct haq_diag *d)
{
    bool integer = w->kind == HAQ_GEMM_U8_S8;
    int8_t *to = malloc(w->n * w->k + 1);
    if (!to)
        return haq_fail(d, HAQ_NOMEM, "layer %s", name);
    for (size_t i = 0; i < w->n * w->k; i++) {
        int v = w->codes[i] - w->zero[i / w->k];
        if (v < INT8_MIN || v > INT8_MAX) {
            free(to);
            /* Epilogues of integers know zero points; for floats one group a
             * row will do, because the kernel of groups knows them. */
            w->per_group = !integer;
            w->group = haq_round_up(w->k, 16);
            return HAQ_OK;
        }
        to[i] = (int8_t)v;
    }
    w->codes = w->shifted = to;
    w->zero = NULL;
    return HAQ_OK;
}

static haq_status dequantize(struct haq_weights *w, const struct haq_qweight *q,
                             const char *name, struct haq_diag *d)
{
    w->f = w->dequantized = malloc((q->n * q->k + 1) * sizeof(float));
    if (!w->f)
        return haq_fail(d, HAQ_NOMEM, "layer %s", name);
    haq_qweight_dequantize(w->dequantized, q);
    return HAQ_OK;
}

static haq_status use_codes(struct haq_weights *w, const struct haq_qweight *q,
                            const struct haq_form *in, const char *name,
                            struct haq_diag *d)
{
    bool integer = in->kind == HAQ_FORM_CODES || in->kind == HAQ_FORM_ROWS;
    w->kind = integer ? HAQ_GEMM_U8_S8 : HAQ_GEMM_F32_S8;
    w->codes = q->codes;
    w->scale = q->scale;
    w->zero = q->zero;
    w->groups = q->groups;
    w->per_group = q->spec.granularity == HAQ_PER_GROUP;
    w->group = w->per_group ? (size_t)q->spec.group : w->k;
    if (w->zero && !w->per_group)
        return shift(w, name, d);
    return HAQ_OK;
}

/* The model's hash and the tensor's name say what is in a float weight; a graph
 * that came from no file is known by its bytes. */
static haq_status make_id(struct haq_weights *w, struct haq_plan *p,
                          const struct haq_node *n, const char *key,
                          struct haq_diag *d)
{
    char hash[HAQ_HASH_HEX];
    const char *model = p->g->model_hash;
    const char *tensor = key ? key : haq_plan_value(p, n->in[1])->name;

    if (!key && !*model) {
        size_t elem = w->f ? sizeof(float) : 1;
        haq_hash(hash, w->f ? (const void *)w->f : w->codes,
                 w->n * w->k * elem);
        tensor = hash;
    }
    w->id = haq_arena_printf(&p->arena, "%s|%s|%d%d%d", model, tensor,
                             !!w->dequantized, !!w->shifted, w->f != NULL);
    return w->id ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "layer %s", n->name);
}

haq_status haq_weights_init(struct haq_weights *w, struct haq_plan *p, int node,
                            const struct haq_form *in, struct haq_diag *d)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_qnode *qn = haq_plan_qnode(p, node);
    const struct haq_qweight *q = qn ? qn->weight : NULL;
    haq_status s = HAQ_OK;

    *w = (struct haq_weights){.taps = 1, .groups = 1};
    if (n->op->code == HAQ_OP_CONV)
        w->taps = (size_t)(n->attr.window.kernel[0] * n->attr.window.kernel[1]);
    haq_layer_weight_dims(p->g, n, &w->n, &w->k);
    w->group = w->k;
    if (q && (p->simulate || q->spec.format->coder))
        s = dequantize(w, q, n->name, d);
    else if (q)
        s = use_codes(w, q, in, n->name, d);
    else
        s = haq_layer_weight_get(&w->own, p->g, n, d);
    if (!q)
        w->f = w->own.w;
    if (!s)
        s = make_id(w, p, n, qn ? qn->weight_key : NULL, d);
    if (s)
        haq_weights_fini(w);
    return s;
}

void haq_weights_fini(struct haq_weights *w)
{
    haq_layer_weight_fini(&w->own);
    free(w->dequantized);
    free(w->shifted);
    w->dequantized = NULL;
    w->shifted = NULL;
}

void haq_weights_taps_first(void *dst, const void *src, size_t n, size_t taps,
                            size_t channels, size_t elem)
{
    char *to = dst;
    const char *from = src;
    for (size_t i = 0; i < n; i++, from += taps * channels * elem)
        for (size_t t = 0; t < taps; t++)
            for (size_t c = 0; c < channels; c++, to += elem)
                memcpy(to, from + (c * taps + t) * elem, elem);
}

struct pack_job {
    const struct haq_weights *w;
    const struct haq_gemm_impl *k;
    size_t parts, segments, seg_len;
    struct haq_packed to;
};

/* Codes as they are in memory for the row, in fewer bits. */
static haq_status pack_bits(const struct pack_job *j, char *dst,
                            const char *rows, size_t n, struct haq_diag *d)
{
    const struct haq_gemm_impl *k = j->k;
    size_t bytes = haq_gemm_packed_bytes(k, n, j->segments, j->seg_len);
    size_t panel = haq_gemm_panel_bytes(k, j->segments, j->seg_len);
    int8_t *wide =
        aligned_alloc(HAQ_SLOT_SLACK, haq_round_up(bytes, HAQ_SLOT_SLACK));
    if (!wide)
        return haq_fail(d, HAQ_NOMEM, "weights %s", j->w->id);
    k->pack(wide, rows, n, j->segments, j->seg_len);
    for (size_t at = 0; at < bytes; at += panel, dst += j->to.panel_bytes)
        haq_panel_pack(dst, wide + at, panel, j->to.bits);
    free(wide);
    return HAQ_OK;
}

static haq_status pack(void *arg, void *dst, struct haq_diag *d)
{
    const struct pack_job *j = arg;
    const struct haq_weights *w = j->w;
    size_t elem = w->f ? sizeof(float) : 1, n = w->n / j->parts;
    const char *src = w->f ? (const char *)w->f : (const char *)w->codes;
    char *ordered = malloc(w->n * w->k * elem + 1);
    haq_status s = HAQ_OK;

    if (!ordered)
        return haq_fail(d, HAQ_NOMEM, "weights %s", w->id);
    haq_weights_taps_first(ordered, src, w->n, w->taps, w->k / w->taps, elem);
    for (size_t i = 0; !s && i < j->parts; i++) {
        char *to = (char *)dst + i * j->to.part_bytes;
        const char *rows = ordered + i * n * w->k * elem;
        if (j->to.bits % 8)
            s = pack_bits(j, to, rows, n, d);
        else
            j->k->pack(to, rows, n, j->segments, j->seg_len);
    }
    free(ordered);
    return s;
}

/* One bit has no zero to pad segments with; padding columns are not looked at.
 * Panels of fewer bits end with a whole block, which may cost more than they
 * save. */
static int bits_of(const struct haq_weights *w, const struct haq_gemm_impl *k,
                   size_t segments, size_t seg_len)
{
    if (w->f)
        return 0;
    if (segments * seg_len > HAQ_PANEL_MAX_K)
        return 8;
    int bits = haq_panel_bits(w->codes, w->n * w->k);
    if (bits == 1 && seg_len % k->kr)
        bits = 2;
    size_t wide = haq_gemm_panel_bytes(k, segments, seg_len);
    return haq_panel_bytes(bits, wide) < wide ? bits : 8;
}

haq_status haq_weights_pack(struct haq_packed *out, struct haq_plan *p,
                            const struct haq_weights *w,
                            const struct haq_gemm_impl *k, size_t parts,
                            size_t segments, size_t seg_len, struct haq_diag *d)
{
    struct haq_packed to = {.bits = bits_of(w, k, segments, seg_len)};
    size_t panels = (w->n / parts + k->nr - 1) / k->nr;
    const void *data;
    const char *key =
        haq_arena_printf(&p->arena, "%s|%s|%d|%zu|%zu|%zu", w->id, k->name,
                         to.bits, parts, segments, seg_len);
    if (!key)
        return haq_fail(d, HAQ_NOMEM, "weights %s", w->id);
    to.panel_bytes = haq_gemm_panel_bytes(k, segments, seg_len);
    if (to.bits % 8)
        to.panel_bytes = haq_panel_bytes(to.bits, to.panel_bytes);
    to.part_bytes = haq_round_up(panels * to.panel_bytes, 64);
    struct pack_job j = {w, k, parts, segments, seg_len, to};
    haq_status s =
        haq_pack_get(p->cache, key, parts * to.part_bytes, pack, &j, &data, d);
    if (s)
        return s;
    p->weight_bytes += parts * to.part_bytes;
    *out = to;
    out->data = data;
    return HAQ_OK;
}

const float *haq_layer_bias(const struct haq_plan *p, int node)
{
    const struct haq_node *n = haq_plan_node(p, node);
    const struct haq_qnode *qn = haq_plan_qnode(p, node);
    if (qn && qn->bias)
        return qn->bias;
    return n->n_in > 2 && n->in[2] != HAQ_NO_VALUE
               ? haq_plan_value(p, n->in[2])->data
               : NULL;
}
