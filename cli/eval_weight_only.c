#include "cli/eval_weight_only.h"

#include <stdio.h>
#include <string.h>

enum { NAMES = 4 }; /* of a format, on a line */

static bool weight_only(const struct haq_recipe_layer *l)
{
    return haq_format_quantizes(l->weight.format) && !l->act.format->integer;
}

haq_status haq_eval_weight_only(json_t *doc, const struct haq_recipe *recipe,
                                struct haq_diag *d)
{
    json_t *list = json_array();
    int bad = !list;
    for (size_t i = 0; i < recipe->n; i++) {
        const struct haq_recipe_layer *l = &recipe->layer[i];
        char words[HAQ_SPEC_TEXT];
        haq_weight_spec_text(words, &l->weight);
        if (weight_only(l))
            bad |= json_array_append_new(
                list,
                json_pack("{s:s, s:s}", "tensor", l->tensor, "weight", words));
    }
    if (!bad && json_array_size(list))
        bad = json_object_set(doc, "weight_only", list);
    json_decref(list);
    return bad ? haq_fail(d, HAQ_NOMEM, "list of layers") : HAQ_OK;
}

/* Layer i and those after it that have its words. */
static void print_format(const struct haq_recipe *r, size_t first,
                         const char *words)
{
    size_t n = 0;
    printf("weight-only, %s%s: ", words,
           r->layer[first].weight.format->coder ? ", decoded to floats" : "");
    for (size_t i = first; i < r->n; i++) {
        char other[HAQ_SPEC_TEXT];
        haq_weight_spec_text(other, &r->layer[i].weight);
        if (!weight_only(&r->layer[i]) || strcmp(words, other))
            continue;
        if (n < NAMES)
            printf("%s%s", n ? ", " : "", r->layer[i].tensor);
        n++;
    }
    if (n > NAMES)
        printf(" and %zu more", n - NAMES);
    printf("\n");
}

/* Has a layer before i the same words? */
static bool printed(const struct haq_recipe *r, size_t i, const char *words)
{
    for (size_t k = 0; k < i; k++) {
        char other[HAQ_SPEC_TEXT];
        haq_weight_spec_text(other, &r->layer[k].weight);
        if (weight_only(&r->layer[k]) && !strcmp(words, other))
            return true;
    }
    return false;
}

void haq_eval_print_weight_only(const struct haq_recipe *recipe)
{
    for (size_t i = 0; i < recipe->n; i++) {
        char words[HAQ_SPEC_TEXT];
        haq_weight_spec_text(words, &recipe->layer[i].weight);
        if (weight_only(&recipe->layer[i]) && !printed(recipe, i, words))
            print_format(recipe, i, words);
    }
}
