#include "quant/range.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "quant/calib_method.h"
#include "quant/params.h"

static haq_status check(float range[2], const char *tensor, struct haq_diag *d)
{
    if (isfinite(range[0]) && isfinite(range[1]) && range[0] <= range[1])
        return HAQ_OK;
    return haq_fail(d, HAQ_INVALID,
                    "tensor %s has no finite range (%g .. %g), so it cannot be "
                    "quantized",
                    tensor, (double)range[0], (double)range[1]);
}

/* Parameter act/TENSOR[:FORMAT]; *out NULL when absent. */
static haq_status lookup(const struct haq_array **out,
                         const struct haq_params *params, const char *tensor,
                         const char *format, struct haq_diag *d)
{
    struct haq_buf b;
    haq_buf_init(&b);
    haq_buf_printf(&b, "act/%s%s%s", tensor, format ? ":" : "",
                   format ? format : "");
    haq_status s =
        b.failed ? haq_fail(d, HAQ_NOMEM, "range of %s", tensor) : HAQ_OK;
    *out = s ? NULL : haq_params_get(params, b.data);
    haq_buf_fini(&b);
    return s;
}

static haq_status from_params(float range[2], bool *found, const char *tensor,
                              const struct haq_act_spec *spec,
                              const struct haq_params *params,
                              struct haq_diag *d)
{
    const struct haq_array *a;
    haq_status s = lookup(&a, params, tensor, spec->format->name, d);
    if (!s && !a)
        s = lookup(&a, params, tensor, NULL, d);
    *found = a;
    if (s || !a)
        return s;
    if (a->dtype != HAQ_F32 || a->count != 2)
        return haq_fail(d, HAQ_INVALID,
                        "parameter act/%s is not two float32 numbers", tensor);
    range[0] = ((const float *)a->data)[0];
    range[1] = ((const float *)a->data)[1];
    return check(range, tensor, d);
}

/* The place of a range among those that were found, or the next free one; NULL:
 * there is neither. */
static struct haq_range_memo *memo_of(const struct haq_tensor_stats *t,
                                      const struct haq_calib_method *m,
                                      double parameter,
                                      const struct haq_act_spec *spec)
{
    for (int i = 0; t->memo && i < HAQ_RANGE_MEMOS; i++) {
        struct haq_range_memo *o = &t->memo[i];
        bool same = o->method == m && o->format == spec->format &&
                    o->parameter >= parameter && o->parameter <= parameter;
        if (!o->method || same)
            return o;
    }
    return NULL;
}

static haq_status from_calib(float range[2], const struct haq_tensor_stats *t,
                             const struct haq_act_spec *spec,
                             const struct haq_recipe *r, struct haq_diag *d)
{
    const struct haq_calib_method *m;
    double parameter;
    haq_status s = haq_calib_method_parse(&m, &parameter, r->calib_method, d);
    if (s)
        return s;
    range[0] = t->min, range[1] = t->max;
    s = check(range, t->tensor, d);
    if (s)
        return s;
    if (m->needs_histogram && !t->bins)
        return haq_fail(d, HAQ_INVALID,
                        "tensor %s was observed without a histogram, which "
                        "calibration by %s needs",
                        t->tensor, m->name);
    struct haq_range_memo *memo = memo_of(t, m, parameter, spec);
    if (memo && memo->method) {
        range[0] = memo->lo, range[1] = memo->hi;
        return HAQ_OK;
    }
    m->range(t, parameter, spec, &range[0], &range[1]);
    if (memo)
        *memo = (struct haq_range_memo){m, parameter, spec->format, range[0],
                                        range[1]};
    return HAQ_OK;
}

haq_status haq_range_find(float range[2], const char *tensor,
                          const struct haq_act_spec *spec,
                          const struct haq_recipe *r,
                          const struct haq_calib *calib,
                          const struct haq_params *params, struct haq_diag *d)
{
    if (params) {
        bool found;
        haq_status s = from_params(range, &found, tensor, spec, params, d);
        if (s || found)
            return s;
    }
    const struct haq_tensor_stats *t =
        calib ? haq_calib_find(calib, tensor) : NULL;
    if (t)
        return from_calib(range, t, spec, r, d);
    return haq_fail(d, HAQ_INVALID,
                    "tensor %s has no calibrated range: the recipe's params "
                    "file or calibration data must hold it",
                    tensor);
}
