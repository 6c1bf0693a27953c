#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "wire/link.h"

#define PREFIX "haq-"

static const char *parent_folder(void)
{
    const char *dir = getenv("XDG_RUNTIME_DIR");
    /* A unix socket's path ends at 107 bytes. */
    if (dir && *dir == '/' && strlen(dir) < 48 && !access(dir, W_OK))
        return dir;
    return "/tmp";
}

/* haq-PID-XXXXXX of ours whose process is gone. */
static bool is_left_behind(const char *parent, const char *name)
{
    char path[512];
    struct stat st;
    char *end;
    if (strncmp(name, PREFIX, strlen(PREFIX)))
        return false;
    long pid = strtol(name + strlen(PREFIX), &end, 10);
    if (pid <= 0 || *end != '-' || strlen(end) != 7)
        return false;
    if (!kill((pid_t)pid, 0) || errno != ESRCH)
        return false;
    snprintf(path, sizeof path, "%s/%s", parent, name);
    return !lstat(path, &st) && S_ISDIR(st.st_mode) && st.st_uid == getuid();
}

static void sweep(const char *parent)
{
    DIR *dir = opendir(parent);
    struct dirent *e;
    while (dir && (e = readdir(dir))) {
        char path[512];
        if (!is_left_behind(parent, e->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", parent, e->d_name);
        haq_link_folder_remove(path);
    }
    if (dir)
        closedir(dir);
}

haq_status haq_link_folder_make(char out[HAQ_LINK_FOLDER], struct haq_diag *d)
{
    const char *parent = parent_folder();
    sweep(parent);
    snprintf(out, HAQ_LINK_FOLDER, "%s/" PREFIX "%ld-XXXXXX", parent,
             (long)getpid());
    if (!mkdtemp(out))
        return haq_fail(d, HAQ_IO, "make a folder for sockets in %s: %s",
                        parent, strerror(errno));
    return HAQ_OK;
}

void haq_link_folder_remove(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *e;
    while (dir && (e = readdir(dir))) {
        char path[512];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
            unlink(path);
    }
    if (dir)
        closedir(dir);
    rmdir(folder);
}
