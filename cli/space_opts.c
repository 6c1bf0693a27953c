#include "cli/space_opts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "hwprofiles/target.h"
#include "runtime/capabilities.h"
#include "search/space_file.h"

struct haq_space_wish {
    struct haq_arena arena;
    struct haq_rules rules;
    struct haq_list cpu;      /* rows of this machine's CPU */
    struct haq_target target; /* of --target */
    bool has_target;
    char device[128]; /* whose rows count, for sentences */
    json_t *json;
};

static haq_status read_rules(struct haq_rules *r,
                             const struct haq_space_opts *o, unsigned *formats,
                             struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    if (o->file)
        s = haq_space_file_read(o->file, r, formats, d);
    if (s == HAQ_OK && o->formats) {
        unsigned more = 0;
        s = haq_space_formats_parse(&more, o->formats, d);
        s = haq_fail_in(d, s, "--formats");
        *formats |= more;
    }
    for (size_t i = 0; i < o->pins.n && s == HAQ_OK; i++)
        s = haq_rules_pin(r, o->pins.item[i], d);
    for (size_t i = 0; i < o->bans.n && s == HAQ_OK; i++)
        s = haq_rules_ban(r, o->bans.item[i], d);
    if (s == HAQ_OK && o->first_last)
        s = haq_rules_ends(r, o->first_last, d);
    return s;
}

/* ---- target ---------------------------------------------------------------*/

/* The device that --target names, else the first that says what it can do. */
static const struct haq_target_device *choose_device(const struct haq_target *t,
                                                     const char *name)
{
    const struct haq_target_device *list = t->devices.item;
    if (name)
        return haq_target_find(t, name);
    for (size_t i = 0; i < t->devices.n; i++)
        if (list[i].capabilities.n)
            return &list[i];
    return NULL;
}

/* "FILE" or "FILE:DEVICE". */
static haq_status read_target(struct haq_space_wish *w, const char *text,
                              const struct haq_list **rows, struct haq_diag *d)
{
    const char *colon = strrchr(text, ':'), *path = text;
    if (haq_file_exists(text))
        colon = NULL;
    if (colon)
        path = haq_arena_printf(&w->arena, "%.*s", (int)(colon - text), text);
    if (!path)
        return haq_fail(d, HAQ_NOMEM, "--target");
    haq_status s = haq_target_read(&w->target, path, d);
    if (s != HAQ_OK)
        return s;
    w->has_target = true;
    const struct haq_target_device *device =
        choose_device(&w->target, colon ? colon + 1 : NULL);
    if (!device || !device->capabilities.n)
        return haq_fail(d, HAQ_INVALID,
                        "%s says of no device%s%s what it can do; haq devices "
                        "--from %s --capabilities shows what it says",
                        path, colon ? " called " : "", colon ? colon + 1 : "",
                        path);
    snprintf(w->device, sizeof w->device, "%.60s of %.60s", device->device,
             w->target.name);
    *rows = &device->capabilities;
    return HAQ_OK;
}

static haq_status find_rows(struct haq_space_wish *w, const char *target,
                            unsigned isa, const struct haq_list **rows,
                            struct haq_diag *d)
{
    if (target)
        return read_target(w, target, rows, d);
    snprintf(w->device, sizeof w->device, "this CPU");
    *rows = &w->cpu;
    return haq_cpu_capabilities(&w->cpu, &w->arena, isa, d);
}

/* ---- all of it ------------------------------------------------------------*/

static haq_status describe(struct haq_space_wish *w, struct haq_diag *d)
{
    if (!w->rules.n && !w->rules.ties && !w->has_target)
        return HAQ_OK;
    w->json = json_pack("{s:o?, s:s?}", "rules", haq_rules_json(&w->rules),
                        "target", w->has_target ? w->device : NULL);
    return w->json ? HAQ_OK : haq_fail(d, HAQ_NOMEM, "search space");
}

haq_status haq_space_wish_new(struct haq_space_wish **out,
                              const struct haq_space_opts *o, unsigned isa,
                              struct haq_search_config *c, struct haq_diag *d)
{
    const struct haq_list *rows = NULL;
    struct haq_space_wish *w = calloc(1, sizeof *w);
    if (!w)
        return haq_fail(d, HAQ_NOMEM, "search space");
    w->rules.arena = &w->arena;
    haq_status s = read_rules(&w->rules, o, &c->formats, d);
    if (s == HAQ_OK)
        s = find_rows(w, o->target, isa, &rows, d);
    if (s == HAQ_OK)
        s = describe(w, d);
    if (s != HAQ_OK) {
        haq_space_wish_free(w);
        return s;
    }
    c->rules = &w->rules;
    c->capabilities = rows;
    c->target = w->device;
    *out = w;
    return HAQ_OK;
}

void haq_space_wish_free(struct haq_space_wish *w)
{
    if (!w)
        return;
    if (w->has_target)
        haq_target_fini(&w->target);
    json_decref(w->json);
    haq_arena_fini(&w->arena);
    free(w);
}

const json_t *haq_space_wish_json(const struct haq_space_wish *w)
{
    return w ? w->json : NULL;
}
