/* haq-bench-kernels: our products and convolutions against those of other
 * libraries, interleaved in one process (docs/benchmarks.md). */
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/json.h"
#include "tests/bench/libraries.h"
#include "tests/bench/report.h"

enum { MAX_THREADS = 64, ROUNDS = 11, QUICK_ROUNDS = 5, MANY = 16 };

static const char usage[] =
    "usage: haq-bench-kernels [options]\n"
    "  --only TEXT      shapes whose name holds TEXT (may be given often)\n"
    "  --weights LIST   formats, as \"int8,W4\" (default: all)\n"
    "  --groups LIST    weights that share a scale, 0: a channel (0,32)\n"
    "  --threads LIST   numbers of threads (1,2)\n"
    "  --isa SET        instruction sets up to this one, for ours and oneDNN\n"
    "  --rounds N       rounds of a heat (11)\n"
    "  --quick          5 rounds, less memory\n"
    "  --ours           no other libraries\n"
    "  --no-fifo        ordinary priority\n"
    "  --lock FILE      lock FILE while timing\n"
    "  --json FILE      write everything there, too\n";

struct options {
    const char *only[MANY], *weights, *groups, *threads, *isa, *json;
    int n_only, lock;
    size_t rounds, cold_bytes;
    bool ours, no_fifo;
};

static bool parse(struct options *o, int argc, char **argv)
{
    static const struct option longs[] = {
        {"only", 1, NULL, 'o'},    {"weights", 1, NULL, 'w'},
        {"groups", 1, NULL, 'g'},  {"threads", 1, NULL, 't'},
        {"isa", 1, NULL, 'i'},     {"rounds", 1, NULL, 'r'},
        {"quick", 0, NULL, 'q'},   {"ours", 0, NULL, 'u'},
        {"no-fifo", 0, NULL, 'f'}, {"lock", 1, NULL, 'l'},
        {"json", 1, NULL, 'j'},    {0}};
    int c;

    *o = (struct options){.groups = "0,32",
                          .threads = "1,2",
                          .lock = -1,
                          .rounds = ROUNDS,
                          .cold_bytes = 512u << 20};
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
        switch (c) {
        case 'o':
            if (o->n_only < MANY)
                o->only[o->n_only++] = optarg;
            break;
        case 'w':
            o->weights = optarg;
            break;
        case 'g':
            o->groups = optarg;
            break;
        case 't':
            o->threads = optarg;
            break;
        case 'i':
            o->isa = optarg;
            break;
        case 'r':
            o->rounds = (size_t)strtoul(optarg, NULL, 10);
            break;
        case 'q':
            o->rounds = QUICK_ROUNDS, o->cold_bytes /= 2;
            break;
        case 'u':
            o->ours = true;
            break;
        case 'f':
            o->no_fifo = true;
            break;
        case 'l':
            o->lock = open(optarg, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
            break;
        case 'j':
            o->json = optarg;
            break;
        default:
            return false;
        }
    if (o->rounds < 1 || o->rounds > BENCH_MAX_ROUNDS)
        o->rounds = ROUNDS;
    return optind == argc;
}

/* Is `word` an element of a comma list?  No list holds everything. */
static bool listed(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (!strncmp(p, word, len) && (p[len] == ',' || !p[len]))
            return true;
    }
    return !list;
}

static size_t numbers(const char *list, size_t *out, size_t room)
{
    size_t n = 0;
    for (const char *p = list; p && n < room; p = strchr(p, ',')) {
        p += *p == ',';
        out[n++] = (size_t)strtoul(p, NULL, 10);
    }
    return n;
}

static bool chosen(const struct options *o, const struct bench_shape *s,
                   const struct bench_format *f)
{
    bool named = !o->n_only;
    for (int i = 0; i < o->n_only; i++)
        named = named || strstr(s->name, o->only[i]);
    if (o->weights)
        return named && listed(o->weights, f->name);
    return named && (s->is_conv ? f->convolutions : f->every_product);
}

/* Everybody who can do the work joins the heat. */
static void enrol(struct bench_heat *h, const struct bench_work *w,
                  const struct options *o, const struct bench_env *env)
{
    for (size_t i = 0; bench_makers[i] && (i == 0 || !o->ours); i++) {
        size_t n = h->n, cap = h->cap;
        struct bench_entry *e =
            bench_append(&h->entry, &h->n, &h->cap, sizeof *e);
        bench_append(&h->time, &n, &cap, sizeof *h->time);
        e->work = *w;
        if (!bench_makers[i](e, w, env))
            h->n--;
    }
}

struct run {
    const struct options *o;
    struct bench_env env;
    struct bench_rules rules;
    struct bench_probe *probe;
    struct bench_rows rows;
};

static void finish_heat(struct run *r, struct bench_heat *h)
{
    size_t first = r->rows.n;
    if (h->n)
        bench_heat_run(h, &r->rules, r->probe);
    for (size_t i = 0; i < h->n; i++)
        bench_rows_add(&r->rows, h, i, r->env.threads);
    bench_print_rows(&r->rows, first);
    if (h->n)
        bench_print_limits(&r->rows.row[first]);
    bench_heat_fini(h);
}

/* A shape is one heat; a cold one is a heat a format, for its memory. */
static void run_shape(struct run *r, const struct bench_shape *s)
{
    struct bench_heat heat = {0};
    size_t group[MANY], groups = numbers(r->o->groups, group, MANY);

    for (const struct bench_format *f = bench_formats; f->name; f++) {
        if (!chosen(r->o, s, f))
            continue;
        for (size_t g = 0; g < groups; g++) {
            struct bench_work w = {s, f, group[g]};
            if (group[g] && (!f->spec || s->is_conv))
                continue;
            enrol(&heat, &w, r->o, &r->env);
        }
        if (s->cold)
            finish_heat(r, &heat);
    }
    finish_heat(r, &heat);
}

/* Where threads go: the last CPU alone, or all from the first one on. */
static void choose_cpus(int *cpu, size_t threads)
{
    cpu_set_t set;
    size_t n = 0;
    if (sched_getaffinity(0, sizeof set, &set))
        return;
    for (int c = 0; c < CPU_SETSIZE && n < MAX_THREADS; c++)
        if (CPU_ISSET((size_t)c, &set)) {
            n = threads == 1 ? 0 : n;
            cpu[n++] = c;
        }
}

static void run_threads(struct run *r, size_t threads)
{
    int cpu[MAX_THREADS] = {0};
    size_t count;
    const struct bench_shape *shapes = bench_shapes(&count);
    cpu_set_t before;

    sched_getaffinity(0, sizeof before, &before);
    choose_cpus(cpu, threads);
    r->env.threads = threads;
    r->env.pool = NULL;
    if (threads > 1 && haq_pool_new(&r->env.pool, threads, NULL))
        exit(1);
    r->rules = (struct bench_rules){.rounds = r->o->rounds,
                                    .fifo = !r->o->no_fifo,
                                    .lock = r->o->lock,
                                    .cpu = cpu,
                                    .threads = threads};
#ifdef HAQ_BENCH_DNNL
    bench_dnnl_configure(r->env.isa_name, threads);
#endif
#ifdef HAQ_BENCH_OPENBLAS
    bench_openblas_configure(threads);
#endif
    r->probe = bench_probe_new(&r->env);
    bench_print_head(&r->env);
    for (size_t i = 0; i < count; i++)
        run_shape(r, &shapes[i]);
    bench_probe_free(r->probe);
    haq_pool_free(r->env.pool);
    sched_setaffinity(0, sizeof before, &before);
}

static int choose_isa(struct bench_env *env, const struct options *o)
{
    struct haq_diag d;
    env->isa = haq_cpu_isa();
    env->cold_bytes = o->cold_bytes;
    if (o->isa && haq_cpu_isa_parse(o->isa, &env->isa, &d) != HAQ_OK) {
        fprintf(stderr, "haq-bench-kernels: %s\n", d.text);
        return 2;
    }
    env->isa_name = haq_cpu_isa_name(env->isa);
    env->amx = env->isa & HAQ_ISA_AMX;
    return 0;
}

int main(int argc, char **argv)
{
    struct options o;
    struct run r = {.o = &o};
    struct bench_verdicts verdicts = {0};
    size_t threads[MANY];
    struct haq_diag d;

    if (!parse(&o, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    if (choose_isa(&r.env, &o))
        return 2;
    size_t n = numbers(o.threads, threads, MANY);
    for (size_t i = 0; i < n; i++) {
        if (threads[i] < 1 || threads[i] > MAX_THREADS)
            continue;
        run_threads(&r, threads[i]);
        bench_judge(&verdicts, &r.rows, threads[i]);
    }
    bench_print_verdicts(&verdicts);
    if (o.json) {
        json_t *doc = bench_to_json(&r.rows, &verdicts, &r.env);
        if (haq_json_write(o.json, doc, &d))
            fprintf(stderr, "haq-bench-kernels: %s\n", d.text);
        json_decref(doc);
    }
    free(r.rows.row);
    free(verdicts.v);
    return 0;
}
