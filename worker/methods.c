/* The methods of quant/method, for programs that do not see that folder. */
#include <stdio.h>

#include "quant/method/method.h"
#include "worker/task.h"

haq_status haq_session_methods_parse(const char **out, struct haq_arena *a,
                                     const char *list, struct haq_diag *d)
{
    char text[HAQ_METHODS_TEXT];
    haq_status s = haq_methods_parse(text, list, d);
    if (s)
        return s;
    *out = haq_arena_strdup(a, text);
    return *out ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "methods of a recipe");
}

bool haq_session_methods_alone(const char *methods)
{
    return !haq_methods_prepare(methods) && !haq_methods_train(methods);
}

bool haq_session_methods_finish(const char *methods)
{
    const struct haq_method *m;
    bool all = true;
    for (size_t i = 0; (m = haq_method_at(i)); i++)
        all = all && (m->trains || !haq_methods_have(methods, m->name));
    return all;
}

haq_status haq_session_methods_add(struct haq_recipe *r, const char *more,
                                   struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    for (size_t i = 0; !s && i < r->n; i++) {
        struct haq_recipe_layer *l = &r->layer[i];
        if (!haq_recipe_tunes(l))
            continue;
        const char *list =
            haq_arena_printf(&r->arena, "%s,%s", l->methods, more);
        s = list ? haq_session_methods_parse(&l->methods, &r->arena, list, d)
                 : haq_fail(d, HAQ_NOMEM, "methods of a recipe");
    }
    return s;
}

haq_status haq_session_methods(struct haq_recipe *r, const char *list,
                               struct haq_diag *d)
{
    const char *kept;
    haq_status s = haq_session_methods_parse(&kept, &r->arena, list, d);
    for (size_t i = 0; !s && i < r->n; i++)
        r->layer[i].methods = kept;
    return s;
}

void haq_session_methods_help(char *out, size_t size)
{
    const struct haq_method *m;
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; (m = haq_method_at(i)) && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s (%s)",
                                 i ? ", " : "", m->name, m->summary);
}
