#include "wire/link.h"

#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "tests/suite.h"

static char folder[HAQ_LINK_FOLDER];
static char endpoint[128];

static struct haq_link *bind_one(void)
{
    struct haq_link *l = NULL;
    struct haq_diag d;
    CU_ASSERT_EQUAL_FATAL(haq_link_folder_make(folder, &d), HAQ_OK);
    snprintf(endpoint, sizeof endpoint, "ipc://%s/s", folder);
    CU_ASSERT_EQUAL_FATAL(haq_link_bind(&l, endpoint, &d), HAQ_OK);
    return l;
}

static bool wait_frame(struct haq_link *l, struct haq_link_frame *f)
{
    uint64_t end = haq_clock_ns() + UINT64_C(5000000000);
    while (!haq_link_recv(l, f)) {
        if (haq_clock_ns() > end)
            return false;
        haq_link_wait(l, NULL, 0, 100);
    }
    return true;
}

static void messages_go_both_ways_under_the_given_id(void)
{
    struct haq_link *server = bind_one(), *client = NULL;
    struct haq_link_frame f;
    struct haq_diag d;
    struct stat st;

    CU_ASSERT_EQUAL(stat(folder, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
    CU_ASSERT_EQUAL_FATAL(haq_link_connect(&client, endpoint, "w1", &d),
                          HAQ_OK);
    CU_ASSERT_EQUAL(haq_link_send(client, NULL, "hello", 5, &d), HAQ_OK);
    CU_ASSERT_FATAL(wait_frame(server, &f));
    CU_ASSERT_STRING_EQUAL(f.peer, "w1");
    CU_ASSERT(f.len == 5 && !memcmp(f.data, "hello", 5));
    CU_ASSERT_EQUAL(haq_link_send(server, "w1", "yes", 3, &d), HAQ_OK);
    CU_ASSERT_FATAL(wait_frame(client, &f));
    CU_ASSERT(f.len == 3 && !memcmp(f.data, "yes", 3));
    haq_link_close(client, 100);
    haq_link_close(server, 0);
    haq_link_folder_remove(folder);
    CU_ASSERT_EQUAL(access(folder, F_OK), -1);
}

static void a_send_to_a_stranger_says_so(void)
{
    struct haq_link *server = bind_one();
    struct haq_diag d = {HAQ_OK, ""};
    CU_ASSERT_EQUAL(haq_link_send(server, "nobody", "x", 1, &d),
                    HAQ_UNREACHABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "nobody"));
    haq_link_close(server, 0);
    haq_link_folder_remove(folder);
}

/* A peer that reads nothing for a while gets everything in order and blocks
 * nobody. */
static void a_slow_peer_loses_nothing_and_stops_nobody(void)
{
    enum { N = 2000, SIZE = 1000 };
    struct haq_link *server = bind_one(), *client = NULL;
    struct haq_link_frame f;
    struct haq_diag d;
    char block[SIZE] = {0};
    uint32_t got = 0;

    CU_ASSERT_EQUAL_FATAL(haq_link_connect(&client, endpoint, "slow", &d),
                          HAQ_OK);
    CU_ASSERT_EQUAL(haq_link_send(client, NULL, "hello", 5, &d), HAQ_OK);
    CU_ASSERT_FATAL(wait_frame(server, &f));
    uint64_t start = haq_clock_ns();
    for (uint32_t i = 0; i < N; i++) {
        memcpy(block, &i, sizeof i);
        CU_ASSERT_EQUAL_FATAL(haq_link_send(server, "slow", block, SIZE, &d),
                              HAQ_OK);
    }
    CU_ASSERT(haq_clock_ns() - start < UINT64_C(5000000000));
    while (got < N) {
        uint32_t i = 0;
        haq_link_wait(server, NULL, 0, 0);
        if (!haq_link_recv(client, &f)) {
            if (haq_clock_ns() - start > UINT64_C(60000000000))
                break;
            continue;
        }
        memcpy(&i, f.data, sizeof i);
        if (i != got)
            break;
        got++;
    }
    CU_ASSERT_EQUAL(got, N);
    haq_link_close(client, 0);
    haq_link_close(server, 0);
    haq_link_folder_remove(folder);
}

static void plain_tcp_is_refused(void)
{
    struct haq_link *l = NULL;
    struct haq_diag d;
    CU_ASSERT_EQUAL(haq_link_bind(&l, "tcp://127.0.0.1:0", &d), HAQ_USAGE);
    CU_ASSERT_EQUAL(haq_link_connect(&l, "tcp://127.0.0.1:1", "w", &d),
                    HAQ_USAGE);
    CU_ASSERT_PTR_NULL(l);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(messages_go_both_ways_under_the_given_id),
        HAQ_TEST(a_send_to_a_stranger_says_so),
        HAQ_TEST(a_slow_peer_loses_nothing_and_stops_nobody),
        HAQ_TEST(plain_tcp_is_refused),
        CU_TEST_INFO_NULL,
    };
    return run_suite("wire/link", tests);
}
