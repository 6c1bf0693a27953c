/* The daemon as a process (this same program, started with --connect) against a
 * coordinator that is the test. */
#include "worker/worker.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/json.h"
#include "tests/suite.h"
#include "tests/support/fake_runner.h"
#include "wire/codec.h"
#include "wire/link.h"

struct rig {
    char folder[HAQ_LINK_FOLDER], endpoint[128];
    struct haq_link *link;
    struct haq_arena arena; /* of the latest message */
    pid_t pid;
    int leash;
};

static void start(struct rig *r, const char *fake)
{
    int pair[2];
    char fd[16];
    memset(r, 0, sizeof *r);
    setenv("HAQ_FAKE", fake, 1);
    haq_arena_init(&r->arena);
    CU_ASSERT_EQUAL_FATAL(haq_link_folder_make(r->folder, NULL), HAQ_OK);
    snprintf(r->endpoint, sizeof r->endpoint, "ipc://%s/s", r->folder);
    CU_ASSERT_EQUAL_FATAL(haq_link_bind(&r->link, r->endpoint, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    snprintf(fd, sizeof fd, "%d", pair[1]);
    r->pid = fork();
    if (!r->pid) {
        close(pair[0]);
        execl("/proc/self/exe", "haq-worker", "--connect", r->endpoint, "--id",
              "w1", "--leash", fd, (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    r->leash = pair[0];
}

static void finish(struct rig *r)
{
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
    close(r->leash);
    haq_link_close(r->link, 0);
    haq_link_folder_remove(r->folder);
    haq_arena_fini(&r->arena);
}

/* Exit status within `ms`, or -1. */
static int exit_status(struct rig *r, int ms)
{
    int how;
    for (int i = 0; i < ms / 5; i++) {
        if (waitpid(r->pid, &how, WNOHANG) == r->pid)
            return WIFEXITED(how) ? WEXITSTATUS(how) : -2;
        fake_sleep(5);
    }
    return -1;
}

/* The next message of that kind (others are passed over) within 5 s. */
static bool expect(struct rig *r, enum haq_msg_kind kind, struct haq_msg *m)
{
    uint64_t end = haq_clock_ns() + UINT64_C(5000000000);
    while (haq_clock_ns() < end) {
        struct haq_link_frame f;
        haq_arena_fini(&r->arena);
        haq_arena_init(&r->arena);
        if (!haq_link_recv(r->link, &f))
            haq_link_wait(r->link, NULL, 0, 50);
        else if (haq_msg_decode(m, &r->arena, f.data, f.len, NULL) == HAQ_OK &&
                 m->kind == kind)
            return true;
    }
    printf("\n  no %s came\n", haq_msg_info(kind)->name);
    return false;
}

static void tell(struct rig *r, const struct haq_msg *m)
{
    struct haq_buf b;
    haq_buf_init(&b);
    CU_ASSERT_EQUAL_FATAL(haq_msg_encode(m, &b, NULL), HAQ_OK);
    CU_ASSERT_EQUAL(haq_link_send(r->link, "w1", b.data, b.len, NULL), HAQ_OK);
    haq_buf_fini(&b);
}

static void open_model(struct rig *r)
{
    struct haq_msg m;
    haq_msg_init(&m, HAQ_MSG_OPEN);
    haq_msg_set_text(&m, HAQ_F_MODEL, "m.onnx");
    haq_msg_set_uint(&m, HAQ_F_ISA, 0);
    haq_msg_set_uint(&m, HAQ_F_THREADS, 0);
    tell(r, &m);
}

static void give_task(struct rig *r, uint64_t fence, const char *recipe)
{
    struct haq_msg m;
    haq_msg_init(&m, HAQ_MSG_TASK);
    haq_msg_set_uint(&m, HAQ_F_TASK, 42);
    haq_msg_set_uint(&m, HAQ_F_FENCE, fence);
    haq_msg_set_text(&m, HAQ_F_KIND, "evaluate");
    haq_msg_set_text(&m, HAQ_F_PARAMS, "{}");
    haq_msg_set_text(&m, HAQ_F_RECIPE, recipe);
    haq_msg_set_uint(&m, HAQ_F_DEADLINE_MS, 1000);
    tell(r, &m);
}

static void ping(struct rig *r, uint64_t sequence)
{
    struct haq_msg m;
    haq_msg_init(&m, HAQ_MSG_PING);
    haq_msg_set_uint(&m, HAQ_F_SEQUENCE, sequence);
    tell(r, &m);
}

static void ready_worker(struct rig *r, const char *fake)
{
    struct haq_msg m;
    start(r, fake);
    CU_ASSERT_FATAL(expect(r, HAQ_MSG_HELLO, &m));
    CU_ASSERT_EQUAL(haq_msg_uint(&m, HAQ_F_PID), (uint64_t)r->pid);
    open_model(r);
    CU_ASSERT_FATAL(expect(r, HAQ_MSG_READY, &m));
}

static void a_task_is_answered_under_its_fence(void)
{
    struct rig r;
    struct haq_msg m;
    ready_worker(&r, "");
    give_task(&r, 7, "{\"i\":5}");
    CU_ASSERT_FATAL(expect(&r, HAQ_MSG_RESULT, &m));
    CU_ASSERT_EQUAL(haq_msg_uint(&m, HAQ_F_TASK), 42);
    CU_ASSERT_EQUAL(haq_msg_uint(&m, HAQ_F_FENCE), 7);
    CU_ASSERT_STRING_EQUAL(haq_msg_text(&m, HAQ_F_STATUS), "OK");
    CU_ASSERT_STRING_EQUAL(haq_msg_text(&m, HAQ_F_RESULT), "{\"value\":15}");
    CU_ASSERT(haq_msg_has(&m, HAQ_F_SCORES));
    haq_msg_init(&m, HAQ_MSG_BYE);
    tell(&r, &m);
    CU_ASSERT_EQUAL(exit_status(&r, 5000), 0);
    finish(&r);
}

static void a_failure_is_told_with_status_and_sentence(void)
{
    struct rig r;
    struct haq_msg m;
    ready_worker(&r, "bad=5");
    give_task(&r, 1, "{\"i\":5}");
    CU_ASSERT_FATAL(expect(&r, HAQ_MSG_RESULT, &m));
    CU_ASSERT_STRING_EQUAL(haq_msg_text(&m, HAQ_F_STATUS), "UNSUPPORTED");
    CU_ASSERT_STRING_EQUAL(haq_msg_text(&m, HAQ_F_REASON),
                           "no kernel for candidate 5");
    give_task(&r, 2, "{\"i\":");
    CU_ASSERT_FATAL(expect(&r, HAQ_MSG_RESULT, &m));
    CU_ASSERT_STRING_EQUAL(haq_msg_text(&m, HAQ_F_STATUS), "FORMAT");
    finish(&r);
}

static void pings_are_answered_while_a_task_runs(void)
{
    struct rig r;
    struct haq_msg m;
    ready_worker(&r, "slow=600");
    uint64_t start_ns = haq_clock_ns();
    give_task(&r, 1, "{\"i\":1}");
    for (uint64_t i = 1; i <= 5; i++) {
        ping(&r, i);
        CU_ASSERT_FATAL(expect(&r, HAQ_MSG_PONG, &m));
        CU_ASSERT_EQUAL(haq_msg_uint(&m, HAQ_F_SEQUENCE), i);
    }
    CU_ASSERT(haq_clock_ns() - start_ns < UINT64_C(600000000));
    CU_ASSERT(expect(&r, HAQ_MSG_RESULT, &m));
    finish(&r);
}

static void sigterm_hands_the_lease_back_within_two_seconds(void)
{
    struct rig r;
    struct haq_msg m;
    ready_worker(&r, "slow=60000");
    give_task(&r, 9, "{\"i\":1}");
    ping(&r, 1);
    CU_ASSERT_FATAL(expect(&r, HAQ_MSG_PONG, &m));
    uint64_t start_ns = haq_clock_ns();
    kill(r.pid, SIGTERM);
    CU_ASSERT_FATAL(expect(&r, HAQ_MSG_RELEASE, &m));
    CU_ASSERT_EQUAL(haq_msg_uint(&m, HAQ_F_FENCE), 9);
    CU_ASSERT(expect(&r, HAQ_MSG_BYE, &m));
    CU_ASSERT_EQUAL(exit_status(&r, 5000), 0);
    CU_ASSERT(haq_clock_ns() - start_ns < UINT64_C(2000000000));
    finish(&r);
}

static void a_broken_leash_ends_it(void)
{
    struct rig r;
    ready_worker(&r, "slow=60000");
    give_task(&r, 1, "{\"i\":1}");
    shutdown(r.leash, SHUT_RDWR);
    CU_ASSERT_EQUAL(exit_status(&r, 5000), 0);
    finish(&r);
}

static void hostile_bytes_are_survived(void)
{
    struct rig r;
    struct haq_msg m;
    uint64_t rng = 13;
    unsigned char junk[200];
    ready_worker(&r, "");
    for (int i = 0; i < 300; i++) {
        size_t n = next_random(&rng) % sizeof junk;
        for (size_t k = 0; k < n; k++)
            junk[k] = (unsigned char)next_random(&rng);
        haq_link_send(r.link, "w1", junk, n, NULL);
    }
    /* Messages that only it may send. */
    haq_msg_init(&m, HAQ_MSG_RELEASE);
    haq_msg_set_uint(&m, HAQ_F_TASK, 1);
    haq_msg_set_uint(&m, HAQ_F_FENCE, 1);
    tell(&r, &m);
    give_task(&r, 3, "{\"i\":2}");
    CU_ASSERT_FATAL(expect(&r, HAQ_MSG_RESULT, &m));
    CU_ASSERT_STRING_EQUAL(haq_msg_text(&m, HAQ_F_RESULT), "{\"value\":6}");
    finish(&r);
}

static void a_wrong_command_line_is_a_usage_error(void)
{
    int how = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        close(STDERR_FILENO);
        execl("/proc/self/exe", "haq-worker", "--connect", (char *)NULL);
        _exit(127);
    }
    waitpid(pid, &how, 0);
    CU_ASSERT(WIFEXITED(how) && WEXITSTATUS(how) == 2);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return haq_worker_main(argc, argv, &fake_runner);
    CU_TestInfo tests[] = {
        HAQ_TEST(a_task_is_answered_under_its_fence),
        HAQ_TEST(a_failure_is_told_with_status_and_sentence),
        HAQ_TEST(pings_are_answered_while_a_task_runs),
        HAQ_TEST(sigterm_hands_the_lease_back_within_two_seconds),
        HAQ_TEST(a_broken_leash_ends_it),
        HAQ_TEST(hostile_bytes_are_survived),
        HAQ_TEST(a_wrong_command_line_is_a_usage_error),
        CU_TEST_INFO_NULL,
    };
    return run_suite("worker/daemon", tests);
}
