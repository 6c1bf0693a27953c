#include "hwprofiles/target.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "hwprofiles/source.h"

enum { DEVICES_MAX = 256, CAPABILITIES_MAX = 512, FIGURES_MAX = 256 };
enum { FILE_MAX = 16 << 20 };

#define FIGURE(type, member, ...)                                              \
    HAQ_FIELD(type, struct haq_figure, member, __VA_ARGS__)
static const struct haq_field figure_rows[] = {
    FIGURE(TEXT, name, true),
    FIGURE(REAL, value, true),
    FIGURE(TEXT, source, true),
};
static const struct haq_fields figure_fields =
    HAQ_FIELDS("figure", struct haq_figure, figure_rows);

#define DEVICE(type, member, ...)                                              \
    HAQ_FIELD(type, struct haq_target_device, member, __VA_ARGS__)
static const struct haq_field device_rows[] = {
    DEVICE(TEXT, device, true),
    DEVICE(TEXT, type, true),
    DEVICE(TEXT, name, true),
    DEVICE(TEXT, fingerprint, false),
    DEVICE(LIST, capabilities, false, .of = &haq_capability_fields,
           .max = CAPABILITIES_MAX),
    DEVICE(LIST, figures, false, .of = &figure_fields, .max = FIGURES_MAX),
};
static const struct haq_fields device_fields =
    HAQ_FIELDS("device", struct haq_target_device, device_rows);

/* What is not a table's: "profile", "machine" and "measured". */
#define PROFILE(type, member, ...)                                             \
    HAQ_FIELD(type, struct haq_target, member, __VA_ARGS__)
static const struct haq_field profile_rows[] = {
    PROFILE(TEXT, name, true),
    PROFILE(TEXT, source, true),
    PROFILE(LIST, devices, true, .of = &device_fields, .max = DEVICES_MAX),
};
static const struct haq_fields profile_fields =
    HAQ_FIELDS("profile", struct haq_target, profile_rows);

void haq_target_init(struct haq_target *p)
{
    *p = (struct haq_target){.name = "", .source = ""};
    haq_arena_init(&p->arena);
    haq_machine_init(&p->machine);
}

void haq_target_fini(struct haq_target *p)
{
    json_decref(p->measured);
    haq_machine_fini(&p->machine);
    haq_arena_fini(&p->arena);
}

struct haq_target_device *haq_target_find(const struct haq_target *p,
                                          const char *device)
{
    struct haq_target_device *v = p->devices.item;
    for (size_t i = 0; i < p->devices.n; i++)
        if (!strcmp(v[i].device, device))
            return &v[i];
    return NULL;
}

static haq_status nomem(struct haq_diag *d)
{
    return haq_fail(d, HAQ_NOMEM, "profile: out of memory");
}

/* ---- of a machine ---------------------------------------------------------
 */

static haq_status print_device(const struct haq_target *p, size_t index,
                               char out[HAQ_HASH_HEX], struct haq_diag *d)
{
    const struct haq_cl_device *c = p->machine.opencl.item;
    if (index == 0)
        return haq_machine_fingerprint(&p->machine, p->machine.isa, 0, out, d);
    return haq_cl_fingerprint(&c[index - 1], out, d);
}

static haq_status add_device(struct haq_target *p, const char *device,
                             const char *type, const char *name,
                             struct haq_diag *d)
{
    char print[HAQ_HASH_HEX];
    haq_status s = print_device(p, p->devices.n, print, d);
    if (s != HAQ_OK)
        return s;
    struct haq_target_device *v =
        haq_list_add(&p->devices, sizeof *v, &p->arena);
    if (!v)
        return nomem(d);
    v->device = haq_arena_strdup(&p->arena, device);
    v->type = type;
    v->name = name;
    v->fingerprint = haq_arena_strdup(&p->arena, print);
    return v->device && v->fingerprint ? HAQ_OK : nomem(d);
}

haq_status haq_target_probe(struct haq_target *p, const char *folder,
                            const char *record, struct haq_diag *d)
{
    haq_target_init(p);
    haq_status s = haq_sources_run(&p->machine, folder, record, d);
    if (s != HAQ_OK)
        goto done;
    p->has_machine = true;
    p->name = p->machine.host ? p->machine.host : p->machine.model;
    p->source = p->machine.origin ? p->machine.origin : "this machine";
    s = add_device(p, "cpu", "cpu", p->machine.model, d);
    const struct haq_cl_device *c = p->machine.opencl.item;
    for (size_t i = 0; s == HAQ_OK && i < p->machine.opencl.n; i++) {
        char id[32];
        snprintf(id, sizeof id, "opencl:%zu", i);
        s = add_device(p, id, c[i].type, c[i].name, d);
    }
done:
    if (s != HAQ_OK)
        haq_target_fini(p);
    return s;
}

/* ---- JSON -----------------------------------------------------------------
 */

json_t *haq_target_to_json(const struct haq_target *p)
{
    json_t *j = haq_fields_write(&profile_fields, p);
    int bad = !j || json_object_set_new(j, "profile",
                                        json_integer(HAQ_TARGET_VERSION));
    if (!bad && p->has_machine)
        bad =
            json_object_set_new(j, "machine", haq_machine_to_json(&p->machine));
    if (!bad && p->measured)
        bad = json_object_set(j, "measured", p->measured);
    if (!bad)
        return j;
    json_decref(j);
    return NULL;
}

/* A version of another program may mean anything by its keys: look first. */
static haq_status check_version(const json_t *j, const char *name,
                                struct haq_diag *d)
{
    int64_t version;
    if (!json_is_object(j))
        return haq_fail(d, HAQ_FORMAT, "%s: not a profile", name);
    haq_status s = haq_json_get_int(j, name, "profile", &version, d);
    if (s == HAQ_OK && version != HAQ_TARGET_VERSION)
        s = haq_fail(d, HAQ_FORMAT, "%s: profile version %lld; %d is read here",
                     name, (long long)version, HAQ_TARGET_VERSION);
    return s;
}

static haq_status check_devices(const struct haq_target *p, const char *name,
                                struct haq_diag *d)
{
    const struct haq_target_device *v = p->devices.item;
    haq_status s = HAQ_OK;

    if (!p->devices.n)
        return haq_fail(d, HAQ_FORMAT, "%s: a profile without devices", name);
    for (size_t i = 0; s == HAQ_OK && i < p->devices.n; i++) {
        const struct haq_capability *c = v[i].capabilities.item;
        if (haq_target_find(p, v[i].device) != &v[i])
            return haq_fail(d, HAQ_FORMAT, "%s: two devices are \"%.60s\"",
                            name, v[i].device);
        for (size_t k = 0; s == HAQ_OK && k < v[i].capabilities.n; k++) {
            char where[200];
            snprintf(where, sizeof where,
                     "%.120s: devices[%zu].capabilities[%zu]", name, i, k);
            s = haq_capability_check(&c[k], where, d);
        }
    }
    return s;
}

/* Devices of a machine are those that probing it gives, in that order. */
static haq_status check_prints(const struct haq_target *p, const char *name,
                               struct haq_diag *d)
{
    const struct haq_target_device *v = p->devices.item;

    if (p->devices.n != 1 + p->machine.opencl.n)
        return haq_fail(d, HAQ_FORMAT,
                        "%s: %zu devices do not belong to the machine", name,
                        p->devices.n);
    for (size_t i = 0; i < p->devices.n; i++) {
        char print[HAQ_HASH_HEX];
        haq_status s = print_device(p, i, print, d);
        if (s != HAQ_OK)
            return s;
        if (!v[i].fingerprint || strcmp(v[i].fingerprint, print) != 0)
            return haq_fail(d, HAQ_FORMAT,
                            "%s: devices[%zu].fingerprint is not that of the "
                            "machine (it would be %.12s...)",
                            name, i, print);
    }
    return HAQ_OK;
}

static haq_status read_parts(struct haq_target *p, json_t *j, const char *name,
                             struct haq_diag *d)
{
    char where[200];
    json_t *machine = json_object_get(j, "machine");
    json_t *measured = json_object_get(j, "measured");
    haq_status s = HAQ_OK;

    if (measured && !json_is_object(measured))
        return haq_fail(d, HAQ_FORMAT, "%s: measured: not an object", name);
    p->measured = json_incref(measured);
    if (machine) {
        struct haq_machine m;
        snprintf(where, sizeof where, "%.180s: machine", name);
        s = haq_machine_from_json(&m, machine, where, d);
        if (s != HAQ_OK)
            return s;
        p->machine = m;
        p->has_machine = true;
    }
    s = check_devices(p, name, d);
    return s == HAQ_OK && machine ? check_prints(p, name, d) : s;
}

haq_status haq_target_from_json(struct haq_target *p, const json_t *j,
                                const char *name, struct haq_diag *d)
{
    struct haq_arena arena;
    json_t *rest;
    haq_status s = check_version(j, name, d);
    if (s != HAQ_OK)
        return s;
    rest = json_deep_copy(j);
    if (!rest)
        return nomem(d);
    json_object_del(rest, "profile");
    json_object_del(rest, "machine");
    json_object_del(rest, "measured");
    haq_arena_init(&arena);
    haq_target_init(p);
    s = haq_fields_read(&profile_fields, p, rest, name, &arena, d);
    p->arena = arena;
    json_decref(rest);
    if (s == HAQ_OK) {
        union { /* references are counted in the object, which is ours too */
            const json_t *in;
            json_t *out;
        } whole = {.in = j};
        s = read_parts(p, whole.out, name, d);
    }
    if (s != HAQ_OK)
        haq_target_fini(p);
    return s;
}

haq_status haq_target_read(struct haq_target *p, const char *path,
                           struct haq_diag *d)
{
    void *text;
    size_t len;
    json_t *j;
    haq_status s = haq_file_read(path, FILE_MAX, &text, &len, d);
    if (s != HAQ_OK)
        return s;
    s = haq_json_parse(path, text, len, &j, d);
    free(text);
    if (s != HAQ_OK)
        return s;
    s = haq_target_from_json(p, j, path, d);
    json_decref(j);
    return s;
}

haq_status haq_target_write(const struct haq_target *p, const char *path,
                            struct haq_diag *d)
{
    json_t *j = haq_target_to_json(p);
    size_t len;
    char *text = j ? haq_json_canonical(j, &len) : NULL;

    json_decref(j);
    if (!text)
        return nomem(d);
    text[len] = '\n'; /* where the NUL was */
    haq_status s = haq_file_write(path, text, len + 1, d);
    free(text);
    return s;
}
