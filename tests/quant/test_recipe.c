#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "graph/layers.h"
#include "quant/recipe.h"
#include "tests/suite.h"

#define M64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define D64 "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"

static const char canonical[] =
    "{\"calibration\":{\"data\":\"sha256:" D64 "\",\"method\":\"minmax\"},"
    "\"layers\":[{\"activation\":\"uint8:static\",\"methods\":[\"rtn\"],"
    "\"tensor\":\"c1\",\"weight\":\"int4:channel\"},"
    "{\"activation\":\"float\",\"methods\":[\"rtn\"],\"tensor\":\"fc\","
    "\"weight\":\"int3:group32\"}],"
    "\"model\":\"sha256:" M64 "\","
    "\"params\":{\"file\":\"r.safetensors\",\"sha256\":\"" D64 "\"},"
    "\"recipe\":1}";

/* The same with other key order, white space and things outside identity. */
static const char rearranged[] =
    "{ \"results\": {\"accuracy\": 91.2}, \"recipe\": 1,"
    "\"x-note\": [1, 2], \"model\": \"sha256:" M64 "\","
    "\"provenance\": {\"created\": \"2026-01-01\"},"
    "\"layers\": [{\"tensor\": \"c1\", \"weight\": \"int4\","
    "\"methods\": [\"rtn\"], \"x-mark\": 3, \"activation\": \"uint8\"},"
    "{\"tensor\": \"fc\", \"weight\": \"int3:group32\","
    "\"methods\": [\"rtn\"], \"activation\": \"float\"}],"
    "\"params\":{\"sha256\":\"" D64 "\",\"file\":\"r.safetensors\"},"
    "\"calibration\": {\"method\": \"minmax\", \"data\": \"sha256:" D64 "\"}}";

static haq_status parse(struct haq_recipe *r, const char *text,
                        struct haq_diag *d)
{
    json_t *j = NULL;
    haq_status s = haq_json_parse("r.json", text, strlen(text), &j, d);
    if (!s)
        s = haq_recipe_from_json(r, j, "r.json", d);
    json_decref(j);
    return s;
}

static char *encode(const struct haq_recipe *r)
{
    size_t len;
    json_t *j = haq_recipe_to_json(r);
    char *text = haq_json_canonical(j, &len);
    json_decref(j);
    return text;
}

static void a_recipe_reads_back_as_the_same_bytes(void)
{
    struct haq_recipe r;
    struct haq_diag d = {0};
    CU_ASSERT_EQUAL_FATAL(parse(&r, canonical, &d), HAQ_OK);
    char *text = encode(&r);
    CU_ASSERT_STRING_EQUAL(text, canonical);
    CU_ASSERT_EQUAL(r.n, 2);
    CU_ASSERT_STRING_EQUAL(r.layer[1].tensor, "fc");
    CU_ASSERT_EQUAL(r.layer[1].weight.group, 32);
    CU_ASSERT_STRING_EQUAL(r.params_file, "r.safetensors");
    free(text);
    haq_recipe_fini(&r);
}

static void provenance_and_results_are_carried(void)
{
    struct haq_recipe r;
    CU_ASSERT_EQUAL_FATAL(parse(&r, rearranged, NULL), HAQ_OK);
    char *text = encode(&r);
    CU_ASSERT(strstr(text, "\"created\":\"2026-01-01\"") != NULL);
    CU_ASSERT(strstr(text, "\"accuracy\":91.2") != NULL);
    free(text);
    haq_recipe_fini(&r);
}

/* The expected ids are sha256sum of the bytes that the header describes. */
static void ids_depend_on_what_executes_and_nothing_else(void)
{
    struct haq_recipe a, b;
    char ida[HAQ_HASH_HEX], idb[HAQ_HASH_HEX], want[HAQ_HASH_HEX];
    static const char identity[] =
        "{\"calibration\":{\"data\":\"sha256:" D64 "\",\"method\":\"minmax\"},"
        "\"layers\":[{\"activation\":\"uint8:static\",\"methods\":[\"rtn\"],"
        "\"tensor\":\"c1\",\"weight\":\"int4:channel\"},"
        "{\"activation\":\"float\",\"methods\":[\"rtn\"],\"tensor\":\"fc\","
        "\"weight\":\"int3:group32\"}],"
        "\"model\":\"sha256:" M64 "\"}";
    CU_ASSERT_EQUAL_FATAL(parse(&a, canonical, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(parse(&b, rearranged, NULL), HAQ_OK);
    haq_recipe_assignment_id(&a, ida, NULL);
    haq_recipe_assignment_id(&b, idb, NULL);
    haq_hash(want, identity, sizeof identity - 1);
    CU_ASSERT_STRING_EQUAL(ida, want);
    CU_ASSERT_STRING_EQUAL(ida, idb);
    haq_recipe_id(&a, ida, NULL);
    haq_recipe_id(&b, idb, NULL);
    CU_ASSERT_STRING_EQUAL(ida, idb);
    CU_ASSERT_STRING_NOT_EQUAL(ida, want);
    b.params_hash[0] = 'e'; /* other scales: other execution, same candidate */
    haq_recipe_id(&b, idb, NULL);
    CU_ASSERT_STRING_NOT_EQUAL(ida, idb);
    haq_recipe_assignment_id(&b, idb, NULL);
    CU_ASSERT_STRING_EQUAL(idb, want);
    b.layer[0].weight.full_range = true;
    haq_recipe_assignment_id(&b, idb, NULL);
    CU_ASSERT_STRING_NOT_EQUAL(idb, want);
    haq_recipe_fini(&a);
    haq_recipe_fini(&b);
}

static void a_layer_listed_as_float_is_the_layer_not_listed(void)
{
    struct haq_recipe a, b;
    char ida[HAQ_HASH_HEX], idb[HAQ_HASH_HEX];
    CU_ASSERT_EQUAL_FATAL(parse(&a, canonical, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(parse(&b, canonical, NULL), HAQ_OK);
    a.n = 1;
    b.layer[1].weight =
        (struct haq_weight_spec){.format = haq_format_find("float")};
    haq_recipe_assignment_id(&a, ida, NULL);
    haq_recipe_assignment_id(&b, idb, NULL);
    CU_ASSERT_STRING_EQUAL(ida, idb);
    haq_recipe_fini(&a);
    haq_recipe_fini(&b);
}

/* One valid recipe with one place exchanged. */
static void bad_recipes_are_refused_naming_the_place(void)
{
    static const char *const cases[][3] = {
        {"\"recipe\":1", "\"recipe\":2", "version"},
        {"\"recipe\":1", "\"recipes\":1", "recipe"},
        {"\"recipe\":1", "\"recipe\":1,\"colour\":3", "\"colour\""},
        {"\"model\":\"sha256:0", "\"model\":\"md5:0", "model"},
        {"\"model\":\"sha256:0", "\"model\":\"sha256:G", "model"},
        {"\"tensor\":\"fc\"", "\"tensor\":\"c1\"", "twice"},
        {"\"tensor\":\"fc\"", "\"tensor\":7", "layers[1]"},
        {"\"tensor\":\"fc\"", "\"tensor\":\"fc\",\"bits\":3", "\"bits\""},
        {"int3:group32", "int3:group31", "layers[1]"},
        {"int4:channel", "int17", "layers[0]"},
        {"uint8:static", "uint8:maybe", "layers[0]"},
        {"[\"rtn\"]", "[\"Magic!\"]", "Magic!"},
        {"[\"rtn\"]", "\"rtn\"", "methods"},
        {"\"minmax\"", "\"median\"", "median"},
        {"\"minmax\"", "\"minmax\",\"seed\":1", "\"seed\""},
        {"\"r.safetensors\"", "\"../r.safetensors\"", "params"},
        {"\"r.safetensors\"", "\"\"", "params"},
        {"\"layers\":[", "\"layers\":[[],", "layers[0]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[2000];
        struct haq_recipe r;
        struct haq_diag d = {0};
        const char *at = strstr(canonical, cases[i][0]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - canonical),
                 canonical, cases[i][1], at + strlen(cases[i][0]));
        CU_ASSERT_EQUAL_FATAL(parse(&r, text, &d), HAQ_FORMAT);
        CU_ASSERT(strstr(d.text, "r.json") == d.text);
        if (!strstr(d.text, cases[i][2]))
            printf("\n    %zu: %s", i, d.text);
        CU_ASSERT(strstr(d.text, cases[i][2]) != NULL);
    }
}

static void files_are_written_whole_and_read_back(void)
{
    char path[] = "/tmp/haq_recipe_XXXXXX";
    struct haq_recipe r, back;
    struct haq_diag d = {0};
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    CU_ASSERT_EQUAL_FATAL(parse(&r, canonical, NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_recipe_write(&r, path, &d), HAQ_OK);
    FILE *f = fopen(path, "rb");
    char text[2000] = "";
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    CU_ASSERT_EQUAL(n, sizeof canonical);
    CU_ASSERT(!memcmp(text, canonical, sizeof canonical - 1));
    CU_ASSERT_EQUAL(text[n - 1], '\n');
    CU_ASSERT_EQUAL_FATAL(haq_recipe_read(&back, path, &d), HAQ_OK);
    CU_ASSERT_EQUAL(back.n, 2);
    haq_recipe_fini(&back);
    CU_ASSERT_EQUAL(haq_recipe_write(&r, "/nonexistent/r.json", &d), HAQ_IO);
    haq_recipe_fini(&r);
    unlink(path);
    CU_ASSERT_EQUAL(haq_recipe_read(&back, "/nonexistent/r.json", &d),
                    HAQ_INVALID);
}

/* Three layers: a convolution with bias, one without, a matrix with bias. */
static struct haq_layer table[] = {
    {.tensor = "c1", .channels = 16, .reduction = 27, .bias = true},
    {.tensor = "c2", .channels = 32, .reduction = 144},
    {.tensor = "fc", .channels = 10, .reduction = 64, .bias = true},
};
static struct haq_layers layers = {
    .layer = table, .n = 3, .model_hash = M64, .other_bytes = 1000};

static void uniform_recipes_list_every_layer_in_order(void)
{
    struct haq_weight_spec w;
    struct haq_act_spec a;
    struct haq_recipe r;
    CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&w, "int8", NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_act_spec_parse(&a, "uint8", NULL), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_recipe_uniform(&r, &layers, &w, &a, NULL),
                          HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(r.n, 3);
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_STRING_EQUAL(r.layer[i].tensor, table[i].tensor);
    CU_ASSERT_STRING_EQUAL(r.model_hash, M64);
    haq_recipe_fini(&r);
}

static void sizes_are_those_counted_by_hand(void)
{
    struct haq_weight_spec w;
    struct haq_act_spec a = {.format = haq_format_find("float")};
    struct haq_recipe r;
    size_t bias = 16 * 4 + 10 * 4;
    CU_ASSERT_EQUAL(haq_recipe_size_bytes(NULL, &layers),
                    1000 + 4 * (16 * 27 + 32 * 144 + 640) + bias);
    CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&w, "int4:group32", NULL),
                          HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_recipe_uniform(&r, &layers, &w, &a, NULL),
                          HAQ_OK);
    /* codes at half a byte; 1, 5 and 2 groups a row at two bytes each */
    CU_ASSERT_EQUAL(haq_recipe_size_bytes(&r, &layers),
                    1000 + (16 * 27 + 32 * 144 + 640) / 2 +
                        2 * (16 * 1 + 32 * 5 + 10 * 2) + bias);
    r.n = 1; /* layers that are not listed stay float */
    CU_ASSERT_EQUAL(haq_recipe_size_bytes(&r, &layers),
                    1000 + 16 * 27 / 2 + 2 * 16 + 4 * (32 * 144 + 640) + bias);
    haq_recipe_fini(&r);
}

static haq_status check_with(const char *weight, const char *act, bool calib,
                             const char *tensor, struct haq_diag *d)
{
    struct haq_recipe r;
    haq_recipe_init(&r);
    struct haq_recipe_layer l = {.tensor = tensor, .methods = "rtn"};
    CU_ASSERT_EQUAL_FATAL(haq_weight_spec_parse(&l.weight, weight, d), HAQ_OK);
    CU_ASSERT_EQUAL_FATAL(haq_act_spec_parse(&l.act, act, d), HAQ_OK);
    r.layer = &l;
    r.n = 1;
    strcpy(r.model_hash, M64);
    if (calib)
        strcpy(r.calib_hash, D64);
    haq_status s = haq_recipe_check(&r, "r.json", &layers, d);
    haq_recipe_fini(&r);
    return s;
}

static void recipes_that_do_not_fit_the_model_are_refused(void)
{
    struct haq_diag d = {0};
    struct haq_recipe r;
    CU_ASSERT_EQUAL(check_with("int8", "uint8", true, "c1", &d), HAQ_OK);
    CU_ASSERT_EQUAL(check_with("int8", "uint8:dynamic", false, "c1", &d),
                    HAQ_OK);
    CU_ASSERT_EQUAL(check_with("int4:group32", "float", false, "fc", &d),
                    HAQ_OK);
    CU_ASSERT_EQUAL(check_with("float", "float", false, "c2", &d), HAQ_OK);
    CU_ASSERT_EQUAL(check_with("int8", "uint8", false, "c1", &d), HAQ_INVALID);
    CU_ASSERT(strstr(d.text, "c1") && strstr(d.text, "calibration"));
    CU_ASSERT_EQUAL(check_with("float", "uint8", true, "c1", &d), HAQ_INVALID);
    CU_ASSERT(strstr(d.text, "float weights need float activations") != NULL);
    CU_ASSERT_EQUAL(check_with("int8", "uint8", true, "c9", &d), HAQ_INVALID);
    CU_ASSERT(strstr(d.text, "c9") != NULL);
    haq_recipe_init(&r);
    strcpy(r.model_hash, D64);
    CU_ASSERT_EQUAL(haq_recipe_check(&r, "r.json", &layers, &d), HAQ_INVALID);
    CU_ASSERT(strstr(d.text, D64) && strstr(d.text, M64));
    haq_recipe_fini(&r);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        HAQ_TEST(a_recipe_reads_back_as_the_same_bytes),
        HAQ_TEST(provenance_and_results_are_carried),
        HAQ_TEST(ids_depend_on_what_executes_and_nothing_else),
        HAQ_TEST(a_layer_listed_as_float_is_the_layer_not_listed),
        HAQ_TEST(bad_recipes_are_refused_naming_the_place),
        HAQ_TEST(files_are_written_whole_and_read_back),
        HAQ_TEST(uniform_recipes_list_every_layer_in_order),
        HAQ_TEST(sizes_are_those_counted_by_hand),
        HAQ_TEST(recipes_that_do_not_fit_the_model_are_refused),
        CU_TEST_INFO_NULL,
    };
    return run_suite("quant/recipe", tests);
}
