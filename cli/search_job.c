#include "cli/search_job.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/search_params.h"
#include "report/report.h"
#include "search/space.h"

/* A front is rewritten when it changed, but not before this time, nor before 20
 * times as long as the last writing took has passed. */
#define REWRITE_NS UINT64_C(2000000000)

struct running {
    const struct haq_search_job *job;
    struct haq_search_outcome *out;
    struct haq_search_driver driver;
    struct haq_progress_line line;
    char store[4096 + 32];
    size_t written_tells; /* results that the front on disk knows */
    uint64_t next_write_ns;
    bool announced;
    size_t warned;           /* warnings of the search that were shown */
    haq_status write_status; /* of the first write that failed */
    struct haq_diag write_diag;
};

/* ---- the job's identity ---------------------------------------------------
 */

/* What must be equal for stored results to belong to this job; budgets may
 * differ from run to run. */
static json_t *identity(const struct haq_search_job *j)
{
    const struct haq_search_config *c = &j->search;
    json_t *list = json_array();
    for (const struct haq_objective_row *r = haq_objective_rows; r->name; r++)
        if (c->objectives & r->bit)
            json_array_append_new(list, json_string(r->name));
    json_t *o = json_pack(
        "{s:o, s:o, s:o, s:o, s:I, s:s, s:s, s:s, s:I}", "objectives", list,
        "max_drop", haq_json_real(c->max_drop), "max_latency_ms",
        haq_json_real(c->max_latency_ms), "max_size_bytes",
        haq_json_real(c->max_size_bytes), "seed", (json_int_t)c->seed,
        "algorithm", c->algorithm, "calibration", c->calib_method, "isa",
        haq_cpu_isa_name(j->isa), "threads", (json_int_t)j->threads);
    char formats[HAQ_FORMATS_TEXT];
    haq_space_formats_text(c->formats, formats);
    if (o && c->formats)
        json_object_set_new(o, "formats", json_string(formats));
    if (o && c->methods && strcmp(c->methods, "rtn") != 0)
        json_object_set_new(o, "methods", json_string(c->methods));
    if (o && c->finish)
        json_object_set_new(o, "finish", json_string(c->finish));
    if (o && c->max_bops > 0)
        json_object_set_new(o, "max_bops", json_real(c->max_bops));
    if (o && c->no_racing)
        json_object_set_new(o, "no_racing", json_true());
    if (o && j->space)
        json_object_set_new(o, "space", json_deep_copy(j->space));
    if (o && j->dims)
        json_object_set_new(o, "dims", json_string(j->dims));
    return o;
}

/* ---- the front on disk ----------------------------------------------------
 */

/* Where the model is, for `haq export`, whatever the folder is then. */
static json_t *absolute(const char *path)
{
    char *full = realpath(path, NULL);
    json_t *text = full ? json_string(full) : NULL;
    free(full);
    return text ? text : json_null();
}

static json_t *make_front(struct running *r)
{
    char cpu[128], device[192];
    if (!r->driver.search)
        return NULL;
    json_t *f = haq_search_front(r->driver.search, r->out->view.elapsed_s);
    if (!f)
        return NULL;
    haq_cpu_model(cpu, sizeof cpu);
    snprintf(device, sizeof device, "%s, %s", cpu,
             haq_cpu_isa_name(r->job->isa));
    json_object_set_new(f, "device", json_string(device));
    json_object_set_new(f, "device_id", json_string(r->driver.device));
    json_object_set_new(f, "model_path", absolute(r->job->model));
    return f;
}

static void write_front(struct running *r)
{
    struct haq_diag d = {HAQ_OK, ""};
    uint64_t start = haq_clock_ns();
    json_t *f = make_front(r);
    if (!f)
        return;
    haq_status s = haq_report_write(r->out->dir, f, r->driver.layers_json, &d);
    if (s != HAQ_OK && r->write_status == HAQ_OK) {
        r->write_status = s;
        r->write_diag = d;
    }
    json_decref(r->out->front);
    r->out->front = f;
    uint64_t now = haq_clock_ns(), pause = 20 * (now - start);
    r->next_write_ns = now + (pause > REWRITE_NS ? pause : REWRITE_NS);
}

static size_t tells(const struct haq_embed_view *v)
{
    return v->work.measured + v->work.answered + v->work.failed;
}

/* ---- while it runs --------------------------------------------------------
 */

static void announce(struct running *r, const struct haq_embed_view *v)
{
    if (r->announced || !v->started)
        return;
    r->announced = true;
    if (r->job->quiet)
        return;
    haq_progress_end(&r->line);
    if (v->was_finished)
        haq_log(HAQ_LOG_INFO, "%s holds this job, finished", r->out->dir);
    else if (v->resumed)
        haq_log(HAQ_LOG_INFO, "going on with %s", r->out->dir);
}

static void warn(struct running *r, const struct haq_embed_view *v)
{
    size_t n = v->started ? haq_search_warnings(r->driver.search) : 0;
    for (; r->warned < n && !r->job->quiet; r->warned++) {
        haq_progress_end(&r->line);
        haq_log(HAQ_LOG_WARN, "%s",
                haq_search_warning(r->driver.search, r->warned));
    }
}

static double time_left(const struct running *r, double fraction,
                        double elapsed_s)
{
    double budget = r->job->search.time_s;
    if (budget > 0)
        return budget > elapsed_s ? budget - elapsed_s : 0;
    return fraction > 0.01 ? elapsed_s / fraction - elapsed_s : -1;
}

static void draw(struct running *r, const struct haq_embed_view *v)
{
    struct haq_progress p = {.phase = "loading the model"};
    if (v->started)
        haq_search_progress(r->driver.search, v->elapsed_s, &p);
    else if (!r->line.terminal)
        return; /* a log begins when there is something to say */
    haq_progress_draw(
        &r->line,
        &(struct haq_progress_state){
            .phase = p.phase,
            .done = p.done,
            .total = p.total,
            .fraction = p.fraction,
            .evaluations = p.evaluations,
            .elapsed_s = v->elapsed_s,
            .left_s = v->started ? time_left(r, p.fraction, v->elapsed_s) : -1,
            .best = p.best,
        });
}

static void on_turn(void *ctx, const struct haq_embed_view *v)
{
    struct running *r = ctx;
    r->out->view = *v;
    announce(r, v);
    warn(r, v);
    draw(r, v);
    /* A timed task has the machine for itself. */
    if (!v->started || v->work.quiet || tells(v) == r->written_tells ||
        haq_clock_ns() < r->next_write_ns)
        return;
    r->written_tells = tells(v);
    write_front(r);
}

static int block_signals(sigset_t *old)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, old);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- set up ---------------------------------------------------------------
 */

static haq_status check_readable(const char *path, struct haq_diag *d)
{
    if (!path || !access(path, R_OK))
        return HAQ_OK;
    /* "x.npy,y.npy" is judged by its reader. */
    if (strchr(path, ','))
        return HAQ_OK;
    return haq_fail(d, HAQ_INVALID, "%s: %s", path, strerror(errno));
}

static haq_status choose_folder(struct running *r, bool *made,
                                struct haq_diag *d)
{
    const struct haq_search_job *j = r->job;
    char *dir = r->out->dir;
    if (j->out) {
        if (strlen(j->out) >= sizeof r->out->dir)
            return haq_fail(d, HAQ_USAGE, "--out: path too long");
        strcpy(dir, j->out);
    } else {
        const char *base = strrchr(j->model, '/');
        base = base ? base + 1 : j->model;
        size_t n = strlen(base);
        if (n > 5 && !strcmp(base + n - 5, ".onnx"))
            n -= 5;
        snprintf(dir, sizeof r->out->dir, "%.*s-haq", (int)(n < 200 ? n : 200),
                 base);
    }
    snprintf(r->store, sizeof r->store, "%s/store.sqlite", dir);
    *made = !haq_file_exists(dir);
    return haq_dir_make(dir, d);
}

static void fill_open(struct haq_msg *m, const struct haq_search_job *j)
{
    haq_msg_init(m, HAQ_MSG_OPEN);
    haq_msg_set_text(m, HAQ_F_MODEL, j->model);
    haq_msg_set_text(m, HAQ_F_CALIB, j->calib);
    haq_msg_set_text(m, HAQ_F_EVAL, j->eval);
    haq_msg_set_text(m, HAQ_F_METRIC, j->metric);
    haq_msg_set_text(m, HAQ_F_DIMS, j->dims);
    haq_msg_set_uint(m, HAQ_F_ISA, j->isa);
    haq_msg_set_uint(m, HAQ_F_THREADS, j->threads);
}

static haq_status run_embedded(struct running *r, struct haq_diag *d)
{
    struct haq_msg open;
    sigset_t old;
    json_t *options = identity(r->job);
    if (!options)
        return haq_fail(d, HAQ_NOMEM, "search");
    fill_open(&open, r->job);
    int stop_fd = block_signals(&old);
    struct haq_embed_config k = {
        .core = {.workers = r->job->workers ? r->job->workers : 1,
                 .open = &open,
                 .driver = {&haq_search_driver_ops, &r->driver}},
        .store = r->store,
        .options = options,
        .resume = r->job->resume,
        .stop_fd = stop_fd,
        .notify = on_turn,
        .ctx = r,
    };
    haq_status s = haq_embed_run(&k, &r->out->view, d);
    if (stop_fd >= 0) {
        struct signalfd_siginfo info;
        while (read(stop_fd, &info, sizeof info) == sizeof info)
            ; /* taken, so that unblocking does not end us */
        close(stop_fd);
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    json_decref(options);
    return s;
}

haq_status haq_search_job_run(const struct haq_search_job *job,
                              struct haq_search_outcome *out,
                              struct haq_diag *d)
{
    bool made = false;
    struct running *r = calloc(1, sizeof *r);
    *out = (struct haq_search_outcome){.front = NULL};
    if (!r)
        return haq_fail(d, HAQ_NOMEM, "search");
    r->job = job;
    r->out = out;
    r->driver.config = job->search;
    haq_progress_init(&r->line, job->quiet);

    haq_status s = check_readable(job->model, d);
    if (s == HAQ_OK)
        s = check_readable(job->calib, d);
    if (s == HAQ_OK)
        s = check_readable(job->eval, d);
    if (s == HAQ_OK)
        s = choose_folder(r, &made, d);
    if (s == HAQ_OK)
        s = run_embedded(r, d);
    haq_progress_end(&r->line);
    if (out->view.started)
        write_front(r);
    else if (made)
        rmdir(out->dir);
    if (s == HAQ_OK && r->write_status != HAQ_OK) {
        s = r->write_status;
        *d = r->write_diag;
    }
    if (s == HAQ_OK && out->front)
        s = haq_search_save_params(job, out->dir, out->front, d);
    haq_search_driver_fini(&r->driver);
    free(r);
    return s;
}

void haq_search_outcome_fini(struct haq_search_outcome *o)
{
    json_decref(o->front);
    o->front = NULL;
}
