#include "runtime/step_quantize.h"

#include <string.h>

/* Elements that a thread takes at least, and codes on their way to floats. */
enum { GRAIN = 4096, CHUNK = 1024 };

struct quantize_step {
    const struct haq_elementwise *ew;
    struct haq_form form;
    size_t count;
    struct haq_slot to; /* ROWS, CENTERED_ROWS: where things lie in the slot */
};

/* Through codes, which then mean steps of `unit`: the scale, or 1. */
static void fake(const struct haq_elementwise *ew, float *y, const float *x,
                 size_t n, const struct haq_act_params *p, float unit)
{
    uint8_t codes[CHUNK];
    struct haq_affine a = {p->scale, p->zero}, back = {unit, p->zero};
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t len = haq_min_size(n - i, CHUNK);
        ew->quantize(codes, x + i, len, a, p->qlo, p->qhi);
        ew->dequantize(y + i, codes, len, back);
    }
}

static float unit_of(const struct haq_form *f)
{
    return f->kind == HAQ_FORM_CENTERED ? 1 : f->params.scale;
}

static void quantize_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *part = arg;
    const struct quantize_step *q = part->s->data;
    const float *x = haq_exec_slot(part->e, part->s->in[0]);
    uint8_t *y = haq_exec_slot(part->e, part->s->out[0]);
    struct haq_affine a = {q->form.params.scale, q->form.params.zero};
    (void)worker;
    q->ew->quantize(y + begin, x + begin, end - begin, a, q->form.params.qlo,
                    q->form.params.qhi);
}

static void fake_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *part = arg;
    const struct quantize_step *q = part->s->data;
    const float *x = haq_exec_slot(part->e, part->s->in[0]);
    float *y = haq_exec_slot(part->e, part->s->out[0]);
    (void)worker;
    fake(q->ew, y + begin, x + begin, end - begin, &q->form.params,
         unit_of(&q->form));
}

static struct haq_act_params row_params(const struct quantize_step *q,
                                        const float *x)
{
    struct haq_act_spec spec = {.format = q->form.format, .dynamic = true};
    float lo, hi;
    q->ew->minmax(x, q->form.row, &lo, &hi);
    return haq_act_params_from_range(&spec, lo, hi);
}

static void rows_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const struct haq_part *part = arg;
    const struct quantize_step *q = part->s->data;
    const float *x = haq_exec_slot(part->e, part->s->in[0]);
    uint8_t *y = haq_exec_slot(part->e, part->s->out[0]);
    float *scale = (float *)(void *)(y + q->to.scale_at);
    int32_t *zero = (int32_t *)(void *)(y + q->to.zero_at);
    uint8_t *pad = y + q->to.pad_at;
    size_t row = q->form.row;
    (void)worker;

    for (size_t r = begin; r < end; r++) {
        struct haq_act_params p = row_params(q, x + r * row);
        struct haq_affine a = {p.scale, p.zero};
        q->ew->quantize(y + r * row, x + r * row, row, a, p.qlo, p.qhi);
        scale[r] = p.scale;
        zero[r] = p.zero;
        memset(pad + r * q->to.pad_stride, p.zero, q->to.pad_stride);
    }
}

static void centered_rows_part(void *arg, size_t begin, size_t end,
                               size_t worker)
{
    const struct haq_part *part = arg;
    const struct quantize_step *q = part->s->data;
    const float *x = haq_exec_slot(part->e, part->s->in[0]);
    char *slot = haq_exec_slot(part->e, part->s->out[0]);
    float *y = (float *)(void *)slot;
    float *scale = (float *)(void *)(slot + q->to.scale_at);
    int32_t *zero = (int32_t *)(void *)(slot + q->to.zero_at);
    size_t row = q->form.row;
    (void)worker;

    for (size_t r = begin; r < end; r++) {
        struct haq_act_params p = row_params(q, x + r * row);
        fake(q->ew, y + r * row, x + r * row, row, &p, 1);
        scale[r] = p.scale;
        zero[r] = 0;
    }
}

static void run_elements(const struct haq_exec *e, const struct haq_step *s)
{
    const struct quantize_step *q = s->data;
    haq_exec_split(e, s, q->count, GRAIN,
                   q->form.kind == HAQ_FORM_CODES ? quantize_part : fake_part);
}

static void run_rows(const struct haq_exec *e, const struct haq_step *s)
{
    const struct quantize_step *q = s->data;
    haq_exec_split(e, s, q->count / q->form.row, 1,
                   q->form.kind == HAQ_FORM_ROWS ? rows_part
                                                 : centered_rows_part);
}

haq_status haq_add_quantize(struct haq_plan *p, int from, int to,
                            struct haq_diag *d)
{
    static const struct {
        haq_step_run_fn *run;
        const char *kernel;
    } kinds[] = {
        [HAQ_FORM_CODES] = {run_elements, "quantize"},
        [HAQ_FORM_ROWS] = {run_rows, "quantize_rows"},
        [HAQ_FORM_FAKE] = {run_elements, "fake_quantize"},
        [HAQ_FORM_CENTERED] = {run_elements, "centered_quantize"},
        [HAQ_FORM_CENTERED_ROWS] = {run_rows, "centered_quantize_rows"},
    };
    const struct haq_slot *slot = &p->slot[to];
    struct quantize_step *q = haq_arena_alloc(&p->arena, sizeof *q);
    const char *value = haq_plan_value(p, slot->value)->name;
    struct haq_step step = {
        .name = haq_arena_printf(&p->arena, "quantize %s", value),
        .kernel = kinds[slot->form.kind].kernel,
        .run = kinds[slot->form.kind].run,
        .data = q,
        .node = -1,
        .serial = slot->count < 4 * GRAIN,
    };
    if (!q || !step.name)
        return haq_fail(d, HAQ_NOMEM, "quantize %s", value);
    *q = (struct quantize_step){
        .ew = p->ew, .form = slot->form, .count = slot->count, .to = *slot};
    return haq_plan_add(p, &step, &from, 1, &to, 1, d);
}

haq_status haq_quantize_constant(struct haq_plan *p, int from, int to,
                                 struct haq_diag *d)
{
    struct haq_slot *slot = &p->slot[to];
    const struct haq_act_params *a = &slot->form.params;
    const char *name = haq_plan_value(p, slot->value)->name;
    void *data = haq_arena_alloc(&p->arena, slot->bytes);
    if (!data)
        return haq_fail(d, HAQ_NOMEM, "constant %s", name);
    if (slot->form.kind == HAQ_FORM_CODES)
        p->ew->quantize(data, p->slot[from].data, slot->count,
                        (struct haq_affine){a->scale, a->zero}, a->qlo, a->qhi);
    else if (slot->form.kind == HAQ_FORM_FAKE ||
             slot->form.kind == HAQ_FORM_CENTERED)
        fake(p->ew, data, p->slot[from].data, slot->count, a,
             unit_of(&slot->form));
    else
        return haq_fail(d, HAQ_UNSUPPORTED, "constant %s with a scale per row",
                        name);
    slot->data = data;
    return HAQ_OK;
}
