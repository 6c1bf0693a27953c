#include "tests/bench/report.h"

#include <stdio.h>

#include "base/cpu.h"
#include "base/json.h"

static double gops(const struct bench_row *r)
{
    return bench_ops(r->work.shape) / r->us.best * 1e-3;
}

static double gbs(const struct bench_row *r)
{
    return r->weight_bytes / r->us.best * 1e-3;
}

/* Time of the best library over this row's; 0: none was measured. */
static double against_library(const struct bench_rows *rows,
                              const struct bench_row *r, bool median)
{
    const struct bench_row *l =
        bench_best_library(rows, &r->work, r->threads, false);
    if (!l)
        return 0;
    return median ? l->us.median / r->us.median : l->us.best / r->us.best;
}

static double against_int8(const struct bench_rows *rows,
                           const struct bench_row *r)
{
    struct bench_work int8 = {r->work.shape, &bench_formats[1], 0};
    const struct bench_row *own = bench_own(rows, &int8, r->threads);
    return own && r->ours && own != r ? own->us.median / r->us.median : 0;
}

static void cell(double v, const char *format)
{
    if (v > 0)
        printf(format, v);
    else
        printf("%8s", "");
}

void bench_print_head(const struct bench_env *env)
{
    char cpu[96];
    haq_cpu_model(cpu, sizeof cpu);
    printf("%s, instruction sets up to %s, %zu thread%s\n", cpu, env->isa_name,
           env->threads, env->threads > 1 ? "s" : "");
    printf("times in us; GOP/s, GB/s of weights and %% of the machine's limit "
           "by the best time; x: time of the other over this one's\n");
    printf("%-23s %-12s %-15s %9s %9s %7s %6s %6s %7s %7s %7s %2s  %s\n",
           "shape", "weights", "who", "median", "best", "GOP/s", "GB/s",
           "% lim", "x lib", "(med.)", "x int8", "n", "kernel");
}

static void print_row(const struct bench_rows *rows, const struct bench_row *r)
{
    char weights[24];
    snprintf(weights, sizeof weights, r->work.group ? "%s g%zu" : "%s",
             r->work.format->name, r->work.group);
    printf("%-23s %-12s %-15s ", r->work.shape->name, weights, r->who);
    if (!r->us.rounds) {
        printf("no round without a preemption\n");
        return;
    }
    printf("%9.1f %9.1f %7.0f %6.1f %6.1f", r->us.median, r->us.best, gops(r),
           gbs(r), 100 * r->limit_us / r->us.best);
    cell(against_library(rows, r, false), "%8.2f");
    cell(against_library(rows, r, true), "%8.2f");
    cell(against_int8(rows, r), "%8.2f");
    printf(" %2zu  %s\n", r->us.rounds, r->detail);
}

void bench_print_rows(const struct bench_rows *r, size_t first)
{
    for (size_t i = first; i < r->n; i++)
        print_row(r, &r->row[i]);
    fflush(stdout);
}

void bench_print_limits(const struct bench_row *of)
{
    printf("    limits beside these:");
    for (int l = 0; l < BENCH_LIMITS; l++)
        if (of->limit[l] > 0)
            printf(" %s %.*f", bench_limit_names[l], l < BENCH_L2 ? 0 : 1,
                   of->limit[l]);
    printf("\n");
}

void bench_print_verdicts(const struct bench_verdicts *v)
{
    size_t reached = 0;
    printf("\n%-62s %2s %6s %6s %7s\n", "figure", "T", "asked", "best",
           "median");
    for (size_t i = 0; i < v->n; i++) {
        const struct bench_verdict *x = &v->v[i];
        printf("%-62s %2zu %6.2f %6.2f %7.2f  %s\n", x->text, x->threads,
               x->asked, x->best, x->median, x->reached ? "ok" : "MISSED");
        reached += x->reached;
    }
    printf("%zu of %zu figures reached\n", reached, v->n);
}

static json_t *row_json(const struct bench_rows *rows,
                        const struct bench_row *r)
{
    json_t *limits = json_object();
    for (int l = 0; l < BENCH_LIMITS; l++)
        if (r->limit[l] > 0)
            json_object_set_new(limits, bench_limit_names[l],
                                haq_json_real(r->limit[l]));
    return json_pack(
        "{s:s, s:s, s:I, s:I, s:s, s:s, s:b, s:o, s:o, s:I, s:o, s:o, s:o, "
        "s:o, s:o, s:o}",
        "shape", r->work.shape->name, "weights", r->work.format->name, "group",
        (json_int_t)r->work.group, "threads", (json_int_t)r->threads, "who",
        r->who, "kernel", r->detail, "ours", (int)r->ours, "median_us",
        haq_json_real(r->us.median), "best_us", haq_json_real(r->us.best),
        "rounds", (json_int_t)r->us.rounds, "gops", haq_json_real(gops(r)),
        "gbs", haq_json_real(gbs(r)), "limit_ratio",
        haq_json_real(r->limit_us / r->us.best), "library_ratio",
        haq_json_real(against_library(rows, r, false)), "int8_ratio",
        haq_json_real(against_int8(rows, r)), "limits", limits);
}

json_t *bench_to_json(const struct bench_rows *r,
                      const struct bench_verdicts *v,
                      const struct bench_env *env)
{
    json_t *rows = json_array(), *figures = json_array();
    char cpu[96];

    haq_cpu_model(cpu, sizeof cpu);
    for (size_t i = 0; i < r->n; i++)
        json_array_append_new(rows, row_json(r, &r->row[i]));
    for (size_t i = 0; i < v->n; i++) {
        const struct bench_verdict *x = &v->v[i];
        json_array_append_new(
            figures,
            json_pack("{s:s, s:I, s:o, s:o, s:o, s:b}", "figure", x->text,
                      "threads", (json_int_t)x->threads, "asked",
                      haq_json_real(x->asked), "best", haq_json_real(x->best),
                      "median", haq_json_real(x->median), "reached",
                      (int)x->reached));
    }
    return json_pack("{s:s, s:s, s:b, s:o, s:o}", "cpu", cpu, "isa",
                     env->isa_name, "tiles", (int)env->amx, "rows", rows,
                     "figures", figures);
}
