#include "coordinator/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/suite.h"

static char dir[64], path[128];

static void make_folder(void)
{
    strcpy(dir, "/tmp/haqstore-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/store.sqlite", dir);
}

static void remove_folder(void)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        char file[160];
        snprintf(file, sizeof file, "%s%s", path, tails[i]);
        unlink(file);
    }
    rmdir(dir);
}

static struct haq_store *open_store(void)
{
    struct haq_store *s = NULL;
    struct haq_diag d = {HAQ_OK, ""};
    haq_status st = haq_store_open(&s, path, &d);
    if (st != HAQ_OK)
        printf("\n  %s\n", d.text);
    CU_ASSERT_EQUAL_FATAL(st, HAQ_OK);
    return s;
}

static struct haq_measurement sample(const char *key, const char *result)
{
    struct haq_measurement m = {
        .kind = "evaluate",
        .model = "m",
        .data = "e",
        .recipe = "float",
        .where = "x86-64",
        .params = "{\"count\":0}",
        .result = result,
        .elapsed_s = 2.5,
        .attempt = 1,
        .worker = "w1",
    };
    snprintf(m.key, sizeof m.key, "%s", key);
    return m;
}

static void what_was_committed_comes_back_whole(void)
{
    static const float scores[] = {1, 0.5f, -3};
    struct haq_diag d;
    bool stored = false, found = false;
    make_folder();
    struct haq_store *s = open_store();
    struct haq_measurement m = sample("k1", "{\"value\":91.5}"), back;
    m.scores = scores;
    m.scores_bytes = sizeof scores;

    CU_ASSERT_EQUAL(haq_store_begin(s, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_put(s, &m, &stored, &d), HAQ_OK);
    CU_ASSERT(stored);
    CU_ASSERT_EQUAL(haq_store_put_event(s, "job", "lease", "{}", &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_commit(s, &d), HAQ_OK);
    haq_store_close(s);

    s = open_store();
    CU_ASSERT_EQUAL(haq_store_get(s, "k1", &back, &found, &d), HAQ_OK);
    CU_ASSERT_FATAL(found);
    CU_ASSERT_STRING_EQUAL(back.kind, "evaluate");
    CU_ASSERT_STRING_EQUAL(back.where, "x86-64");
    CU_ASSERT_STRING_EQUAL(back.params, m.params);
    CU_ASSERT_STRING_EQUAL(back.result, m.result);
    CU_ASSERT_STRING_EQUAL(back.worker, "w1");
    CU_ASSERT_EQUAL(back.attempt, 1);
    CU_ASSERT_EQUAL(back.elapsed_s, 2.5);
    CU_ASSERT_EQUAL(strlen(back.created), 20);
    CU_ASSERT_EQUAL_FATAL(back.scores_bytes, sizeof scores);
    CU_ASSERT_EQUAL(memcmp(back.scores, scores, sizeof scores), 0);
    haq_measurement_fini(&back);
    CU_ASSERT_EQUAL(haq_store_get(s, "k2", &back, &found, &d), HAQ_OK);
    CU_ASSERT(!found);
    haq_store_close(s);
    remove_folder();
}

static void a_key_is_stored_once(void)
{
    struct haq_diag d;
    bool stored = true, found;
    uint64_t n = 0;
    make_folder();
    struct haq_store *s = open_store();
    struct haq_measurement a = sample("k", "1"), b = sample("k", "2"), back;
    CU_ASSERT_EQUAL(haq_store_begin(s, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_put(s, &a, &stored, &d), HAQ_OK);
    CU_ASSERT(stored);
    CU_ASSERT_EQUAL(haq_store_put(s, &b, &stored, &d), HAQ_OK);
    CU_ASSERT(!stored);
    CU_ASSERT_EQUAL(haq_store_commit(s, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_count(s, "measurements", &n, &d), HAQ_OK);
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT_EQUAL(haq_store_get(s, "k", &back, &found, &d), HAQ_OK);
    CU_ASSERT_STRING_EQUAL(back.result, "1");
    haq_measurement_fini(&back);
    haq_store_close(s);
    remove_folder();
}

static void what_is_superseded_stays_in_the_log_and_frees_its_key(void)
{
    struct haq_diag d;
    bool stored = false, found = true;
    uint64_t events = 0;
    make_folder();
    struct haq_store *s = open_store();
    struct haq_measurement a = sample("k", "{\"ms\":1}"),
                           b = sample("k", "{\"ms\":2}"), back;
    CU_ASSERT_EQUAL(haq_store_begin(s, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_put(s, &a, NULL, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_supersede(s, "job", "k", "drift", &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_supersede(s, "job", "none", "drift", &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_get(s, "k", &back, &found, &d), HAQ_OK);
    CU_ASSERT(!found);
    CU_ASSERT_EQUAL(haq_store_count(s, "events", &events, &d), HAQ_OK);
    CU_ASSERT_EQUAL(events, 1);
    CU_ASSERT_EQUAL(haq_store_put(s, &b, &stored, &d), HAQ_OK);
    CU_ASSERT(stored);
    CU_ASSERT_EQUAL(haq_store_commit(s, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_get(s, "k", &back, &found, &d), HAQ_OK);
    CU_ASSERT_STRING_EQUAL(back.result, "{\"ms\":2}");
    haq_measurement_fini(&back);
    haq_store_close(s);
    remove_folder();
}

static void a_rollback_leaves_nothing(void)
{
    struct haq_diag d;
    uint64_t n = 9;
    make_folder();
    struct haq_store *s = open_store();
    struct haq_measurement m = sample("k", "1");
    CU_ASSERT_EQUAL(haq_store_begin(s, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_put(s, &m, NULL, &d), HAQ_OK);
    haq_store_rollback(s);
    CU_ASSERT_EQUAL(haq_store_count(s, "measurements", &n, &d), HAQ_OK);
    CU_ASSERT_EQUAL(n, 0);
    haq_store_rollback(s);
    haq_store_close(s);
    remove_folder();
}

static void jobs_failures_and_time_are_remembered(void)
{
    struct haq_diag d;
    struct haq_job j = {.id = "j1", .config = "{\"seed\":1}"}, back;
    char reason[64];
    bool found = false;
    double at = 0;
    make_folder();
    struct haq_store *s = open_store();
    CU_ASSERT_EQUAL(haq_store_get_job(s, &back, &found, &d), HAQ_OK);
    CU_ASSERT(!found);
    CU_ASSERT_EQUAL(haq_store_begin(s, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_put_job(s, &j, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_set_progress(s, "j1", 12.5, false, &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_put_failure(s, "j1", "k", "segfault", 3.5, &d),
                    HAQ_OK);
    CU_ASSERT_EQUAL(haq_store_commit(s, &d), HAQ_OK);
    haq_store_close(s);
    s = open_store();
    CU_ASSERT_EQUAL(haq_store_get_job(s, &back, &found, &d), HAQ_OK);
    CU_ASSERT_FATAL(found);
    CU_ASSERT_STRING_EQUAL(back.id, "j1");
    CU_ASSERT_STRING_EQUAL(back.config, j.config);
    CU_ASSERT_EQUAL(back.elapsed_s, 12.5);
    CU_ASSERT(!back.finished);
    haq_job_fini(&back);
    CU_ASSERT_EQUAL(haq_store_get_failure(s, "j1", "k", reason, sizeof reason,
                                          &at, &found, &d),
                    HAQ_OK);
    CU_ASSERT(found && !strcmp(reason, "segfault") && at == 3.5);
    CU_ASSERT_EQUAL(haq_store_get_failure(s, "j2", "k", reason, sizeof reason,
                                          &at, &found, &d),
                    HAQ_OK);
    CU_ASSERT(!found);
    haq_store_close(s);
    remove_folder();
}

/* The child tells each key through a pipe after its commit and is killed at a
 * random moment; every key it told must be there. */
static void write_until_killed(int out)
{
    struct haq_store *s = NULL;
    struct haq_diag d;
    if (haq_store_open(&s, path, &d) != HAQ_OK)
        _exit(1);
    for (unsigned i = 0;; i++) {
        char key[32];
        snprintf(key, sizeof key, "%d-%u", (int)getpid(), i);
        struct haq_measurement m = sample(key, "1");
        if (haq_store_begin(s, &d) != HAQ_OK ||
            haq_store_put(s, &m, NULL, &d) != HAQ_OK ||
            haq_store_commit(s, &d) != HAQ_OK ||
            write(out, key, sizeof key) != sizeof key)
            _exit(2);
    }
}

static void nothing_acknowledged_is_lost_when_the_writer_is_killed(void)
{
    uint64_t rng = 5;
    size_t acknowledged = 0, lost = 0;
    make_folder();
    haq_store_close(open_store());
    for (int round = 0; round < 20; round++) {
        int fd[2];
        CU_ASSERT_EQUAL_FATAL(pipe(fd), 0);
        pid_t child = fork();
        if (!child) {
            close(fd[0]);
            write_until_killed(fd[1]);
        }
        close(fd[1]);
        struct timespec t = {0, (long)(5000000 + next_random(&rng) % 40000000)};
        nanosleep(&t, NULL);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);

        struct haq_store *s = open_store();
        char key[32];
        while (read(fd[0], key, sizeof key) == sizeof key) {
            struct haq_measurement m;
            struct haq_diag d;
            bool found = false;
            haq_store_get(s, key, &m, &found, &d);
            acknowledged++;
            lost += !found;
            if (found)
                haq_measurement_fini(&m);
        }
        haq_store_close(s);
        close(fd[0]);
    }
    CU_ASSERT(acknowledged > 0);
    CU_ASSERT_EQUAL(lost, 0);
    remove_folder();
}

/* RLIMIT_FSIZE stands in for a full disk. */
static int fill_up(void)
{
    struct haq_store *s = NULL;
    struct haq_diag d = {HAQ_OK, ""};
    struct rlimit limit = {300000, 300000};
    char blob[20000] = {1};
    signal(SIGXFSZ, SIG_IGN);
    if (haq_store_open(&s, path, &d) != HAQ_OK ||
        setrlimit(RLIMIT_FSIZE, &limit))
        return 1;
    haq_status st = HAQ_OK;
    for (unsigned i = 0; st == HAQ_OK && i < 1000; i++) {
        char key[32];
        snprintf(key, sizeof key, "k%u", i);
        struct haq_measurement m = sample(key, "1");
        m.scores = blob;
        m.scores_bytes = sizeof blob;
        st = haq_store_begin(s, &d);
        if (st == HAQ_OK)
            st = haq_store_put(s, &m, NULL, &d);
        if (st == HAQ_OK)
            st = haq_store_commit(s, &d);
    }
    haq_store_rollback(s);
    struct haq_measurement m;
    bool found = false;
    if (st != HAQ_IO || !strstr(d.text, path))
        return 2;
    if (haq_store_get(s, "k0", &m, &found, &d) != HAQ_OK || !found)
        return 3;
    haq_measurement_fini(&m);
    haq_store_close(s);
    return 0;
}

static void a_full_disk_is_said_and_what_was_stored_stays_readable(void)
{
    int how = -1;
    struct haq_diag d;
    make_folder();
    pid_t child = fork();
    if (!child)
        _exit(fill_up());
    waitpid(child, &how, 0);
    CU_ASSERT(WIFEXITED(how));
    CU_ASSERT_EQUAL(WEXITSTATUS(how), 0);
    struct haq_store *s = open_store();
    uint64_t n = 0;
    CU_ASSERT_EQUAL(haq_store_count(s, "measurements", &n, &d), HAQ_OK);
    CU_ASSERT(n >= 1);
    haq_store_close(s);
    remove_folder();
}

static void write_file(const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, data, len), (ssize_t)len);
    close(fd);
}

static void what_is_no_store_is_refused(void)
{
    struct haq_store *s = NULL;
    struct haq_diag d = {HAQ_OK, ""};
    char junk[4096];
    make_folder();
    memset(junk, 'x', sizeof junk);
    write_file(junk, sizeof junk);
    CU_ASSERT_EQUAL(haq_store_open(&s, path, &d), HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, path));
    CU_ASSERT_PTR_NULL(s);
    unlink(path);
    CU_ASSERT_EQUAL(haq_store_open(&s, "/nonexistent/store", &d), HAQ_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "/nonexistent/store"));
    remove_folder();
}

static void damage_is_found_at_open(void)
{
    struct haq_store *s;
    struct haq_diag d = {HAQ_OK, ""};
    struct stat st;
    make_folder();
    s = open_store();
    CU_ASSERT_EQUAL(haq_store_begin(s, &d), HAQ_OK);
    for (unsigned i = 0; i < 500; i++) {
        char key[32];
        snprintf(key, sizeof key, "k%u", i);
        struct haq_measurement m = sample(key, "1");
        CU_ASSERT_EQUAL(haq_store_put(s, &m, NULL, &d), HAQ_OK);
    }
    CU_ASSERT_EQUAL(haq_store_commit(s, &d), HAQ_OK);
    haq_store_close(s);
    s = NULL;
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    int fd = open(path, O_WRONLY);
    char junk[4096];
    memset(junk, 0x5a, sizeof junk);
    for (off_t at = 8192; at + 4096 < st.st_size; at += 4096)
        CU_ASSERT_EQUAL(pwrite(fd, junk, sizeof junk, at), sizeof junk);
    close(fd);
    CU_ASSERT_EQUAL(haq_store_open(&s, path, &d), HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, path));
    remove_folder();
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(what_was_committed_comes_back_whole),
        HAQ_TEST(a_key_is_stored_once),
        HAQ_TEST(what_is_superseded_stays_in_the_log_and_frees_its_key),
        HAQ_TEST(a_rollback_leaves_nothing),
        HAQ_TEST(jobs_failures_and_time_are_remembered),
        HAQ_TEST(nothing_acknowledged_is_lost_when_the_writer_is_killed),
        HAQ_TEST(a_full_disk_is_said_and_what_was_stored_stays_readable),
        HAQ_TEST(what_is_no_store_is_refused),
        HAQ_TEST(damage_is_found_at_open),
        CU_TEST_INFO_NULL,
    };
    return run_suite("coordinator/store", tests);
}
