/* Reading goes in three steps: elements become a list of objects that know
 * their parents; hardware threads are counted upwards; objects that are alike
 * become rows. */
#include "hwprofiles/topology.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "hwprofiles/xml.h"

enum { OBJECTS_MAX = 1 << 17, KINDS_MAX = 16, CACHES_MAX = 64, NONE = -1 };

enum family { OTHER, PACKAGE, CORE, PU, CACHE, NUMA, DEVICE };

/* Types of hwloc 2 that matter; all others only hold some of these. */
static const struct type {
    const char *name;
    enum family family;
    unsigned level; /* caches */
} types[] = {
    {"Package", PACKAGE, 0}, {"Core", CORE, 0},      {"PU", PU, 0},
    {"L1Cache", CACHE, 1},   {"L2Cache", CACHE, 2},  {"L3Cache", CACHE, 3},
    {"L4Cache", CACHE, 4},   {"L5Cache", CACHE, 5},  {"L1iCache", CACHE, 1},
    {"L2iCache", CACHE, 2},  {"L3iCache", CACHE, 3}, {"NUMANode", NUMA, 0},
    {"OSDev", DEVICE, 0},    {NULL, OTHER, 0},
};

struct object {
    const struct type *type;
    int parent; /* index, or NONE */
    uint64_t number;
    uint64_t bytes, line, ways; /* caches; bytes of a NUMA node too */
    unsigned cache_type;
    int kind; /* of a core: index, found by its first hardware thread */
    uint64_t pus, allowed_pus, cores, allowed_cores; /* inside */
};

struct kind {
    struct haq_cpuset cpus;
    const char *name;
    uint64_t efficiency; /* as told; 0: not */
    uint64_t capacity, max_mhz;
};

struct reader {
    struct haq_machine *m;
    struct haq_xml xml;
    struct haq_cpuset *allowed, seen;
    const char *const *cpu_name;
    struct object *object; /* [room] */
    size_t n, room;
    int open[HAQ_XML_DEPTH]; /* object of each open element, or NONE */
    struct kind *kind;       /* [KINDS_MAX] */
    size_t n_kinds;
    size_t roots;
};

static haq_status nomem(const struct reader *r, struct haq_diag *d)
{
    return haq_fail(d, HAQ_NOMEM, "%s: out of memory", r->xml.file);
}

/* ---- elements -------------------------------------------------------------
 */

static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    *out = strtoull(text, &end, 10);
    return isdigit((unsigned char)*text) && !*end && strlen(text) < 20 &&
           *out <= max;
}

/* A whole number in an attribute; `absent` when it is not there. */
static haq_status number(const struct reader *r, const char *name, uint64_t max,
                         uint64_t absent, uint64_t *out, struct haq_diag *d)
{
    const char *text = haq_xml_get(&r->xml, name);
    char why[100];

    *out = absent;
    if (!text || parse_number(text, max, out))
        return HAQ_OK;
    snprintf(why, sizeof why, "%s=\"%.30s\" is not a number up to %llu", name,
             text, (unsigned long long)max);
    return haq_xml_bad(&r->xml, why, d);
}

static const struct type *find_type(const char *name)
{
    const struct type *t = types;
    while (t->name && strcmp(t->name, name) != 0)
        t++;
    return t;
}

static int parent_of(const struct reader *r)
{
    /* The element itself is open, too. */
    return r->xml.depth >= 2 ? r->open[r->xml.depth - 2] : NONE;
}

static haq_status read_cache(const struct reader *r, struct object *o,
                             struct haq_diag *d)
{
    static const uint64_t most_bytes = UINT64_C(1) << 40;
    const char *ways = haq_xml_get(&r->xml, "cache_associativity");
    uint64_t type = 0;
    haq_status s = number(r, "cache_size", most_bytes, 0, &o->bytes, d);
    if (s == HAQ_OK)
        s = number(r, "cache_linesize", 1 << 20, 0, &o->line, d);
    /* -1: fully associative, as many ways as there are lines. */
    if (s == HAQ_OK && ways && !strcmp(ways, "-1"))
        o->ways = o->line ? o->bytes / o->line : 0;
    else if (s == HAQ_OK)
        s = number(r, "cache_associativity", 1 << 20, 0, &o->ways, d);
    if (s == HAQ_OK)
        s = number(r, "cache_type", HAQ_CACHE_CODE, 0, &type, d);
    if (s == HAQ_OK)
        o->cache_type = (unsigned)type;
    return s;
}

static haq_status read_pu(struct reader *r, const struct object *o,
                          struct haq_diag *d)
{
    if (o->number >= HAQ_CPUS_MAX)
        return haq_xml_bad(&r->xml, "a PU without a number below 8192", d);
    if (haq_cpuset_has(&r->seen, o->number))
        return haq_xml_bad(&r->xml, "two PUs have the same number", d);
    haq_cpuset_add(&r->seen, o->number);
    return HAQ_OK;
}

/* osdev_type of hwloc 2: storage and network cards are none of our business. */
static haq_status read_device(struct reader *r, struct haq_diag *d)
{
    static const char *const kinds[] = {
        [1] = "gpu", [3] = "fabric", [5] = "coprocessor"};
    enum { N = sizeof kinds / sizeof *kinds };
    const char *name = haq_xml_get(&r->xml, "name");
    uint64_t type;
    haq_status s = number(r, "osdev_type", 1 << 20, N, &type, d);
    if (s != HAQ_OK || type >= N || !kinds[type])
        return s;
    struct haq_arena *a = &r->m->arena;
    struct haq_os_device *o = haq_list_add(&r->m->devices, sizeof *o, a);
    if (!o)
        return nomem(r, d);
    o->name = haq_text_copy(a, name ? name : "?", name ? strlen(name) : 1);
    o->type = kinds[type];
    return o->name ? HAQ_OK : nomem(r, d);
}

static haq_status read_object(struct reader *r, struct haq_diag *d)
{
    static const uint64_t most_bytes = UINT64_C(1) << 50;
    const char *name = haq_xml_get(&r->xml, "type");
    haq_status s = HAQ_OK;

    if (!name)
        return haq_xml_bad(&r->xml, "an object without a type", d);
    if (r->n == r->room)
        return haq_xml_bad(&r->xml, "more objects than a machine has", d);
    const struct type *t = find_type(name);
    struct object *o = &r->object[r->n];
    *o = (struct object){.type = t, .parent = parent_of(r), .kind = NONE};
    if (o->parent == NONE && r->roots++)
        return haq_xml_bad(&r->xml, "a second machine", d);
    s = number(r, "os_index", UINT32_MAX, HAQ_CPUS_MAX, &o->number, d);
    if (s == HAQ_OK && t->family == CACHE)
        s = read_cache(r, o, d);
    if (s == HAQ_OK && t->family == NUMA)
        s = number(r, "local_memory", most_bytes, 0, &o->bytes, d);
    if (s == HAQ_OK && t->family == PU)
        s = read_pu(r, o, d);
    if (s == HAQ_OK && t->family == DEVICE)
        s = read_device(r, d);
    r->open[r->xml.depth - 1] = (int)r->n++;
    return s;
}

static haq_status read_kind(struct reader *r, struct haq_diag *d)
{
    const char *mask = haq_xml_get(&r->xml, "cpuset");
    struct kind *k = &r->kind[r->n_kinds];
    if (r->n_kinds == KINDS_MAX)
        return haq_xml_bad(&r->xml, "more than 16 kinds of cores", d);
    *k = (struct kind){0};
    if (!mask || !haq_cpuset_parse_mask(&k->cpus, mask))
        return haq_xml_bad(&r->xml, "a cpukind without a set of CPUs", d);
    r->n_kinds++;
    /* 0 is told for the least efficient as well as for "all alike". */
    return number(r, "forced_efficiency", 1 << 20, 0, &k->efficiency, d);
}

/* Notes inside a kind of cores. */
static haq_status read_kind_info(struct reader *r, const char *value,
                                 struct haq_diag *d)
{
    struct kind *k = &r->kind[r->n_kinds - 1];
    const char *name = haq_xml_get(&r->xml, "name");
    uint64_t *to = !strcmp(name, "LinuxCapacity")     ? &k->capacity
                   : !strcmp(name, "FrequencyMaxMHz") ? &k->max_mhz
                                                      : NULL;
    if (!strcmp(name, "CoreType")) {
        k->name = haq_text_copy(&r->m->arena, value, strlen(value));
        return k->name ? HAQ_OK : nomem(r, d);
    }
    if (!to)
        return HAQ_OK;
    if (!parse_number(value, 1 << 20, to))
        return haq_xml_bad(&r->xml, "a kind of cores with a wrong number", d);
    return HAQ_OK;
}

/* Notes inside a co-processor. */
static haq_status read_device_info(struct reader *r, const char *value,
                                   struct haq_diag *d)
{
    struct haq_os_device *o = r->m->devices.item;
    const char *name = haq_xml_get(&r->xml, "name");
    if (!r->m->devices.n)
        return HAQ_OK;
    o += r->m->devices.n - 1;
    if (!o->model &&
        (!strcmp(name, "GPUModel") || !strcmp(name, "CoProcModel"))) {
        o->model = haq_text_copy(&r->m->arena, value, strlen(value));
        return o->model ? HAQ_OK : nomem(r, d);
    }
    uint64_t kib;
    if (strcmp(name, "CUDAGlobalMemorySize") != 0 &&
        strcmp(name, "OpenCLGlobalMemorySize") != 0)
        return HAQ_OK;
    if (!parse_number(value, UINT64_C(1) << 40, &kib))
        return haq_xml_bad(&r->xml, "a co-processor with a wrong size", d);
    o->bytes = kib << 10;
    return HAQ_OK;
}

static haq_status read_info(struct reader *r, struct haq_diag *d)
{
    const char *name = haq_xml_get(&r->xml, "name");
    const char *value = haq_xml_get(&r->xml, "value");
    int up = parent_of(r);
    if (!name || !value)
        return haq_xml_bad(&r->xml, "a note without name and value", d);
    if (r->xml.depth >= 2 &&
        !strcmp(r->xml.stack[r->xml.depth - 2], "cpukind") && r->n_kinds)
        return read_kind_info(r, value, d);
    if (up != NONE && r->object[up].type->family == DEVICE)
        return read_device_info(r, value, d);
    return HAQ_OK;
}

static haq_status read_root(struct reader *r, struct haq_diag *d)
{
    const char *version = haq_xml_get(&r->xml, "version");
    if (version && !strncmp(version, "2.", 2))
        return HAQ_OK;
    return haq_fail(d, HAQ_FORMAT,
                    "%s: hwloc's format %.20s; versions 2.x are read",
                    r->xml.file, version ? version : "1");
}

typedef haq_status element_fn(struct reader *r, struct haq_diag *d);
static const struct {
    const char *name;
    element_fn *read;
} elements[] = {
    {"object", read_object}, {"cpukind", read_kind}, {"info", read_info}};

static haq_status read_element(struct reader *r, struct haq_diag *d)
{
    r->open[r->xml.depth - 1] = NONE;
    if (r->xml.depth == 1) {
        if (strcmp(r->xml.name, "topology") != 0)
            return haq_xml_bad(&r->xml, "no <topology> of hwloc", d);
        return read_root(r, d);
    }
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
        if (!strcmp(r->xml.name, elements[i].name))
            return elements[i].read(r, d);
    return HAQ_OK; /* distances and the like */
}

static haq_status read_elements(struct reader *r, struct haq_diag *d)
{
    enum haq_xml_event event = HAQ_XML_OPEN;
    while (event != HAQ_XML_END) {
        haq_status s = haq_xml_next(&r->xml, &event, d);
        if (s == HAQ_OK && event == HAQ_XML_OPEN)
            s = read_element(r, d);
        if (s != HAQ_OK)
            return s;
    }
    return HAQ_OK;
}

/* ---- counting -------------------------------------------------------------
 */

/* The enclosing object of a family, or NONE. */
static int enclosing(const struct reader *r, int i, enum family f)
{
    do
        i = r->object[i].parent;
    while (i != NONE && r->object[i].type->family != f);
    return i;
}

/* A core is what contains hardware threads and nothing smaller; machines that
 * hide their cores have one per hardware thread. */
static bool is_core(const struct reader *r, int i)
{
    enum family f = r->object[i].type->family;
    return f == CORE || (f == PU && enclosing(r, i, CORE) == NONE);
}

static void count_up(struct reader *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct object *o = &r->object[i];
        if (o->type->family != PU)
            continue;
        bool allowed = haq_cpuset_has(r->allowed, o->number);
        for (int up = (int)i; up != NONE; up = r->object[up].parent) {
            r->object[up].pus++;
            r->object[up].allowed_pus += allowed;
        }
    }
    for (size_t i = 0; i < r->n; i++)
        if (is_core(r, (int)i)) {
            bool allowed = r->object[i].allowed_pus > 0;
            for (int up = (int)i; up != NONE; up = r->object[up].parent) {
                r->object[up].cores++;
                r->object[up].allowed_cores += allowed;
            }
        }
}

static void take_totals(struct reader *r)
{
    struct haq_machine *m = r->m;
    for (size_t i = 0; i < r->n; i++)
        m->packages += r->object[i].type->family == PACKAGE;
    /* The first object is the root, and everything is inside. */
    m->cores = r->object[0].cores;
    m->pus = r->object[0].pus;
    m->allowed_cores = r->object[0].allowed_cores;
    m->allowed_pus = r->object[0].allowed_pus;
}

/* ---- kinds of cores -------------------------------------------------------
 */

/* The kind that holds the CPU, or one of that name, or a new one. */
static size_t kind_of(struct reader *r, uint64_t cpu, const char *name)
{
    size_t k = 0;
    while (k < r->n_kinds && !haq_cpuset_has(&r->kind[k].cpus, cpu))
        k++;
    if (k < r->n_kinds)
        return k;
    k = 0;
    while (k < r->n_kinds &&
           (!r->kind[k].name || strcmp(r->kind[k].name, name) != 0))
        k++;
    if (k == r->n_kinds && k < KINDS_MAX)
        r->kind[r->n_kinds++] = (struct kind){.name = name};
    return k;
}

/* The kinds that hwloc tells, or else one for each name that /proc tells. */
static haq_status name_kinds(struct reader *r, struct haq_diag *d)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct object *o = &r->object[i];
        if (o->type->family != PU)
            continue;
        const char *name = r->cpu_name ? r->cpu_name[o->number] : NULL;
        name = name ? name : r->m->model;
        size_t k = kind_of(r, o->number, name);
        if (k == KINDS_MAX)
            return haq_fail(d, HAQ_FORMAT, "%s: more than %d kinds of cores",
                            r->xml.file, KINDS_MAX);
        haq_cpuset_add(&r->kind[k].cpus, o->number);
        if (!r->kind[k].name)
            r->kind[k].name = name;
    }
    return HAQ_OK;
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Slowest first, by what is told: hwloc's rank, Linux's capacity, frequency;
 * "IntelAtom" comes before "IntelCore" by name. */
static int compare_kinds(const void *a, const void *b)
{
    const struct kind *x = a, *y = b;
    int c = compare(x->efficiency, y->efficiency);
    c = c ? c : compare(x->capacity, y->capacity);
    c = c ? c : compare(x->max_mhz, y->max_mhz);
    return c || !x->name || !y->name ? c : strcmp(x->name, y->name);
}

/* A core belongs to the kind of its first hardware thread. */
static void count_kind(struct reader *r, int k, struct haq_core_kind *row)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct object *o = &r->object[i];
        if (o->type->family != PU ||
            !haq_cpuset_has(&r->kind[k].cpus, o->number))
            continue;
        int core = enclosing(r, (int)i, CORE);
        struct object *c = &r->object[core == NONE ? (int)i : core];
        row->pus++;
        row->allowed_pus += haq_cpuset_has(r->allowed, o->number);
        if (c->kind != NONE)
            continue;
        c->kind = k;
        row->cores++;
        row->allowed_cores += c->allowed_pus > 0;
    }
}

static haq_status take_kinds(struct reader *r, struct haq_diag *d)
{
    haq_status s = name_kinds(r, d);
    if (s != HAQ_OK)
        return s;
    qsort(r->kind, r->n_kinds, sizeof *r->kind, compare_kinds);
    for (size_t k = 0; k < r->n_kinds; k++) {
        struct haq_core_kind *to, row = {.name = r->kind[k].name,
                                         .capacity = r->kind[k].capacity,
                                         .max_mhz = r->kind[k].max_mhz};
        count_kind(r, (int)k, &row);
        if (!row.pus) /* a kind whose cores are all offline */
            continue;
        to = haq_list_add(&r->m->kinds, sizeof *to, &r->m->arena);
        if (!to)
            return nomem(r, d);
        *to = row;
    }
    return HAQ_OK;
}

/* ---- caches and NUMA nodes ------------------------------------------------
 */

static int compare_caches(const void *a, const void *b)
{
    const struct haq_cache *x = a, *y = b;
    int c = compare(x->level, y->level);
    c = c ? c : compare(x->type, y->type);
    c = c ? c : compare(x->bytes, y->bytes);
    c = c ? c : compare(x->line, y->line);
    c = c ? c : compare(x->ways, y->ways);
    return c ? c : compare(x->pus, y->pus);
}

static haq_status take_cache(struct reader *r, const struct object *o,
                             struct haq_diag *d)
{
    struct haq_list *l = &r->m->caches;
    struct haq_cache row = {.level = o->type->level,
                            .type = o->cache_type,
                            .bytes = o->bytes,
                            .line = o->line,
                            .ways = o->ways,
                            .pus = o->pus};
    struct haq_cache *c = l->item;
    size_t i = 0;

    while (i < l->n && compare_caches(&c[i], &row))
        i++;
    if (i < l->n) {
        c += i;
    } else {
        if (l->n == CACHES_MAX)
            return haq_fail(d, HAQ_FORMAT, "%s: more than %d kinds of caches",
                            r->xml.file, CACHES_MAX);
        c = haq_list_add(l, sizeof *c, &r->m->arena);
        if (!c)
            return nomem(r, d);
        *c = row;
    }
    c->count++;
    c->allowed += o->allowed_pus > 0;
    return HAQ_OK;
}

/* Memory stands beside the cores that are close to it, perhaps behind a cache
 * of its own. */
static haq_status take_node(struct reader *r, const struct object *o,
                            struct haq_diag *d)
{
    struct haq_numa_node *to =
        haq_list_add(&r->m->numa, sizeof *to, &r->m->arena);
    const struct object *home = o;
    if (!to)
        return nomem(r, d);
    while (home->parent != NONE && !home->pus)
        home = &r->object[home->parent];
    *to = (struct haq_numa_node){.number = o->number,
                                 .bytes = o->bytes,
                                 .cores = home->cores,
                                 .allowed_cores = home->allowed_cores};
    return HAQ_OK;
}

static int compare_nodes(const void *a, const void *b)
{
    const struct haq_numa_node *x = a, *y = b;
    return compare(x->number, y->number);
}

static haq_status take_memory(struct reader *r, struct haq_diag *d)
{
    struct haq_machine *m = r->m;
    haq_status s = HAQ_OK;
    uint64_t bytes = 0;

    for (size_t i = 0; s == HAQ_OK && i < r->n; i++) {
        const struct object *o = &r->object[i];
        if (o->type->family == CACHE)
            s = take_cache(r, o, d);
        if (o->type->family == NUMA) {
            s = take_node(r, o, d);
            bytes += o->bytes;
        }
    }
    if (s != HAQ_OK)
        return s;
    if (m->caches.n)
        qsort(m->caches.item, m->caches.n, sizeof(struct haq_cache),
              compare_caches);
    if (m->numa.n)
        qsort(m->numa.item, m->numa.n, sizeof(struct haq_numa_node),
              compare_nodes);
    if (!m->memory_bytes)
        m->memory_bytes = bytes;
    return HAQ_OK;
}

/* ---- all of it ------------------------------------------------------------
 */

static haq_status check_allowed(struct reader *r, struct haq_diag *d)
{
    char text[600];
    if (!r->n || !haq_cpuset_count(&r->seen))
        return haq_fail(d, HAQ_FORMAT, "%s: a machine without PUs",
                        r->xml.file);
    haq_cpuset_and(r->allowed, &r->seen);
    if (!haq_cpuset_count(r->allowed))
        return haq_fail(d, HAQ_INVALID,
                        "%s: none of its CPUs may be used (affinity mask and "
                        "cpuset leave others)",
                        r->xml.file);
    haq_cpuset_text(text, sizeof text, r->allowed);
    r->m->allowed_cpus = haq_arena_strdup(&r->m->arena, text);
    return r->m->allowed_cpus ? HAQ_OK : nomem(r, d);
}

/* Room for the objects, by their tags. */
static size_t count_objects(const char *text)
{
    size_t n = 0;
    while (n < OBJECTS_MAX && (text = strstr(text, "<object")) != NULL) {
        text++;
        n++;
    }
    return n;
}

haq_status haq_topology_read(struct haq_machine *m, const char *file,
                             char *text, size_t len, struct haq_cpuset *allowed,
                             const char *const *cpu_name,
                             struct haq_arena *scratch, struct haq_diag *d)
{
    struct reader *r = haq_arena_alloc(scratch, sizeof *r);
    if (!r)
        return haq_fail(d, HAQ_NOMEM, "%s: out of memory", file);
    r->m = m;
    r->allowed = allowed;
    r->cpu_name = cpu_name;
    haq_xml_init(&r->xml, file, text, len);
    r->room = count_objects(text);
    r->object = haq_arena_array(scratch, r->room, sizeof *r->object);
    r->kind = haq_arena_array(scratch, KINDS_MAX, sizeof *r->kind);
    if (!r->object || !r->kind)
        return nomem(r, d);
    haq_status s = read_elements(r, d);
    if (s == HAQ_OK)
        s = check_allowed(r, d);
    if (s != HAQ_OK)
        return s;
    count_up(r);
    take_totals(r);
    s = take_kinds(r, d);
    return s == HAQ_OK ? take_memory(r, d) : s;
}
