/* tests/runtime/golden.h - the bundled models and the outputs that another
 * runtime computed for them. */
#ifndef HAQ_TESTS_RUNTIME_GOLDEN_H
#define HAQ_TESTS_RUNTIME_GOLDEN_H

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/npz.h"
#include "graph/onnx_import.h"
#include "runtime/exec.h"
#include "tests/suite.h"

struct golden {
    const char *folder, *file;
};

static const struct golden goldens[] = {
    {"fashion-mnist-cnn", "model.onnx"},
    {"resnet20-cifar10", "model.onnx"},
    {"resnet20-cifar10", "model_torch_export.onnx"},
    {"mobilenetv1-vww", "model.onnx"},
    {"dscnn-kws", "model.onnx"},
    {"stories260k-lm", "model.onnx"},
};
enum { GOLDENS = sizeof goldens / sizeof *goldens };

static inline struct haq_graph *load_graph(const struct golden *m,
                                           int64_t batch)
{
    char path[512];
    struct haq_diag d = {0};
    struct haq_graph *g = NULL;
    struct haq_import_options opt = {.batch = batch};
    snprintf(path, sizeof path, "%s/%s/%s", shared_data(), m->folder, m->file);
    if (haq_onnx_load(&g, path, &opt, &d))
        printf("\n    %s\n", d.text);
    return g;
}

/* Member `key` of a data file of the model; count 0 when it cannot be read. */
static inline struct haq_array load_array(const struct golden *m,
                                          const char *file, const char *key)
{
    char path[512];
    struct haq_diag d = {0};
    struct haq_array a = {0};
    struct haq_npz *z = NULL;
    snprintf(path, sizeof path, "%s/%s/%s", shared_data(), m->folder, file);
    if (haq_npz_open(&z, path, &d) || haq_npz_read(z, key, &a, &d))
        printf("\n    %s\n", d.text);
    haq_npz_close(z);
    return a;
}

#endif
