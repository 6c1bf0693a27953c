/* A coordinator with real worker processes over real sockets; the worker is
 * this same program, started with --connect. */
#include "coordinator/embed.h"

#include <sys/eventfd.h>
#include <sys/wait.h>

#include "base/json.h"
#include "coordinator/store/store.h"
#include "tests/suite.h"
#include "tests/support/fake_driver.h"
#include "tests/support/fake_runner.h"

static char folder[64], store[128];

static void make_folder(void)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    CU_ASSERT_FATAL(n > 0);
    self[n] = 0;
    setenv("HAQ_WORKER", self, 1);
    setenv("HAQ_FAKE", "", 1);
    strcpy(folder, "/tmp/haqembed-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(store, sizeof store, "%s/store.sqlite", folder);
}

static void remove_folder(void)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        char file[160];
        snprintf(file, sizeof file, "%s%s", store, tails[i]);
        unlink(file);
    }
    rmdir(folder);
}

struct run {
    unsigned n;
    size_t workers;
    int seed; /* an option that makes another job */
    bool resume;
    int stop_fd; /* 0 = none */
    uint64_t deadline_ns;
    void (*notify)(void *ctx, const struct haq_embed_view *v);
    void *ctx;
    /* out */
    struct fake_job job;
    struct haq_embed_view view;
    struct haq_diag d;
};

static haq_status run_job(struct run *r)
{
    struct haq_msg open;
    haq_msg_init(&open, HAQ_MSG_OPEN);
    haq_msg_set_text(&open, HAQ_F_MODEL, "model.onnx");
    haq_msg_set_uint(&open, HAQ_F_ISA, 0);
    haq_msg_set_uint(&open, HAQ_F_THREADS, 0);
    json_t *options = json_pack("{s:i}", "seed", r->seed);
    r->job = (struct fake_job){.n = r->n};
    r->d = (struct haq_diag){HAQ_OK, ""};
    struct haq_embed_config k = {
        .core = {.workers = r->workers ? r->workers : 1,
                 .open = &open,
                 .driver = {&fake_ops, &r->job},
                 .deadline_ns = r->deadline_ns,
                 .backoff_ns = 1000000},
        .store = store,
        .options = options,
        .resume = r->resume,
        .stop_fd = r->stop_fd ? r->stop_fd : -1,
        .notify = r->notify,
        .ctx = r->ctx,
    };
    haq_status s = haq_embed_run(&k, &r->view, &r->d);
    fake_fini(&r->job);
    json_decref(options);
    return s;
}

static uint64_t count(const char *table)
{
    struct haq_store *s = NULL;
    uint64_t n = 0;
    CU_ASSERT_EQUAL_FATAL(haq_store_open(&s, store, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_count(s, table, &n, NULL), HAQ_OK);
    haq_store_close(s);
    return n;
}

static bool no_child_left(void)
{
    return waitpid(-1, NULL, WNOHANG) < 0;
}

static void a_job_runs_to_its_end_and_every_answer_is_right(void)
{
    for (size_t workers = 1; workers <= 3; workers += 2) {
        make_folder();
        struct run r = {.n = 40, .workers = workers};
        CU_ASSERT_EQUAL(run_job(&r), HAQ_OK);
        CU_ASSERT_EQUAL(r.job.told, 40);
        CU_ASSERT_EQUAL(r.job.wrong, 0);
        CU_ASSERT_EQUAL(r.job.failed, 0);
        CU_ASSERT_EQUAL(r.view.work.measured, 40);
        CU_ASSERT_EQUAL(count("measurements"), 40);
        CU_ASSERT(no_child_left());
        remove_folder();
    }
}

static void a_finished_job_is_answered_from_the_store(void)
{
    make_folder();
    struct run r = {.n = 20};
    CU_ASSERT_EQUAL(run_job(&r), HAQ_OK);
    double first = r.view.elapsed_s;
    CU_ASSERT_EQUAL(run_job(&r), HAQ_OK);
    CU_ASSERT_EQUAL(r.job.told, 20);
    CU_ASSERT_EQUAL(r.job.wrong, 0);
    CU_ASSERT_EQUAL(r.view.work.measured, 0);
    CU_ASSERT_EQUAL(r.view.work.answered, 20);
    CU_ASSERT(r.view.was_finished);
    CU_ASSERT(r.view.elapsed_s > first);
    CU_ASSERT_EQUAL(count("measurements"), 20);
    remove_folder();
}

static void another_job_in_the_folder_is_refused_and_named(void)
{
    make_folder();
    struct run r = {.n = 4};
    CU_ASSERT_EQUAL(run_job(&r), HAQ_OK);
    struct run other = {.n = 4, .seed = 7, .resume = true};
    CU_ASSERT_EQUAL(run_job(&other), HAQ_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(other.d.text, store));
    CU_ASSERT_PTR_NOT_NULL(strstr(other.d.text, "seed is 0 there and 7 here"));
    CU_ASSERT_EQUAL(count("measurements"), 4);
    CU_ASSERT(no_child_left());
    remove_folder();
}

static void stop_soon(void *ctx, const struct haq_embed_view *v)
{
    if (v->work.measured >= 3)
        CU_ASSERT_EQUAL(eventfd_write(*(int *)ctx, 1), 0);
}

static void an_interrupted_job_keeps_what_it_has_and_goes_on(void)
{
    int stop = eventfd(0, EFD_CLOEXEC);
    make_folder();
    struct run r = {
        .n = 20, .stop_fd = stop, .notify = stop_soon, .ctx = &stop};
    setenv("HAQ_FAKE", "slow=5", 1);
    CU_ASSERT_EQUAL(run_job(&r), HAQ_INTERRUPTED);
    uint64_t kept = count("measurements");
    CU_ASSERT(kept >= 3 && kept < 20);
    CU_ASSERT_EQUAL(kept, r.view.work.measured);
    CU_ASSERT(no_child_left());

    close(stop);
    struct run again = {.n = 20};
    CU_ASSERT_EQUAL(run_job(&again), HAQ_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(again.d.text, "--resume"));
    again.resume = true;
    CU_ASSERT_EQUAL(run_job(&again), HAQ_OK);
    CU_ASSERT_EQUAL(again.view.work.answered, kept);
    CU_ASSERT_EQUAL(again.view.work.measured, 20 - kept);
    CU_ASSERT_EQUAL(again.job.wrong, 0);
    remove_folder();
}

static void a_task_that_kills_its_workers_costs_three_of_them_and_no_more(void)
{
    make_folder();
    setenv("HAQ_FAKE", "poison=5", 1);
    struct run r = {.n = 12};
    CU_ASSERT_EQUAL(run_job(&r), HAQ_OK);
    CU_ASSERT_EQUAL(r.job.told, 12);
    CU_ASSERT_EQUAL(r.job.failed, 1);
    CU_ASSERT_EQUAL(r.view.work.deaths, 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.job.reason, "signal 9"));
    CU_ASSERT_EQUAL(count("failures"), 1);
    /* It is not tried again. */
    CU_ASSERT_EQUAL(run_job(&r), HAQ_OK);
    CU_ASSERT_EQUAL(r.view.work.deaths, 0);
    CU_ASSERT_EQUAL(r.job.failed, 1);
    remove_folder();
}

static void an_answer_that_would_come_again_is_taken_at_once(void)
{
    make_folder();
    setenv("HAQ_FAKE", "bad=2", 1);
    struct run r = {.n = 6};
    CU_ASSERT_EQUAL(run_job(&r), HAQ_OK);
    CU_ASSERT_EQUAL(r.job.failed, 1);
    CU_ASSERT_EQUAL(r.view.work.deaths, 0);
    CU_ASSERT_STRING_EQUAL(r.job.reason, "no kernel for candidate 2");
    remove_folder();
}

static void a_hanging_task_is_ended_by_its_deadline(void)
{
    make_folder();
    setenv("HAQ_FAKE", "hang=1", 1);
    struct run r = {.n = 4, .deadline_ns = 300000000};
    CU_ASSERT_EQUAL(run_job(&r), HAQ_OK);
    CU_ASSERT_EQUAL(r.job.failed, 1);
    CU_ASSERT_EQUAL(r.view.work.deaths, 3);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.job.reason, "deadline"));
    CU_ASSERT(no_child_left());
    remove_folder();
}

static void bad_input_ends_the_job_with_the_workers_sentence(void)
{
    make_folder();
    setenv("HAQ_FAKE", "refuse=1", 1);
    struct run r = {.n = 4};
    CU_ASSERT_EQUAL(run_job(&r), HAQ_INVALID);
    CU_ASSERT_STRING_EQUAL(r.d.text, "model.onnx: not an ONNX model");
    CU_ASSERT_EQUAL(access(store, F_OK), -1);
    remove_folder();
}

static void workers_that_cannot_live_end_the_job(void)
{
    make_folder();
    setenv("HAQ_FAKE", "crash_open=1", 1);
    struct run r = {.n = 4};
    CU_ASSERT_EQUAL(run_job(&r), HAQ_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.d.text, "5 workers"));
    setenv("HAQ_WORKER", "/nonexistent/haq-worker", 1);
    CU_ASSERT_EQUAL(run_job(&r), HAQ_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.d.text, "No such file"));
    CU_ASSERT(no_child_left());
    remove_folder();
}

/* A whole coordinator in a child, killed at a random moment, again and again:
 * what is stored is never lost and never measured twice. */
static void sigkill_loses_nothing_and_measures_nothing_twice(void)
{
    enum { N = 60 };
    uint64_t rng = 11, stored = 0;
    make_folder();
    setenv("HAQ_FAKE", "slow=3", 1);
    for (int round = 0; round < 8; round++) {
        pid_t child = fork();
        if (!child) {
            struct run r = {.n = N, .resume = true, .workers = 2};
            run_job(&r);
            _exit(0);
        }
        fake_sleep((long)(60 + next_random(&rng) % 120));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        uint64_t now = count("measurements");
        CU_ASSERT(now >= stored);
        stored = now;
    }
    struct run r = {.n = N, .resume = true};
    CU_ASSERT_EQUAL(run_job(&r), HAQ_OK);
    CU_ASSERT_EQUAL(r.job.wrong, 0);
    CU_ASSERT_EQUAL(r.view.work.answered, stored);
    CU_ASSERT_EQUAL(r.view.work.measured, N - stored);
    remove_folder();
}

static void two_searches_do_not_share_a_folder(void)
{
    int ready[2];
    char byte;
    make_folder();
    CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
    setenv("HAQ_FAKE", "slow=200", 1);
    pid_t child = fork();
    if (!child) {
        struct run r = {.n = 100};
        r.notify = NULL;
        CU_ASSERT_EQUAL(write(ready[1], "x", 1), 1);
        run_job(&r);
        _exit(0);
    }
    CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
    fake_sleep(300);
    struct run r = {.n = 4};
    CU_ASSERT_EQUAL(run_job(&r), HAQ_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.d.text, folder));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ready[0]);
    close(ready[1]);
    remove_folder();
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return haq_worker_main(argc, argv, &fake_runner);
    CU_TestInfo tests[] = {
        HAQ_TEST(a_job_runs_to_its_end_and_every_answer_is_right),
        HAQ_TEST(a_finished_job_is_answered_from_the_store),
        HAQ_TEST(another_job_in_the_folder_is_refused_and_named),
        HAQ_TEST(an_interrupted_job_keeps_what_it_has_and_goes_on),
        HAQ_TEST(a_task_that_kills_its_workers_costs_three_of_them_and_no_more),
        HAQ_TEST(an_answer_that_would_come_again_is_taken_at_once),
        HAQ_TEST(a_hanging_task_is_ended_by_its_deadline),
        HAQ_TEST(bad_input_ends_the_job_with_the_workers_sentence),
        HAQ_TEST(workers_that_cannot_live_end_the_job),
        HAQ_TEST(sigkill_loses_nothing_and_measures_nothing_twice),
        HAQ_TEST(two_searches_do_not_share_a_folder),
        CU_TEST_INFO_NULL,
    };
    return run_suite("e2e/embed", tests);
}
