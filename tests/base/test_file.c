#include "base/file.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "base/hash.h"
#include "tests/suite.h"

static char folder[] = "/tmp/haq-test-file-XXXXXX";
static struct haq_diag d;

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int files_in_folder(void)
{
    int n = 0;
    DIR *dir = opendir(folder);
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n - 2;
}

static void expect_content(const char *path, const char *want)
{
    void *data;
    size_t len;
    CU_ASSERT_EQUAL_FATAL(haq_file_read(path, 100, &data, &len, &d), HAQ_OK);
    CU_ASSERT_EQUAL(len, strlen(want));
    CU_ASSERT_STRING_EQUAL(data, want);
    free(data);
}

static void what_was_written_is_read_back(void)
{
    CU_ASSERT_EQUAL(haq_file_write(in_folder("a"), "first", 5, &d), HAQ_OK);
    expect_content(in_folder("a"), "first");
    CU_ASSERT_EQUAL(haq_file_write(in_folder("a"), "", 0, &d), HAQ_OK);
    expect_content(in_folder("a"), "");
    CU_ASSERT_EQUAL(files_in_folder(), 1);
    CU_ASSERT(haq_file_exists(in_folder("a")));
    CU_ASSERT_FALSE(haq_file_exists(in_folder("b")));
}

static void a_failed_write_leaves_the_old_file(void)
{
    static char big[100000];
    struct rlimit old, tight;

    CU_ASSERT_EQUAL(haq_file_write(in_folder("a"), "old", 3, &d), HAQ_OK);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    tight = (struct rlimit){4096, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
    haq_status s = haq_file_write(in_folder("a"), big, sizeof big, &d);
    setrlimit(RLIMIT_FSIZE, &old);
    CU_ASSERT_EQUAL(s, HAQ_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "File too large"));
    expect_content(in_folder("a"), "old");
    CU_ASSERT_EQUAL(files_in_folder(), 1);
    CU_ASSERT_EQUAL(haq_file_write(in_folder("no/a"), "x", 1, &d), HAQ_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "no/a"));
}

static void bad_inputs_are_named(void)
{
    void *data;
    size_t len;
    CU_ASSERT_EQUAL(haq_file_read(in_folder("none"), 9, &data, &len, &d),
                    HAQ_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "none: No such file"));
    CU_ASSERT_EQUAL(haq_file_read(folder, 9, &data, &len, &d), HAQ_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "Is a directory"));
    haq_file_write(in_folder("ten"), "0123456789", 10, &d);
    CU_ASSERT_EQUAL(haq_file_read(in_folder("ten"), 9, &data, &len, &d),
                    HAQ_INVALID);
    CU_ASSERT_EQUAL(haq_file_read(in_folder("ten"), 10, &data, &len, &d),
                    HAQ_OK);
    free(data);
}

static void a_pipe_is_read_to_its_end(void)
{
    char path[32], text[10000];
    void *data;
    size_t len;
    int fd[2];

    memset(text, 'p', sizeof text);
    CU_ASSERT_FATAL(!pipe(fd));
    CU_ASSERT(write(fd[1], text, sizeof text) == sizeof text);
    close(fd[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", fd[0]);
    CU_ASSERT_EQUAL_FATAL(haq_file_read(path, 20000, &data, &len, &d), HAQ_OK);
    CU_ASSERT_EQUAL(len, sizeof text);
    CU_ASSERT_EQUAL(memcmp(data, text, sizeof text), 0);
    free(data);
    close(fd[0]);
}

static void folders_are_made_with_their_parents(void)
{
    CU_ASSERT_EQUAL(haq_dir_make(in_folder("p/q//r/"), &d), HAQ_OK);
    CU_ASSERT_EQUAL(haq_dir_make(in_folder("p/q/r"), &d), HAQ_OK);
    CU_ASSERT(haq_file_exists(in_folder("p/q/r")));
    haq_file_write(in_folder("p/file"), "", 0, &d);
    CU_ASSERT_EQUAL(haq_dir_make(in_folder("p/file/x"), &d), HAQ_IO);
    CU_ASSERT_EQUAL(haq_dir_make(in_folder("p/file"), &d), HAQ_IO);
}

/* FIPS 180-4, examples of the Secure Hash Standard. */
static void hashes_match_the_standard(void)
{
    char hex[HAQ_HASH_HEX], pieces[HAQ_HASH_HEX];
    haq_hash(hex, "", 0);
    CU_ASSERT_STRING_EQUAL(
        hex,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    haq_hash(hex, "abc", 3);
    CU_ASSERT_STRING_EQUAL(
        hex,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");

    static char million[1000000];
    memset(million, 'a', sizeof million);
    haq_hash(hex, million, sizeof million);
    CU_ASSERT_STRING_EQUAL(
        hex,
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");

    struct haq_hasher h;
    haq_hasher_init(&h);
    haq_hasher_add(&h, million, 63);
    haq_hasher_add(&h, million + 63, sizeof million - 63);
    haq_hasher_end(&h, pieces);
    CU_ASSERT_STRING_EQUAL(pieces, hex);

    haq_file_write(in_folder("million"), million, sizeof million, &d);
    CU_ASSERT_EQUAL(haq_hash_file(pieces, in_folder("million"), &d), HAQ_OK);
    CU_ASSERT_STRING_EQUAL(pieces, hex);
    CU_ASSERT_EQUAL(haq_hash_file(pieces, in_folder("no"), &d), HAQ_INVALID);
    CU_ASSERT_EQUAL(haq_hash_file(pieces, folder, &d), HAQ_INVALID);
}

int main(void)
{
    CU_TestInfo tests[] = {HAQ_TEST(what_was_written_is_read_back),
                           HAQ_TEST(a_failed_write_leaves_the_old_file),
                           HAQ_TEST(bad_inputs_are_named),
                           HAQ_TEST(a_pipe_is_read_to_its_end),
                           HAQ_TEST(folders_are_made_with_their_parents),
                           HAQ_TEST(hashes_match_the_standard),
                           CU_TEST_INFO_NULL};
    char command[64];
    if (!mkdtemp(folder))
        return 2;
    int bad = run_suite("file", tests);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) || bad;
}
