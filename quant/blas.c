#include "quant/blas.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

/* Debian: libopenblas0 or libblas3; liblapacke. */
static const char *const libraries[] = {"libblas.so.3", "liblapacke.so.3"};

static struct haq_blas blas;
static int (*get_threads)(void); /* OpenBLAS; NULL elsewhere */
static void (*set_threads)(int n);
static bool complete;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool find(void *function, void *library, const char *name)
{
    void *symbol = library ? dlsym(library, name) : NULL;
    memcpy(function, &symbol, sizeof symbol);
    return symbol;
}

/* Libraries stay loaded: their threads do. */
static void load(void)
{
    void *cblas = dlopen(libraries[0], RTLD_NOW | RTLD_LOCAL);
    void *lapacke = dlopen(libraries[1], RTLD_NOW | RTLD_LOCAL);
    complete = find(&blas.dsyrk, cblas, "cblas_dsyrk") &&
               find(&blas.dgemm, cblas, "cblas_dgemm") &&
               find(&blas.sgemm, cblas, "cblas_sgemm") &&
               find(&blas.dpotrf, lapacke, "LAPACKE_dpotrf") &&
               find(&blas.dpotri, lapacke, "LAPACKE_dpotri");
    find(&get_threads, cblas, "openblas_get_num_threads");
    find(&set_threads, cblas, "openblas_set_num_threads");
}

haq_status haq_blas_get(const struct haq_blas **out, struct haq_diag *d)
{
    pthread_once(&once, load);
    *out = &blas;
    return complete ? HAQ_OK
                    : haq_fail(d, HAQ_UNSUPPORTED,
                               "methods that look at inputs need %s (with "
                               "CBLAS) and %s, which cannot be loaded",
                               libraries[0], libraries[1]);
}

int haq_blas_threads(int n)
{
    if (!get_threads || !set_threads)
        return 0;
    int before = get_threads();
    set_threads(n);
    return before;
}
