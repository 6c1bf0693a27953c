#include "hwprofiles/target.h"

#include "base/json.h"
#include "tests/hwprofiles/fixture.h"

#define DATA "hwprofiles/data"

/* ---- round trips ----------------------------------------------------------
 */

static void same_bytes(const struct haq_target *a, const struct haq_target *b)
{
    size_t len;
    json_t *x = haq_target_to_json(a), *y = haq_target_to_json(b);
    char *s = haq_json_canonical(x, &len), *t = haq_json_canonical(y, &len);
    CU_ASSERT_STRING_EQUAL(s, t);
    free(s), free(t);
    json_decref(x), json_decref(y);
}

static void saved_machines_read_back_to_the_same_bytes(const char *name)
{
    char folder[300], file[] = "/tmp/haq-profile-XXXXXX";
    struct haq_target p, back;
    int fd = mkstemp(file);

    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    snprintf(folder, sizeof folder, MACHINES "/%s", name);
    CU_ASSERT_EQUAL_FATAL(haq_target_probe(&p, folder, NULL, NULL), HAQ_OK);
    p.measured = json_pack("{s:{s:f}}", "peaks", "f32", 1.5);
    CU_ASSERT_EQUAL_FATAL(haq_target_write(&p, file, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_target_read(&back, file, NULL), HAQ_OK);
    same_bytes(&p, &back);
    CU_ASSERT_EQUAL(back.devices.n, 1 + p.machine.opencl.n);
    CU_ASSERT_STRING_EQUAL(haq_target_find(&back, "cpu")->fingerprint,
                           haq_target_find(&p, "cpu")->fingerprint);
    haq_target_fini(&p);
    haq_target_fini(&back);
    unlink(file);
}

static void every_machine_round_trips(void)
{
    each_machine(saved_machines_read_back_to_the_same_bytes);
}

static void shipped_profiles_are_sound_and_say_their_source(void)
{
    struct dirent **entry;
    size_t count = 0;
    int n = scandir(DATA, &entry, NULL, alphasort);

    for (int i = 0; i < n; i++) {
        char file[300], *dot = strrchr(entry[i]->d_name, '.');
        struct haq_target p, back;
        struct haq_diag d = {HAQ_OK, ""};
        if (dot && !strcmp(dot, ".json")) {
            snprintf(file, sizeof file, DATA "/%s", entry[i]->d_name);
            haq_status s = haq_target_read(&p, file, &d);
            if (s != HAQ_OK)
                printf("\n  %s\n", d.text);
            CU_ASSERT_EQUAL_FATAL(s, HAQ_OK);
            *dot = 0; /* a profile has its file's name */
            CU_ASSERT_STRING_EQUAL(p.name, entry[i]->d_name);
            CU_ASSERT(strlen(p.source) > 20);
            json_t *j = haq_target_to_json(&p);
            CU_ASSERT_EQUAL(haq_target_from_json(&back, j, "x", NULL), HAQ_OK);
            same_bytes(&p, &back);
            json_decref(j);
            haq_target_fini(&p);
            haq_target_fini(&back);
            count++;
        }
        free(entry[i]);
    }
    free(entry);
    CU_ASSERT(count >= 8);
}

/* ---- files that are none --------------------------------------------------
 */

static void expect_refused(const char *text, const char *words)
{
    char folder[] = "/tmp/haq-target-XXXXXX", file[100];
    struct haq_target p;
    struct haq_diag d = {HAQ_OK, ""};

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    put(folder, "p.json", text);
    snprintf(file, sizeof file, "%s/p.json", folder);
    haq_status s = haq_target_read(&p, file, &d);
    CU_ASSERT_EQUAL(haq_status_exit(s), 3);
    bool told = strstr(d.text, "p.json") && strstr(d.text, words);
    CU_ASSERT(told);
    if (!told)
        printf("\n  \"%s\": %s\n", words, d.text);
    if (s == HAQ_OK)
        haq_target_fini(&p);
    remove_machine(folder);
}

#define HEAD "{\"profile\":1,\"name\":\"a\",\"source\":\"b\",\"devices\":["
#define DEVICE(rows)                                                           \
    HEAD "{\"device\":\"npu\",\"type\":\"npu\",\"name\":\"n\","                \
         "\"capabilities\":[" rows "]}]}"
#define ROW(ops, weights, acts, grans, support)                                \
    "{\"ops\":[\"" ops "\"],\"weights\":[\"" weights                           \
    "\"],\"activations\":[\"" acts "\"],\"granularities\":[\"" grans           \
    "\"],\"support\":\"" support "\"}"

static void foreign_files_are_refused_with_the_reason(void)
{
    expect_refused("", "line 1");
    expect_refused("[]", "not a profile");
    expect_refused("{}", "profile: missing");
    expect_refused("{\"profile\":2}", "version 2");
    expect_refused("{\"profile\":\"1\"}", "profile");
    expect_refused("{\"profile\":1}", "name: missing");
    expect_refused(HEAD "]}", "without devices");
    expect_refused(HEAD "{}]}", "devices[0].device: missing");
    expect_refused(HEAD "1]}", "devices[0]: not an object");
    expect_refused("{\"profile\":1,\"name\":\"a\",\"source\":\"b\",\"extra\":0,"
                   "\"devices\":[]}",
                   "has no \"extra\"");
    expect_refused(HEAD "{\"device\":\"x\",\"type\":\"t\",\"name\":\"n\"},"
                        "{\"device\":\"x\",\"type\":\"t\",\"name\":\"n\"}]}",
                   "two devices");
    expect_refused(DEVICE(ROW("conv3d", "int8", "fp32", "*", "native")),
                   "capabilities[0].ops: \"conv3d\"");
    expect_refused(DEVICE(ROW("conv", "int9", "fp32", "*", "native")),
                   "weights: \"int9\"");
    expect_refused(DEVICE(ROW("conv", "int8", "int8", "*", "native")),
                   "activations: \"int8\"");
    expect_refused(DEVICE(ROW("conv", "int8", "ternary:static", "*", "native")),
                   "activations: \"ternary:static\"");
    expect_refused(DEVICE(ROW("conv", "int8", "fp32", "row", "native")),
                   "granularities: \"row\"");
    expect_refused(DEVICE(ROW("conv", "int8", "fp32", "*", "maybe")),
                   "\"maybe\" is not known");
    expect_refused(DEVICE(ROW("conv", "int8", "fp32", "*", "native") ",{}"),
                   "capabilities[1].ops: missing");
    expect_refused(HEAD "{\"device\":\"x\",\"type\":\"t\",\"name\":\"n\"}],"
                        "\"measured\":[]}",
                   "measured");
    expect_refused(HEAD "{\"device\":\"x\",\"type\":\"t\",\"name\":\"n\","
                        "\"figures\":[{\"name\":\"a\",\"value\":\"9\","
                        "\"source\":\"s\"}]}]}",
                   "figures[0].value: not a number");
    expect_refused(HEAD "{\"device\":\"x\",\"type\":\"t\",\"name\":\"n\"}],"
                        "\"machine\":{}}",
                   "machine");
}

/* A saved profile whose machine was edited: nothing measured for the one may
 * be taken for the other. */
static void a_fingerprint_must_be_that_of_its_machine(void)
{
    struct haq_target p, back;
    struct haq_diag d;

    CU_ASSERT_EQUAL_FATAL(haq_target_probe(&p, MACHINES "/haswell", NULL, NULL),
                          HAQ_OK);
    json_t *j = haq_target_to_json(&p);
    json_object_set_new(json_object_get(j, "machine"), "quota_milli",
                        json_integer(500));
    CU_ASSERT_EQUAL(haq_target_from_json(&back, j, "f", &d), HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "devices[0].fingerprint"));
    json_decref(j);
    haq_target_fini(&p);
}

static void too_many_rows_are_refused(void)
{
    json_t *rows = json_array(), *j;
    struct haq_target p;
    struct haq_diag d;
    for (int i = 0; i < 600; i++)
        json_array_append_new(
            rows, json_pack("{s:[s], s:[s], s:[s], s:[s], s:s}", "ops", "conv",
                            "weights", "int8", "activations", "fp32",
                            "granularities", "*", "support", "no"));
    j = json_pack("{s:i, s:s, s:s, s:[{s:s, s:s, s:s, s:o}]}", "profile", 1,
                  "name", "a", "source", "b", "devices", "device", "x", "type",
                  "t", "name", "n", "capabilities", rows);
    CU_ASSERT_EQUAL(haq_target_from_json(&p, j, "f", &d), HAQ_FORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(d.text, "600 items are more than"));
    json_decref(j);
}

int main(void)
{
    CU_TestInfo tests[] = {
        HAQ_TEST(every_machine_round_trips),
        HAQ_TEST(shipped_profiles_are_sound_and_say_their_source),
        HAQ_TEST(foreign_files_are_refused_with_the_reason),
        HAQ_TEST(a_fingerprint_must_be_that_of_its_machine),
        HAQ_TEST(too_many_rows_are_refused),
        CU_TEST_INFO_NULL};
    return run_suite("hwprofiles/target", tests);
}
