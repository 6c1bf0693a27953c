/* tests/hwprofiles/fixture.h - recorded machines, and copies of them to spoil.
 */
#ifndef HAQ_TESTS_HWPROFILES_FIXTURE_H
#define HAQ_TESTS_HWPROFILES_FIXTURE_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/suite.h"

#define MACHINES "tests/fixtures/machines"

/* A file of a folder, replaced or made. */
static inline void put(const char *folder, const char *path, const char *text)
{
    char name[600], up[600];
    snprintf(name, sizeof name, "%s/%s", folder, path);
    snprintf(up, sizeof up, "%s", name);
    *strrchr(up, '/') = 0;
    CU_ASSERT_EQUAL_FATAL(haq_dir_make(up, NULL), HAQ_OK);
    FILE *f = fopen(name, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(text, f);
    fclose(f);
}

static inline char *get(const char *folder, const char *path)
{
    char name[600];
    void *text;
    size_t len;
    snprintf(name, sizeof name, "%s/%s", folder, path);
    CU_ASSERT_EQUAL_FATAL(haq_file_read(name, 1 << 24, &text, &len, NULL),
                          HAQ_OK);
    return text;
}

/* A copy of a fixture in a folder of its own, whose name goes to `folder`. */
static inline void copy_machine(char folder[64], const char *name)
{
    char command[400];
    strcpy(folder, "/tmp/haq-machine-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(command, sizeof command, "cp -R %s/%s/. %s", MACHINES, name,
             folder);
    CU_ASSERT_EQUAL_FATAL(system(command), 0);
}

static inline void remove_machine(const char *folder)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
}

/* Call for each fixture by name; returns how many there are. */
static inline size_t each_machine(void (*run)(const char *name))
{
    struct dirent **entry;
    size_t count = 0;
    int n = scandir(MACHINES, &entry, NULL, alphasort);
    CU_ASSERT_FATAL(n > 0);
    for (int i = 0; i < n; i++) {
        char origin[400];
        snprintf(origin, sizeof origin, MACHINES "/%s/ORIGIN",
                 entry[i]->d_name);
        if (haq_file_exists(origin)) {
            run(entry[i]->d_name);
            count++;
        }
        free(entry[i]);
    }
    free(entry);
    return count;
}

#endif
