#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/search_job.h"
#include "cli/space_opts.h"
#include "graph/onnx_import.h"
#include "quant/calib_method.h"
#include "report/report.h"
#include "worker/task.h"

enum { DEFAULT_TIME_S = 600 };

struct search_args {
    struct haq_common common;
    struct haq_search_job job;
    struct haq_opt_list dims;
    struct haq_space_opts space;
    struct haq_space_wish *wish;
    const char *objectives, *methods, *finish;
    char *dims_json; /* owned */
    struct haq_arena arena;
    struct haq_dim_binding bound[HAQ_OPT_LIST_MAX];
};

static void fill_defaults(struct search_args *a)
{
    *a = (struct search_args){.objectives = "accuracy,latency,size"};
    haq_common_init(&a->common);
    a->job.workers = 1;
    a->job.search = (struct haq_search_config){
        .algorithm = "auto",
        .max_drop = INFINITY,
        .max_latency_ms = INFINITY,
        .max_size_bytes = INFINITY,
        .calib_method = "minmax",
    };
}

static haq_status parse(struct search_args *a, const struct haq_command *self,
                        int argc, char **argv, struct haq_diag *d)
{
    struct haq_search_job *j = &a->job;
    struct haq_search_config *c = &j->search;
    char calibrations[200];
    const struct haq_opt opts[] = {
        {"calib", 0, HAQ_OPT_TEXT, &j->calib, "C.npz", "calibration samples"},
        {"eval", 0, HAQ_OPT_TEXT, &j->eval, "E.npz",
         "samples and labels that decide (required)"},
        {"out", 0, HAQ_OPT_TEXT, &j->out, "DIR",
         "folder of the job (default ./MODELNAME-haq)"},
        {"objectives", 0, HAQ_OPT_TEXT, &a->objectives, "LIST",
         "any of accuracy,latency,size,bops (default the first three)"},
        {"formats", 0, HAQ_OPT_TEXT, &a->space.formats, "LIST",
         "weight formats to use beside int8 and float: binary, ternary, int2 "
         "to int7 (default int2 to int7)"},
        {"pin", 0, HAQ_OPT_LIST, &a->space.pins, "LAYER=FORMAT",
         "only this format for layers of this name or pattern (several times)"},
        {"ban", 0, HAQ_OPT_LIST, &a->space.bans, "[LAYER=]FORMAT",
         "never this format, anywhere or in these layers (several times)"},
        {"first-last", 0, HAQ_OPT_TEXT, &a->space.first_last, "FORMAT",
         "of the first and the last layer, free (the default) or as int8"},
        {"space", 0, HAQ_OPT_TEXT, &a->space.file, "FILE.yaml",
         "formats, pins, bans and ties from a file"},
        {"target", 0, HAQ_OPT_TEXT, &a->space.target, "FILE[:DEVICE]",
         "use only what this device executes (haq devices --save); default: "
         "this CPU"},
        {"max-drop", 0, HAQ_OPT_REAL, &c->max_drop, "POINTS",
         "accuracy that may be lost (percent for perplexity)"},
        {"max-latency", 0, HAQ_OPT_REAL, &c->max_latency_ms, "MS",
         "latency of a point at most"},
        {"max-size", 0, HAQ_OPT_BYTES, &c->max_size_bytes, "BYTES",
         "size of a point at most"},
        {"max-bops", 0, HAQ_OPT_BYTES, &c->max_bops, "N",
         "bit operations of a point at most (5G)"},
        {"time", 0, HAQ_OPT_DURATION, &c->time_s, "TIME",
         "budget of the job over all its runs (default 10m without --trials)"},
        {"trials", 0, HAQ_OPT_COUNT, &c->trials, "N",
         "candidates to evaluate at most"},
        {"seed", 0, HAQ_OPT_SEED, &c->seed, "S", "of every random choice"},
        {"algorithm", 0, HAQ_OPT_TEXT, &c->algorithm, "NAME",
         "auto, nsga2, surrogate, annealing, greedy, ddpg or random"},
        {"no-racing", 0, HAQ_OPT_FLAG, &c->no_racing, NULL,
         "evaluate hopeless candidates to the end, too"},
        {"calibration", 0, HAQ_OPT_TEXT, &c->calib_method, "METHOD",
         calibrations},
        {"method", 0, HAQ_OPT_TEXT, &a->methods, "M[,M...]",
         "of weights below 8 bits (default clip,gptq; clip without --calib): "
         "haq quantize --help lists them"},
        {"finish", 0, HAQ_OPT_TEXT, &a->finish, "M[,M...]",
         "brecq, qat: the points that are left at the end are trained, too, "
         "and "
         "that is kept where it is better"},
        {"metric", 0, HAQ_OPT_TEXT, &j->metric, "NAME",
         "top1, top5, perplexity, mse or agreement (default by the labels)"},
        {"resume", 0, HAQ_OPT_FLAG, &j->resume, NULL,
         "go on with the job in the folder"},
        {"workers", 0, HAQ_OPT_COUNT, &j->workers, "N",
         "worker processes (default 1, on all cores)"},
        {"dim", 0, HAQ_OPT_LIST, &a->dims, "NAME=N",
         "size of a symbolic dimension"},
    };
    haq_calib_methods_text(calibrations, sizeof calibrations);
    return haq_opts_parse(self, opts, sizeof opts / sizeof *opts, &a->common,
                          argc, argv, &j->model, 1, 1, d);
}

static haq_status write_dims(struct search_args *a, struct haq_diag *d)
{
    if (!a->dims.n)
        return HAQ_OK;
    json_t *o = json_object();
    haq_status s = haq_parse_dims(a->bound, &a->dims, &a->arena, d);
    for (size_t i = 0; s == HAQ_OK && i < a->dims.n; i++)
        json_object_set_new(o, a->bound[i].name,
                            json_integer((json_int_t)a->bound[i].size));
    if (s == HAQ_OK && !(a->dims_json = haq_json_canonical(o, NULL)))
        s = haq_fail(d, HAQ_NOMEM, "--dim");
    json_decref(o);
    a->job.dims = a->dims_json;
    a->job.bound_dims = a->bound;
    a->job.n_dims = a->dims.n;
    return s;
}

static haq_status check_calibration(const char *text, struct haq_diag *d)
{
    const struct haq_calib_method *method;
    double parameter;
    return haq_calib_method_parse(&method, &parameter, text, d);
}

static haq_status check_finish(struct search_args *a,
                               struct haq_search_config *c, struct haq_diag *d)
{
    haq_status s =
        haq_session_methods_parse(&c->finish, &a->arena, a->finish, d);
    if (s == HAQ_OK && (!haq_session_methods_finish(c->finish) ||
                        !a->job.calib || !strcmp(c->methods, "rtn")))
        return haq_fail(d, HAQ_USAGE,
                        "--finish %s: wants methods that train (brecq, qat), "
                        "--calib, and a --method other than rtn",
                        c->finish);
    return s;
}

static haq_status check(struct search_args *a, struct haq_diag *d)
{
    struct haq_search_job *j = &a->job;
    struct haq_search_config *c = &j->search;
    if (!j->eval)
        return haq_fail(d, HAQ_USAGE, "--eval E.npz is needed");
    if (c->max_drop < 0 || c->max_latency_ms <= 0 || c->max_size_bytes <= 0)
        return haq_fail(d, HAQ_USAGE,
                        "--max-drop, --max-latency and --max-size are "
                        "positive");
    if (!c->trials && !(c->time_s > 0))
        c->time_s = DEFAULT_TIME_S;
    j->isa = a->common.isa;
    j->threads = a->common.threads;
    j->quiet = a->common.quiet;
    haq_status s = check_calibration(c->calib_method, d);
    if (s == HAQ_OK)
        s = haq_objectives_parse(&c->objectives, a->objectives, d);
    if (s == HAQ_OK)
        s = haq_space_wish_new(&a->wish, &a->space, j->isa, c, d);
    j->space = haq_space_wish_json(a->wish);
    if (!a->methods)
        a->methods = j->calib ? "clip,gptq" : "clip";
    if (s == HAQ_OK)
        s = haq_session_methods_parse(&c->methods, &a->arena, a->methods, d);
    if (s == HAQ_OK && !haq_session_methods_alone(c->methods))
        return haq_fail(d, HAQ_USAGE,
                        "--method %s: one of them changes several layers at "
                        "once, a search tunes each alone",
                        c->methods);
    if (s == HAQ_OK && a->finish)
        s = check_finish(a, c, d);
    return s == HAQ_OK ? write_dims(a, d) : s;
}

static haq_status print_table(const struct haq_search_outcome *o,
                              struct haq_diag *d)
{
    char *text = NULL;
    size_t len;
    setlocale(LC_CTYPE, "");
    bool unicode = !strcmp(nl_langinfo(CODESET), "UTF-8");
    haq_status s = haq_report_text(o->front, unicode, &text, &len, d);
    if (s != HAQ_OK)
        return s;
    fputs(text, stdout);
    printf("\nfront, recipes and report: %s/\n", o->dir);
    free(text);
    return HAQ_OK;
}

/* Results go out whatever the status is; the worst of the two is returned. */
static haq_status show(const struct search_args *a,
                       const struct haq_search_outcome *o, haq_status s,
                       struct haq_diag *d)
{
    struct haq_diag own = {HAQ_OK, ""};
    haq_status shown = HAQ_OK;
    if (!o->front)
        return s;
    if (a->common.json)
        shown = haq_print_json(json_incref(o->front), &own);
    else if (!a->common.quiet)
        shown = print_table(o, &own);
    if (s == HAQ_OK && shown != HAQ_OK) {
        *d = own;
        return shown;
    }
    return s;
}

haq_status haq_cmd_search(const struct haq_command *self, int argc, char **argv,
                          struct haq_diag *d)
{
    struct search_args a;
    struct haq_search_outcome o = {.front = NULL};
    fill_defaults(&a);
    haq_status s = parse(&a, self, argc, argv, d);
    if (s != HAQ_OK || a.common.help)
        return s;
    s = check(&a, d);
    if (s == HAQ_OK) {
        s = haq_search_job_run(&a.job, &o, d);
        s = show(&a, &o, s, d);
    }
    if (s == HAQ_INTERRUPTED)
        haq_fail(d, s,
                 "interrupted; everything measured is kept in %.200s, the same "
                 "command with --resume goes on",
                 o.dir);
    haq_search_outcome_fini(&o);
    haq_space_wish_free(a.wish);
    free(a.dims_json);
    haq_arena_fini(&a.arena);
    return s;
}
