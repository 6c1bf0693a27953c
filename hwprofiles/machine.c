#include "hwprofiles/machine.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/cpu.h"
#include "base/json.h"
#include "hwprofiles/source.h"

void haq_machine_init(struct haq_machine *m)
{
    *m = (struct haq_machine){0};
    haq_arena_init(&m->arena);
}

void haq_machine_fini(struct haq_machine *m)
{
    haq_arena_fini(&m->arena);
}

haq_status haq_machine_probe(struct haq_machine *m, struct haq_diag *d)
{
    return haq_sources_run(m, NULL, NULL, d);
}

uint64_t haq_machine_usable_cores(const struct haq_machine *m)
{
    uint64_t n = m->allowed_cores, quota = m->quota_milli / 1000;
    if (m->quota_milli && quota < n)
        n = quota;
    return n ? n : 1;
}

uint64_t haq_machine_cache(const struct haq_machine *m, uint64_t level)
{
    const struct haq_cache *c = m->caches.item;
    uint64_t best = 0;
    for (size_t i = 0; i < m->caches.n; i++)
        if (c[i].level == level && c[i].type != HAQ_CACHE_CODE &&
            c[i].allowed && (!best || c[i].bytes < best))
            best = c[i].bytes;
    return best;
}

/* ---- JSON -----------------------------------------------------------------
 */

enum { COUNT_MAX = 1 << 20 }; /* of anything that a machine has */

#define KIND(type, member, ...)                                                \
    HAQ_FIELD(type, struct haq_core_kind, member, __VA_ARGS__)
static const struct haq_field kind_rows[] = {
    KIND(TEXT, name, true),
    KIND(COUNT, cores, true, .max = COUNT_MAX),
    KIND(COUNT, pus, true, .max = COUNT_MAX),
    KIND(COUNT, allowed_cores, true, .max = COUNT_MAX),
    KIND(COUNT, allowed_pus, true, .max = COUNT_MAX),
    KIND(COUNT, max_mhz, false, .max = COUNT_MAX),
    KIND(COUNT, capacity, false, .max = COUNT_MAX),
};
static const struct haq_fields kind_fields =
    HAQ_FIELDS("kind of cores", struct haq_core_kind, kind_rows);

static const char *const cache_types[] = {
    [HAQ_CACHE_UNIFIED] = "unified",
    [HAQ_CACHE_DATA] = "data",
    [HAQ_CACHE_CODE] = "code",
    NULL,
};

#define CACHE(type, member, ...)                                               \
    HAQ_FIELD(type, struct haq_cache, member, __VA_ARGS__)
static const struct haq_field cache_rows[] = {
    CACHE(COUNT, level, true, .max = 9),
    CACHE(WORD, type, true, .words = cache_types),
    CACHE(COUNT, bytes, true),
    CACHE(COUNT, line, false, .max = COUNT_MAX),
    CACHE(COUNT, ways, false),
    CACHE(COUNT, pus, true, .max = COUNT_MAX),
    CACHE(COUNT, count, true, .max = COUNT_MAX),
    CACHE(COUNT, allowed, true, .max = COUNT_MAX),
};
static const struct haq_fields cache_fields =
    HAQ_FIELDS("cache", struct haq_cache, cache_rows);

#define NUMA(type, member, ...)                                                \
    HAQ_FIELD(type, struct haq_numa_node, member, __VA_ARGS__)
static const struct haq_field numa_rows[] = {
    NUMA(COUNT, number, true, .max = COUNT_MAX),
    NUMA(COUNT, bytes, true),
    NUMA(COUNT, cores, true, .max = COUNT_MAX),
    NUMA(COUNT, allowed_cores, true, .max = COUNT_MAX),
};
static const struct haq_fields numa_fields =
    HAQ_FIELDS("NUMA node", struct haq_numa_node, numa_rows);

#define DEVICE(type, member, ...)                                              \
    HAQ_FIELD(type, struct haq_os_device, member, __VA_ARGS__)
static const struct haq_field device_rows[] = {
    DEVICE(TEXT, name, true),
    DEVICE(TEXT, type, true),
    DEVICE(TEXT, model, false),
    DEVICE(COUNT, bytes, false),
};
static const struct haq_fields device_fields =
    HAQ_FIELDS("co-processor", struct haq_os_device, device_rows);

#define CL(type, member, ...)                                                  \
    HAQ_FIELD(type, struct haq_cl_device, member, __VA_ARGS__)
static const struct haq_field cl_rows[] = {
    CL(TEXT, platform, true),
    CL(TEXT, name, true),
    CL(TEXT, version, true),
    CL(TEXT, driver, true),
    CL(TEXT, type, true),
    CL(COUNT, compute_units, true, .max = COUNT_MAX),
    CL(COUNT, memory_bytes, true),
};
const struct haq_fields haq_cl_fields =
    HAQ_FIELDS("OpenCL device", struct haq_cl_device, cl_rows);

#define RUNTIME(type, member, ...)                                             \
    HAQ_FIELD(type, struct haq_runtime, member, __VA_ARGS__)
static const struct haq_field runtime_rows[] = {
    RUNTIME(TEXT, name, true),
    RUNTIME(TEXT, file, true),
    RUNTIME(TEXT, version, false),
};
static const struct haq_fields runtime_fields =
    HAQ_FIELDS("runtime", struct haq_runtime, runtime_rows);

#define UNKNOWN(type, member, ...)                                             \
    HAQ_FIELD(type, struct haq_unknown, member, __VA_ARGS__)
static const struct haq_field unknown_rows[] = {
    UNKNOWN(TEXT, what, true),
    UNKNOWN(TEXT, file, true),
    UNKNOWN(TEXT, reason, true),
};
static const struct haq_fields unknown_fields =
    HAQ_FIELDS("unknown", struct haq_unknown, unknown_rows);

static const char *const isa_names[] = {
#define X(id, name, bit) [bit] = name,
    HAQ_ISA_MAP(X)
#undef X
        NULL,
};

#define M(type, member, ...)                                                   \
    HAQ_FIELD(type, struct haq_machine, member, __VA_ARGS__)
static const struct haq_field machine_rows[] = {
    M(TEXT, origin, false),
    M(TEXT, host, false),
    M(TEXT, arch, true),
    M(TEXT, vendor, false),
    M(TEXT, model, true),
    M(COUNT, family, false, .max = COUNT_MAX),
    M(COUNT, model_number, false, .max = COUNT_MAX),
    M(COUNT, stepping, false, .max = COUNT_MAX),
    M(COUNT, packages, true, .max = COUNT_MAX),
    M(COUNT, cores, true, .max = COUNT_MAX),
    M(COUNT, pus, true, .max = COUNT_MAX),
    M(COUNT, allowed_cores, true, .max = COUNT_MAX),
    M(COUNT, allowed_pus, true, .max = COUNT_MAX),
    M(TEXT, allowed_cpus, false),
    M(LIST, kinds, true, .of = &kind_fields),
    M(LIST, caches, true, .of = &cache_fields),
    M(LIST, numa, true, .of = &numa_fields),
    M(COUNT, memory_bytes, true),
    M(MASK, isa, true, .words = isa_names),
    M(TEXTS, features, false),
    M(TEXT, cgroup, false),
    M(COUNT, quota_milli, false),
    M(COUNT, memory_limit, false),
    M(TEXT, governor, false),
    M(TEXT, boost, false),
    M(TEXT, huge_pages, false),
    M(LIST, devices, false, .of = &device_fields),
    M(LIST, opencl, false, .of = &haq_cl_fields),
    M(LIST, runtimes, false, .of = &runtime_fields),
    M(LIST, unknown, false, .of = &unknown_fields),
};
static const struct haq_fields machine_fields =
    HAQ_FIELDS("machine", struct haq_machine, machine_rows);

json_t *haq_machine_to_json(const struct haq_machine *m)
{
    return haq_fields_write(&machine_fields, m);
}

haq_status haq_machine_from_json(struct haq_machine *m, const json_t *j,
                                 const char *where, struct haq_diag *d)
{
    struct haq_machine read;
    struct haq_arena arena;

    haq_arena_init(&arena);
    haq_status s = haq_fields_read(&machine_fields, &read, j, where, &arena, d);
    if (s == HAQ_OK && (!read.cores || !read.allowed_cores || !read.kinds.n))
        s = haq_fail(d, HAQ_FORMAT, "%s: a machine without cores", where);
    if (s != HAQ_OK) {
        haq_arena_fini(&arena);
        return s;
    }
    *m = read;
    m->arena = arena;
    return HAQ_OK;
}

/* ---- fingerprint ----------------------------------------------------------
 */

static json_t *count(uint64_t v)
{
    return json_integer((json_int_t)v);
}

static json_t *text(const char *s)
{
    return s ? json_string(s) : json_null();
}

/* An array of numbers, as one line of the fingerprint. */
static json_t *counts(const uint64_t *v, size_t n)
{
    json_t *j = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(j, count(v[i]));
    return j;
}

static json_t *print_kinds(const struct haq_machine *m)
{
    const struct haq_core_kind *k = m->kinds.item;
    json_t *all = json_array();
    for (size_t i = 0; i < m->kinds.n; i++)
        if (k[i].allowed_cores)
            json_array_append_new(all, json_pack("[s, o, o, o, o]", k[i].name,
                                                 count(k[i].allowed_cores),
                                                 count(k[i].allowed_pus),
                                                 count(k[i].max_mhz),
                                                 count(k[i].capacity)));
    return all;
}

static json_t *print_caches(const struct haq_machine *m)
{
    const struct haq_cache *c = m->caches.item;
    json_t *all = json_array();
    for (size_t i = 0; i < m->caches.n; i++) {
        const uint64_t v[] = {c[i].level, c[i].type, c[i].bytes,  c[i].line,
                              c[i].ways,  c[i].pus,  c[i].allowed};
        if (c[i].allowed)
            json_array_append_new(all, counts(v, sizeof v / sizeof *v));
    }
    return all;
}

static int compare_counts(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Allowed cores of each node that has some, without saying which node. */
static json_t *print_numa(const struct haq_machine *m)
{
    const struct haq_numa_node *n = m->numa.item;
    uint64_t *cores = calloc(m->numa.n + 1, sizeof *cores);
    size_t used = 0;

    for (size_t i = 0; cores && i < m->numa.n; i++)
        if (n[i].allowed_cores)
            cores[used++] = n[i].allowed_cores;
    if (!cores)
        return NULL;
    qsort(cores, used, sizeof *cores, compare_counts);
    json_t *j = counts(cores, used);
    free(cores);
    return j;
}

/* The kernel keeps a varying part of the memory for itself. */
static uint64_t power_of_two(uint64_t v)
{
    uint64_t p = 1;
    while (p < v && p < UINT64_C(1) << 62)
        p *= 2;
    return p;
}

static haq_status hash_json(json_t *j, char out[HAQ_HASH_HEX],
                            struct haq_diag *d)
{
    size_t len;
    char *canonical = j ? haq_json_canonical(j, &len) : NULL;

    json_decref(j);
    if (!canonical)
        return haq_fail(d, HAQ_NOMEM, "fingerprint: out of memory");
    haq_hash(out, canonical, len);
    free(canonical);
    return HAQ_OK;
}

/* NULL: no memory. */
static json_t *facts(const struct haq_machine *m, unsigned isa,
                     uint64_t threads)
{
    json_t *j = json_pack(
        "{s:i, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "fingerprint", 2,
        "arch", m->arch, "vendor", text(m->vendor), "model", m->model, "family",
        count(m->family), "number", count(m->model_number), "stepping",
        count(m->stepping), "isa", count(isa), "threads",
        count(threads ? threads : haq_machine_usable_cores(m)));
    json_t *more =
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "kinds",
                  print_kinds(m), "caches", print_caches(m), "numa",
                  print_numa(m), "memory", count(power_of_two(m->memory_bytes)),
                  "quota", count(m->quota_milli), "governor", text(m->governor),
                  "boost", text(m->boost), "pages", text(m->huge_pages));
    int bad = !j || !more || json_object_update(j, more);

    json_decref(more);
    if (!bad)
        return j;
    json_decref(j);
    return NULL;
}

haq_status haq_machine_fingerprint(const struct haq_machine *m, unsigned isa,
                                   uint64_t threads, char out[HAQ_HASH_HEX],
                                   struct haq_diag *d)
{
    return hash_json(facts(m, isa, threads), out, d);
}

/* What the parts of a fingerprint are for people. */
static const struct {
    const char *key, *words;
} fact_words[] = {
    {"arch", "architecture"},  {"vendor", "CPU vendor"},
    {"model", "CPU model"},    {"family", "CPU family"},
    {"number", "CPU model"},   {"stepping", "CPU stepping"},
    {"isa", "CPU features"},   {"kinds", "allowed cores"},
    {"caches", "caches"},      {"numa", "NUMA nodes"},
    {"memory", "memory size"}, {"quota", "CPU quota (1/1000 CPU)"},
    {"governor", "governor"},  {"boost", "boost"},
    {"pages", "huge pages"},
};

static void add_change(struct haq_buf *b, const char *words, const json_t *was,
                       const json_t *is)
{
    haq_buf_printf(b, "%s%s", b->len ? ", " : "", words);
    if (json_is_array(was) || json_is_array(is))
        return;
    char *from = json_dumps(was, JSON_ENCODE_ANY);
    char *to = json_dumps(is, JSON_ENCODE_ANY);
    haq_buf_printf(b, " %s -> %s", from ? from : "?", to ? to : "?");
    free(from);
    free(to);
}

char *haq_machine_changes(const struct haq_machine *was,
                          const struct haq_machine *is)
{
    json_t *a = facts(was, was->isa, 1), *b = facts(is, is->isa, 1);
    struct haq_buf out;

    haq_buf_init(&out);
    out.failed = !a || !b;
    for (size_t i = 0; i < sizeof fact_words / sizeof *fact_words; i++) {
        const json_t *x = json_object_get(a, fact_words[i].key);
        const json_t *y = json_object_get(b, fact_words[i].key);
        if (!json_equal(x, y))
            add_change(&out, fact_words[i].words, x, y);
    }
    json_decref(a);
    json_decref(b);
    return haq_buf_take(&out);
}

haq_status haq_cl_fingerprint(const struct haq_cl_device *c,
                              char out[HAQ_HASH_HEX], struct haq_diag *d)
{
    return hash_json(haq_fields_write(&haq_cl_fields, c), out, d);
}
