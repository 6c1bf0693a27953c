#include "cli/show_machine.h"

#include <string.h>

#include "base/cpu.h"
#include "cli/cli.h"

enum { INDENT = 12 };

static void begin(const char *label)
{
    printf("%-*s ", INDENT - 1, label);
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* "512 KiB", "1.5 GiB" */
static void bytes_text(char out[32], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double v = (double)bytes;
    size_t u = 0;
    while (v >= 1024 && u + 1 < sizeof units / sizeof *units) {
        v /= 1024;
        u++;
    }
    snprintf(out, 32, v < 100 && v != (double)(int)v ? "%.1f %s" : "%.0f %s", v,
             units[u]);
}

/* ---- the machine ----------------------------------------------------------
 */

static void print_model(const struct haq_machine *m)
{
    begin("cpu");
    printf("%s (%s", m->model, m->arch);
    if (m->family)
        printf(", %s family %llu model %llu stepping %llu",
               m->vendor ? m->vendor : "", (unsigned long long)m->family,
               (unsigned long long)m->model_number,
               (unsigned long long)m->stepping);
    puts(")");
    begin("");
    printf("%llu package%s, %llu core%s, %llu hardware thread%s\n",
           (unsigned long long)m->packages, plural(m->packages),
           (unsigned long long)m->cores, plural(m->cores),
           (unsigned long long)m->pus, plural(m->pus));
}

static void print_allowed(const struct haq_machine *m)
{
    char memory[32];
    begin("allowed");
    printf("%llu core%s, %llu hardware thread%s (CPUs %s)",
           (unsigned long long)m->allowed_cores, plural(m->allowed_cores),
           (unsigned long long)m->allowed_pus, plural(m->allowed_pus),
           m->allowed_cpus ? m->allowed_cpus : "?");
    if (m->quota_milli)
        printf("; CPU time of %.3g CPUs", (double)m->quota_milli / 1000);
    bytes_text(memory, m->memory_limit);
    if (m->memory_limit)
        printf("; memory up to %s", memory);
    if (m->cgroup)
        printf("; cgroup %s", m->cgroup);
    putchar('\n');
}

/* Kinds are worth a line when there are several. */
static void print_kinds(const struct haq_machine *m)
{
    const struct haq_core_kind *k = m->kinds.item;
    for (size_t i = 0; m->kinds.n > 1 && i < m->kinds.n; i++) {
        begin(i ? "" : "kinds");
        printf("%llu x %s, %llu of them allowed",
               (unsigned long long)k[i].cores, k[i].name,
               (unsigned long long)k[i].allowed_cores);
        if (k[i].max_mhz)
            printf(", up to %llu MHz", (unsigned long long)k[i].max_mhz);
        if (k[i].capacity)
            printf(", capacity %llu of 1024",
                   (unsigned long long)k[i].capacity);
        putchar('\n');
    }
}

static void print_caches(const struct haq_machine *m)
{
    static const char *const suffix[] = {"", "d", "i"};
    const struct haq_cache *c = m->caches.item;
    for (size_t i = 0; i < m->caches.n; i++) {
        char size[32];
        bytes_text(size, c[i].bytes);
        begin(i ? "" : "caches");
        printf("L%llu%s %s x %llu", (unsigned long long)c[i].level,
               suffix[c[i].type], size, (unsigned long long)c[i].count);
        if (c[i].pus > 1)
            printf(", each for %llu hardware threads",
                   (unsigned long long)c[i].pus);
        if (c[i].allowed < c[i].count)
            printf("; %llu reached", (unsigned long long)c[i].allowed);
        putchar('\n');
    }
}

static void print_memory(const struct haq_machine *m)
{
    const struct haq_numa_node *n = m->numa.item;
    char size[32];
    bytes_text(size, m->memory_bytes);
    begin("memory");
    printf("%s, %zu NUMA node%s\n", size, m->numa.n, plural(m->numa.n));
    for (size_t i = 0; m->numa.n > 1 && i < m->numa.n; i++) {
        bytes_text(size, n[i].bytes);
        begin("");
        printf("node %llu: %s, %llu core%s, %llu of them allowed\n",
               (unsigned long long)n[i].number, size,
               (unsigned long long)n[i].cores, plural(n[i].cores),
               (unsigned long long)n[i].allowed_cores);
    }
}

static void print_isa(const struct haq_machine *m)
{
    const char *const *f = m->features.item;
    begin("isa");
    printf(m->isa ? "used:" : "none that kernels use");
#define X(id, name, bit)                                                       \
    if (m->isa & (1u << bit))                                                  \
        printf(" %s", name);
    HAQ_ISA_MAP(X)
#undef X
    putchar('\n');
    begin("");
    printf("known:");
    for (size_t i = 0, column = 0; i < m->features.n; i++) {
        column += strlen(f[i]) + 1;
        if (column > 60) {
            printf("\n%*s", INDENT, "");
            column = strlen(f[i]) + 1;
        }
        printf(" %s", f[i]);
    }
    putchar('\n');
}

static void print_settings(const struct haq_machine *m)
{
    const struct haq_unknown *u = m->unknown.item;
    begin("settings");
    printf("governor %s, boost %s, huge pages %s\n",
           m->governor ? m->governor : "not known",
           m->boost ? m->boost : "not known",
           m->huge_pages ? m->huge_pages : "not known");
    for (size_t i = 0; i < m->unknown.n; i++) {
        begin(i ? "" : "not known");
        printf("%s: /%s (%s)\n", u[i].what, u[i].file, u[i].reason);
    }
}

static void print_devices(const struct haq_machine *m)
{
    const struct haq_os_device *o = m->devices.item;
    const struct haq_runtime *r = m->runtimes.item;
    for (size_t i = 0; i < m->devices.n; i++) {
        char size[32];
        bytes_text(size, o[i].bytes);
        begin(i ? "" : "co-procs");
        printf("%s (%s)%s%s%s%s\n", o[i].name, o[i].type,
               o[i].model ? ", " : "", o[i].model ? o[i].model : "",
               o[i].bytes ? ", " : "", o[i].bytes ? size : "");
    }
    for (size_t i = 0; i < m->runtimes.n; i++) {
        begin(i ? "" : "runtimes");
        printf("%s %s (%s)\n", r[i].name, r[i].version ? r[i].version : "",
               r[i].file);
    }
    if (!m->runtimes.n) {
        begin("runtimes");
        puts("none found");
    }
}

static void print_opencl(const struct haq_machine *m)
{
    const struct haq_cl_device *c = m->opencl.item;
    for (size_t i = 0; i < m->opencl.n; i++) {
        char label[32], size[32];
        snprintf(label, sizeof label, "opencl:%zu", i);
        bytes_text(size, c[i].memory_bytes);
        begin(label);
        printf("%s (%s, %s)\n%*s%s, driver %s, %llu compute units, %s\n",
               c[i].name, c[i].platform, c[i].type, INDENT, "", c[i].version,
               c[i].driver, (unsigned long long)c[i].compute_units, size);
    }
    if (!m->opencl.n) {
        begin("opencl");
        puts("no device found");
    }
}

static void show_machine(const struct haq_machine *m)
{
    print_model(m);
    print_allowed(m);
    print_kinds(m);
    print_caches(m);
    print_memory(m);
    print_isa(m);
    print_settings(m);
    print_devices(m);
    print_opencl(m);
}

/* ---- profiles -------------------------------------------------------------
 */

static size_t count_support(const struct haq_target_device *v,
                            enum haq_support s)
{
    const struct haq_capability *c = v->capabilities.item;
    size_t n = 0;
    for (size_t i = 0; i < v->capabilities.n; i++)
        n += c[i].support == s;
    return n;
}

static void show_device(const struct haq_target_device *v)
{
    const struct haq_figure *f = v->figures.item;
    begin(v->device);
    printf("%s (%s)\n", v->name, v->type);
    for (size_t i = 0; i < v->figures.n; i++) {
        begin("");
        printf("%s %.6g  (%s)\n", f[i].name, f[i].value, f[i].source);
    }
}

static void show_rows(const struct haq_target_device *v)
{
    begin(v->device);
    if (v->capabilities.n)
        printf("%zu rows native, %zu emulated (--capabilities lists them)",
               count_support(v, HAQ_SUPPORT_NATIVE),
               count_support(v, HAQ_SUPPORT_EMULATED));
    else
        printf("nothing known of what it executes");
    if (v->fingerprint)
        printf("; fingerprint %.12s", v->fingerprint);
    putchar('\n');
}

void haq_show_target(const struct haq_target *p)
{
    const struct haq_target_device *v = p->devices.item;
    begin("profile");
    printf("%s: %s\n", p->name, p->source);
    if (p->has_machine)
        show_machine(&p->machine);
    for (size_t i = 0; !p->has_machine && i < p->devices.n; i++)
        show_device(&v[i]);
    for (size_t i = 0; i < p->devices.n; i++)
        show_rows(&v[i]);
}

/* ---- capabilities ---------------------------------------------------------
 */

/* Words with commas; only long lists are cut. */
static void words_text(char out[120], const struct haq_list *words)
{
    const char *const *w = words->item;
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < words->n && used < 119; i++)
        used += (size_t)snprintf(out + used, 120 - used, "%s%s", i ? "," : "",
                                 w[i]);
}

static void limits_text(char out[80], const struct haq_capability *c)
{
    const struct {
        const char *what;
        uint64_t of;
    } limits[] = {{"groups", c->group_of},
                  {"channels", c->channels_of},
                  {"reduction", c->reduction_of}};
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < 3 && used < 79; i++)
        if (limits[i].of)
            used += (size_t)snprintf(out + used, 80 - used, "%s%s of %llu",
                                     used ? ", " : "", limits[i].what,
                                     (unsigned long long)limits[i].of);
    if (c->one_group && used < 79)
        snprintf(out + used, 80 - used, "%sa group holds a channel",
                 used ? ", " : "");
}

static void cell_words(struct haq_table *t, const struct haq_list *words)
{
    char text[120];
    words_text(text, words);
    haq_table_cell(t, "%s", text);
}

static void show_table(const struct haq_target_device *v)
{
    static const char *const heads[] = {
        "operators", "weights", "activations",     "granularity",
        "support",   "kernel",  "limits and notes"};
    enum { COLUMNS = sizeof heads / sizeof *heads };
    const struct haq_capability *c = v->capabilities.item;
    struct haq_table *t = haq_table_new(COLUMNS, heads);

    for (size_t i = 0; i < v->capabilities.n; i++) {
        char limits[80];
        limits_text(limits, &c[i]);
        cell_words(t, &c[i].ops);
        cell_words(t, &c[i].weights);
        cell_words(t, &c[i].activations);
        cell_words(t, &c[i].granularities);
        haq_table_cell(t, "%s", haq_support_name(c[i].support));
        haq_table_cell(t, "%s", c[i].kernel ? c[i].kernel : "-");
        haq_table_cell(t, "%s%s%s", limits, *limits && c[i].note ? "; " : "",
                       c[i].note ? c[i].note : "");
    }
    haq_table_print(t, stdout);
}

void haq_show_capabilities(const struct haq_target *p)
{
    const struct haq_target_device *v = p->devices.item;
    for (size_t i = 0; i < p->devices.n; i++) {
        printf("%s%s: %s\n", i ? "\n" : "", v[i].device, v[i].name);
        if (v[i].capabilities.n)
            show_table(&v[i]);
        else
            puts("nothing known of what it executes");
    }
    puts("\nThe first row that fits a layer holds; what fits none is not "
         "executed.");
}
