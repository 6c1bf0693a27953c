#include "train/blocks.h"

#include <stdlib.h>

int haq_train_value_of(const struct haq_net *net, int slot)
{
    for (int v = 0; v < net->graph->n_values; v++)
        if (net->slot_of[v] == slot)
            return v;
    return -1;
}

/* The last step that reads each slot; the net's output is read at the end. */
static void last_readers(const struct haq_net *net, size_t *last)
{
    for (size_t i = 0; i < net->slots; i++)
        last[i] = 0;
    for (size_t i = 0; i < net->steps; i++)
        for (int k = 0; k < net->step[i].n_in; k++)
            if (net->step[i].in[k] >= 0)
                last[net->step[i].in[k]] = i;
    last[net->output] = net->steps;
}

/* Rows are samples. */
static bool sampled(const struct haq_net *net, int slot)
{
    int v = haq_train_value_of(net, slot);
    const struct haq_shape *s = v < 0 ? NULL : &net->graph->values[v].shape;
    return s && s->rank > 0 && s->dims[0] == net->graph->batch;
}

/* The one slot that steps behind `step` still read of those before; -1: there
 * are several, or none that will do. */
static int only_live(const struct haq_net *net, const size_t *last,
                     const bool *made, size_t step)
{
    int live = -1;
    for (size_t i = 0; i < net->slots; i++) {
        const struct haq_train_slot *s = &net->slot[i];
        if (s->constant || !made[i] || last[i] <= step)
            continue;
        if (live >= 0)
            return -1;
        live = (int)i;
    }
    return live >= 0 && !net->slot[live].integer && sampled(net, live) ? live
                                                                       : -1;
}

haq_status haq_train_blocks(struct haq_train_block **out, size_t *n,
                            const struct haq_net *net, size_t layers,
                            struct haq_diag *d)
{
    struct haq_train_block *block = calloc(net->steps + 1, sizeof *block);
    size_t *last = malloc((net->slots + 1) * sizeof *last), held = 0;
    bool *made = calloc(net->slots + 1, sizeof *made);
    struct haq_train_block now = {.in = net->input};
    *n = 0;
    if (!block || !last || !made) {
        free(block);
        free(last);
        free(made);
        return haq_fail(d, HAQ_NOMEM, "blocks of a network");
    }
    last_readers(net, last);
    made[net->input] = true;
    for (size_t i = 0; i < net->steps; i++) {
        for (int k = 0; k < net->step[i].n_out; k++)
            made[net->step[i].out[k]] = true;
        held += net->step[i].layer >= 0;
        now.end = i + 1;
        now.out = only_live(net, last, made, i);
        if (now.out < 0 || held < layers)
            continue;
        block[(*n)++] = now;
        now = (struct haq_train_block){.begin = i + 1, .in = now.out};
        held = 0;
    }
    /* What is left over belongs to the last one. */
    if (*n && !held)
        block[*n - 1].end = net->steps;
    else if (now.begin < net->steps)
        block[(*n)++] = now;
    if (*n) {
        block[*n - 1].end = net->steps;
        block[*n - 1].out = net->output;
    }
    free(last);
    free(made);
    *out = block;
    return HAQ_OK;
}
