/* Vendor runtimes that are installed: libraries found by name in the folders
 * where the dynamic linker looks.  They are not loaded: none of their code
 * runs. */
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "hwprofiles/source.h"

enum { RUNTIMES_MAX = 256 };

/* To add one: its library's name up to ".so". */
static const struct {
    const char *library, *name;
} runtimes[] = {
    {"libonnxruntime", "ONNX Runtime"},
    {"libnvinfer", "TensorRT"},
    {"libopenvino", "OpenVINO"},
    {"libLiteRt", "LiteRT"},
    {"libtensorflowlite", "LiteRT"},
    {"libtensorflowlite_c", "LiteRT"},
    {"libtensorflow-lite", "LiteRT"},
    {"libQnnHtp", "QNN HTP"},
    {"libQnnCpu", "QNN CPU"},
    {"libQnnGpu", "QNN GPU"},
    {"libarmnn", "Arm NN"},
    {"librknnrt", "RKNN"},
    {"libedgetpu", "Edge TPU"},
    {"libmigraphx", "MIGraphX"},
    {"libtvm_runtime", "TVM"},
    {"libncnn", "ncnn"},
    {"libcuda", "CUDA driver"},
    {"libze_loader", "Level Zero"},
};
enum { N_RUNTIMES = sizeof runtimes / sizeof *runtimes };

/* Where the linker looks when nothing else is said, for 64-bit programs. */
static const char *const folders[] = {
    "/usr/local/lib",
    "/usr/local/lib/" HAQ_MULTIARCH,
    "/usr/local/cuda/lib64",
    "/lib/" HAQ_MULTIARCH,
    "/usr/lib/" HAQ_MULTIARCH,
    "/usr/lib64",
    "/usr/lib",
};
enum { N_FOLDERS = sizeof folders / sizeof *folders };

/* The runtime whose library this file name is, or -1; *version is what stands
 * behind ".so." or NULL. */
static int find_runtime(const char *file, const char **version)
{
    for (int i = 0; i < N_RUNTIMES; i++) {
        size_t n = strlen(runtimes[i].library);
        if (strncmp(file, runtimes[i].library, n) != 0 ||
            strncmp(file + n, ".so", 3) != 0)
            continue;
        *version = file[n + 3] == '.' ? file + n + 4 : NULL;
        if (file[n + 3] && !*version)
            continue;
        return i;
    }
    return -1;
}

/* ---- here -----------------------------------------------------------------
 */

/* A link of a plain name leads to the file with the full version, unless that
 * one is called otherwise. */
static void add_library(struct haq_buf *out, const char *folder,
                        const char *file)
{
    char path[PATH_MAX], real[PATH_MAX];
    const char *version, *name;

    if (find_runtime(file, &version) < 0 || strchr(file, '\n') ||
        snprintf(path, sizeof path, "%s/%s", folder, file) >= PATH_MAX)
        return;
    name = realpath(path, real) ? strrchr(real, '/') : NULL;
    if (!name || strchr(real, '\n') || find_runtime(name + 1, &version) < 0)
        haq_buf_printf(out, "%s\n", path);
    else
        haq_buf_printf(out, "%s\n", real);
}

static void list_folder(struct haq_buf *out, const char *folder)
{
    struct dirent **entry = NULL;
    int n = scandir(folder, &entry, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        add_library(out, folder, entry[i]->d_name);
        free(entry[i]);
    }
    if (n >= 0)
        free(entry);
}

static haq_status write_list(struct haq_buf *out, struct haq_diag *d)
{
    const char *path = getenv("LD_LIBRARY_PATH");
    char *copy = strdup(path ? path : ""), *rest = NULL;

    if (!copy)
        return haq_fail(d, HAQ_NOMEM, "runtimes: out of memory");
    for (char *folder = strtok_r(copy, ":;", &rest); folder;
         folder = strtok_r(NULL, ":;", &rest))
        list_folder(out, folder);
    free(copy);
    for (size_t i = 0; i < N_FOLDERS; i++)
        list_folder(out, folders[i]);
    return HAQ_OK;
}

/* ---- the list -------------------------------------------------------------
 */

static bool listed(const struct haq_machine *m, const char *file)
{
    const struct haq_runtime *r = m->runtimes.item;
    for (size_t i = 0; i < m->runtimes.n; i++)
        if (!strcmp(r[i].file, file))
            return true;
    return false;
}

static haq_status take(struct haq_probe *p, const char *line,
                       struct haq_diag *d)
{
    struct haq_machine *m = p->m;
    const char *slash = strrchr(line, '/'), *version = NULL;
    int known = slash ? find_runtime(slash + 1, &version) : -1;

    if (known < 0)
        return haq_fail(d, HAQ_FORMAT,
                        "%s: \"%.100s\" is the library of no runtime known "
                        "here",
                        haq_probe_name(p, "runtimes.txt"), line);
    if (listed(m, line)) /* found by another link or folder */
        return HAQ_OK;
    if (m->runtimes.n == RUNTIMES_MAX)
        return haq_fail(d, HAQ_FORMAT, "%s: more than %d libraries",
                        haq_probe_name(p, "runtimes.txt"), RUNTIMES_MAX);
    struct haq_runtime *r = haq_list_add(&m->runtimes, sizeof *r, &m->arena);
    if (!r)
        return haq_fail(d, HAQ_NOMEM, "runtimes: out of memory");
    r->name = runtimes[known].name;
    r->file = haq_probe_line(p, line);
    r->version = version ? haq_probe_line(p, version) : NULL;
    return r->file && (r->version || !version)
               ? HAQ_OK
               : haq_fail(d, HAQ_NOMEM, "runtimes: out of memory");
}

haq_status haq_source_runtimes(struct haq_probe *p, struct haq_diag *d)
{
    char *text;
    haq_status s =
        haq_probe_made(p, "runtimes.txt", write_list, &text, NULL, d);
    while (s == HAQ_OK && text && *text) {
        char *next = strchr(text, '\n');
        if (next)
            *next++ = 0;
        s = take(p, text, d);
        text = next;
    }
    return s;
}
