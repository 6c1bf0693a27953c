#include "graph/dump.h"

#include <inttypes.h>
#include <math.h>

#include "graph/op.h"

static void put_shape(FILE *out, const struct haq_shape *s)
{
    fputc('[', out);
    for (int i = 0; i < s->rank; i++)
        fprintf(out, "%s%" PRId64, i ? ", " : "", s->dims[i]);
    fputc(']', out);
}

static void put_value(FILE *out, const struct haq_value *v)
{
    fprintf(out, "%s %s ", v->name, haq_dtype_info(v->dtype)->name);
    put_shape(out, &v->shape);
}

static void put_ints(FILE *out, const char *name, const int64_t *v, int n)
{
    fprintf(out, " %s", name);
    for (int i = 0; i < n; i++)
        fprintf(out, "%c%" PRId64, i ? ',' : ' ', v[i]);
}

static void put_window(FILE *out, const struct haq_window *w)
{
    fprintf(out, " kernel %" PRId64 "x%" PRId64, w->kernel[0], w->kernel[1]);
    if (w->stride[0] != 1 || w->stride[1] != 1)
        put_ints(out, "stride", w->stride, 2);
    if (w->dilation[0] != 1 || w->dilation[1] != 1)
        put_ints(out, "dilation", w->dilation, 2);
    if (w->pad[0] || w->pad[1] || w->pad[2] || w->pad[3])
        put_ints(out, "pad", w->pad, 4);
    if (w->group != 1)
        fprintf(out, " group %" PRId64, w->group);
    if (w->ceil_mode)
        fputs(" ceil", out);
    if (w->count_pad)
        fputs(" count_pad", out);
}

static void put_attrs(FILE *out, const struct haq_node *n)
{
    static const char *const names[] = {"ints", "ends", "steps", "more"};
    const struct haq_attrs *a = &n->attr;

    if (a->window.kernel[0])
        put_window(out, &a->window);
    if (a->axis)
        fprintf(out, " axis %" PRId64, a->axis);
    if (a->n_axes)
        put_ints(out, "axes", a->axes, a->n_axes);
    for (int k = 0; k < 3 && a->n_ints; k++) {
        bool any = !k;
        for (int i = 0; i < a->n_ints; i++)
            any |= a->ints[k][i] != 0;
        if (any)
            put_ints(out, names[k], a->ints[k], a->n_ints);
    }
    if (a->trans_a)
        fputs(" transA", out);
    if (a->trans_b)
        fputs(" transB", out);
    if (a->mode)
        fprintf(out, " mode %s", a->mode);
    if (!(isinf(n->clamp.lo) && isinf(n->clamp.hi)))
        fprintf(out, " clamp %g..%g", (double)n->clamp.lo, (double)n->clamp.hi);
    if (n->layer)
        fprintf(out, " layer %s", n->layer);
}

void haq_graph_dump(const struct haq_graph *g, FILE *out)
{
    for (int i = 0; i < g->n_inputs; i++) {
        fputs("input   ", out);
        put_value(out, &g->values[g->inputs[i]]);
        fputc('\n', out);
    }
    for (int i = 0; i < g->n_nodes; i++) {
        const struct haq_node *n = &g->nodes[i];
        fprintf(out, "%-7s ", n->op->name);
        for (int k = 0; k < n->n_out; k++) {
            fputs(k ? ", " : "", out);
            put_value(out, &g->values[n->out[k]]);
        }
        fputs(" =", out);
        for (int k = 0; k < n->n_in; k++) {
            fputs(k ? ", " : " ", out);
            if (n->in[k] == HAQ_NO_VALUE) {
                fputc('-', out);
                continue;
            }
            const struct haq_value *v = &g->values[n->in[k]];
            fputs(v->name, out);
            if (v->data)
                put_shape(out, &v->shape);
        }
        put_attrs(out, n);
        fputc('\n', out);
    }
    for (int i = 0; i < g->n_outputs; i++)
        fprintf(out, "output  %s\n", g->values[g->outputs[i]].name);
}
