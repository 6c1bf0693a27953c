/* tests/support/fixture.h - a folder that stands for /proc and /sys. */
#ifndef HAQ_TESTS_SUPPORT_FIXTURE_H
#define HAQ_TESTS_SUPPORT_FIXTURE_H

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "tests/suite.h"

struct fixture {
    char root[64];
};

static inline void fixture_init(struct fixture *f)
{
    strcpy(f->root, "/tmp/haq-fixture-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f->root));
}

/* Write (again) what a file of the machine holds. */
static inline void fixture_set(const struct fixture *f, const char *file,
                               const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static inline void fixture_set(const struct fixture *f, const char *file,
                               const char *fmt, ...)
{
    char path[512], dir[512];
    va_list ap;
    snprintf(path, sizeof path, "%s%s", f->root, file);
    snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(path, '/') - path), path);
    CU_ASSERT_EQUAL_FATAL(haq_dir_make(dir, NULL), HAQ_OK);
    FILE *out = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    va_start(ap, fmt);
    vfprintf(out, fmt, ap);
    va_end(ap);
    fclose(out);
}

static inline void fixture_remove(const struct fixture *f, const char *file)
{
    char path[512];
    snprintf(path, sizeof path, "%s%s", f->root, file);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

static inline int fixture_unlink(const char *path, const struct stat *st,
                                 int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void fixture_fini(struct fixture *f)
{
    nftw(f->root, fixture_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
