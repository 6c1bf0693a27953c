#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

haq_status haq_file_open(FILE **out, const char *path, struct haq_diag *d)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (f && !fstat(fileno(f), &st) && S_ISDIR(st.st_mode)) {
        fclose(f);
        errno = EISDIR;
        f = NULL;
    }
    if (!f)
        return haq_fail(d, HAQ_INVALID, "open %s: %s", path, strerror(errno));
    *out = f;
    return HAQ_OK;
}

/* Bytes that a regular file has left, as a first guess of the room. */
static size_t size_hint(FILE *f, size_t limit)
{
    struct stat st;
    if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode) || st.st_size <= 0)
        return 4096;
    size_t size = (size_t)st.st_size;
    return size < limit ? size : limit;
}

haq_status haq_file_read(const char *path, size_t limit, void **out,
                         size_t *len, struct haq_diag *d)
{
    char *data = NULL;
    size_t n = 0, room = 0, got;
    FILE *f;

    haq_status s = haq_file_open(&f, path, d);
    if (s)
        return s;
    /* Growing instead of trusting the size: the path may be a pipe. */
    do {
        if (room - n < 2) {
            room = room ? room * 2 : size_hint(f, limit) + 2;
            char *grown = realloc(data, room);
            if (!grown) {
                s = haq_fail(d, HAQ_NOMEM, "read %s: %zu bytes", path, room);
                goto done;
            }
            data = grown;
        }
        got = fread(data + n, 1, room - n - 1, f);
        n += got;
        if (n > limit) {
            s = haq_fail(d, HAQ_INVALID, "%s is larger than %zu bytes", path,
                         limit);
            goto done;
        }
    } while (got);
    if (ferror(f)) {
        s = haq_fail(d, HAQ_IO, "read %s: %s", path, strerror(errno));
        goto done;
    }
    data[n] = 0;
    *out = data;
    *len = n;
    data = NULL;
done:
    free(data);
    fclose(f);
    return s;
}

/* A renamed file is on disk only when its folder is. */
static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    char *folder = n ? strndup(path, n) : strdup(".");
    if (!folder)
        return -1;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0)
        return -1;
    int bad = fsync(fd);
    /* Some file systems cannot sync folders and say so. */
    if (bad && errno == EINVAL)
        bad = 0;
    close(fd);
    return bad;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

haq_status haq_file_write(const char *path, const void *data, size_t len,
                          struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    char *temporary = NULL;

    if (asprintf(&temporary, "%s.%ld.%" PRIx64 ".tmp", path, (long)getpid(),
                 haq_clock_ns()) < 0)
        return haq_fail(d, HAQ_NOMEM, "write %s: out of memory", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        s = haq_fail(d, HAQ_IO, "write %s: %s", path, strerror(errno));
        free(temporary);
        return s;
    }
    int bad = write_all(fd, data, len) || fsync(fd);
    if (!bad)
        bad = rename(temporary, path) || sync_folder(path);
    if (bad) {
        s = haq_fail(d, HAQ_IO, "write %s: %s", path, strerror(errno));
        unlink(temporary);
    }
    close(fd);
    free(temporary);
    return s;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

haq_status haq_dir_make(const char *path, struct haq_diag *d)
{
    haq_status s = HAQ_OK;
    char *p = strdup(path);
    if (!p)
        return haq_fail(d, HAQ_NOMEM, "mkdir %s: out of memory", path);

    for (char *end = p; *end && !s;) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        char kept = *end;
        *end = 0;
        if (mkdir(p, 0777) && !(errno == EEXIST && is_folder(p)))
            s = haq_fail(d, HAQ_IO, "mkdir %s: %s", p, strerror(errno));
        *end = kept;
    }
    free(p);
    return s;
}

bool haq_file_exists(const char *path)
{
    return !access(path, F_OK);
}
