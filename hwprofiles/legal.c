#include "hwprofiles/legal.h"

#include <stdio.h>
#include <string.h>

const char *haq_layer_op(const struct haq_layer *l)
{
    static const struct {
        const char *op, *word;
    } words[] = {{"Conv", "conv"}, {"Gemm", "matmul"}, {"MatMul", "matmul"}};
    if (l->depthwise)
        return "depthwise";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(l->op, words[i].op))
            return l->group > 1 ? "grouped" : words[i].word;
    return NULL;
}

/* Sizes that the row's kernel cannot do; false: none, *out untouched. */
static bool misfit(struct haq_verdict *out, const struct haq_capability *c,
                   const struct haq_layer *l,
                   const struct haq_layer_choice *choice)
{
    bool grouped = !strcmp(choice->granularity, "group");
    const struct {
        const char *what;
        uint64_t have, of;
    } sizes[] = {
        {"elements a group are", grouped ? choice->group : 0, c->group_of},
        {"output channels are", (uint64_t)l->channels, c->channels_of},
        {"weights a channel are", (uint64_t)l->reduction, c->reduction_of}};
    if (c->one_group && grouped && choice->group < (uint64_t)l->reduction) {
        snprintf(out->reason, sizeof out->reason,
                 "a channel of %llu weights is more than one group",
                 (unsigned long long)l->reduction);
        return true;
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].of && sizes[i].have % sizes[i].of) {
            snprintf(out->reason, sizeof out->reason,
                     "%llu %s no multiple of %llu",
                     (unsigned long long)sizes[i].have, sizes[i].what,
                     (unsigned long long)sizes[i].of);
            return true;
        }
    return false;
}

static bool row_fits(const struct haq_capability *c, const char *op,
                     const struct haq_layer_choice *choice)
{
    char activation[32];
    haq_activation_word(activation, choice->activation, choice->dynamic);
    return haq_words_have(&c->ops, op) &&
           haq_words_have(&c->weights, choice->weight->name) &&
           haq_words_have(&c->activations, activation) &&
           (!choice->weight->integer ||
            haq_words_have(&c->granularities, choice->granularity));
}

static void take_row(struct haq_verdict *out, const struct haq_capability *c)
{
    out->support = (enum haq_support)c->support;
    out->kernel = c->kernel;
    snprintf(out->reason, sizeof out->reason, "%s",
             c->support == HAQ_SUPPORT_NATIVE ? ""
             : c->note                        ? c->note
                                              : "the device does not do this");
}

void haq_legal(struct haq_verdict *out, const struct haq_list *capabilities,
               const char *device, const struct haq_layer *layer,
               const struct haq_layer_choice *choice)
{
    const struct haq_capability *c = capabilities->item;
    const char *op = haq_layer_op(layer);
    char activation[32];

    *out = (struct haq_verdict){.support = HAQ_SUPPORT_NO};
    for (size_t i = 0; op && i < capabilities->n; i++)
        if (row_fits(&c[i], op, choice) && !misfit(out, &c[i], layer, choice)) {
            take_row(out, &c[i]);
            return;
        }
    if (out->reason[0])
        return;
    haq_activation_word(activation, choice->activation, choice->dynamic);
    snprintf(out->reason, sizeof out->reason,
             "%.60s has nothing for %.20s with %s%s%s weights and %s "
             "activations",
             device, op ? op : layer->op, choice->weight->name,
             choice->weight->integer ? " per " : "",
             choice->weight->integer ? choice->granularity : "", activation);
}
