#include "coordinator/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

haq_status haq_child_program(char *out, size_t size, struct haq_diag *d)
{
    const char *given = getenv("HAQ_WORKER");
    char self[4096];
    if (given && *given) {
        snprintf(out, size, "%s", given);
        return HAQ_OK;
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return haq_fail(d, HAQ_IO, "/proc/self/exe: %s", strerror(errno));
    self[n] = 0;
    *strrchr(self, '/') = 0;
    if ((size_t)snprintf(out, size, "%s/haq-worker", self) >= size)
        return haq_fail(d, HAQ_IO, "%s: path too long", self);
    return HAQ_OK;
}

/* In the child: only calls that are safe after fork in a threaded process. */
static void become_worker(const char *program, char *const argv[], int leash)
{
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0)
        dup2(null, STDIN_FILENO);
    /* Standard output belongs to the result of the command. */
    dup2(STDERR_FILENO, STDOUT_FILENO);
    fcntl(leash, F_SETFD, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(program, argv);
    int err = errno;
    ssize_t n = write(leash, &err, sizeof err);
    (void)n;
    _exit(127);
}

haq_status haq_child_start(struct haq_child *c, const char *program,
                           const char *id, const char *endpoint,
                           struct haq_diag *d)
{
    int pair[2];
    char fd[16], name[32], where[256], path[4096];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return haq_fail(d, HAQ_IO, "start a worker: %s", strerror(errno));
    snprintf(fd, sizeof fd, "%d", pair[1]);
    snprintf(name, sizeof name, "%s", id);
    snprintf(where, sizeof where, "%s", endpoint);
    snprintf(path, sizeof path, "%s", program);
    char option[3][12] = {"--connect", "--id", "--leash"};
    char *argv[] = {path, option[0], where, option[1],
                    name, option[2], fd,    NULL};

    pid_t pid = fork();
    if (!pid)
        become_worker(path, argv, pair[1]);
    int err = errno;
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return haq_fail(d, HAQ_IO, "start a worker: %s", strerror(err));
    }
    memcpy(c->id, name, sizeof c->id);
    c->pid = pid;
    c->leash = pair[0];
    return HAQ_OK;
}

static int collect(struct haq_child *c)
{
    int status = 0;
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        ;
    close(c->leash);
    c->id[0] = 0;
    c->pid = 0;
    c->leash = -1;
    return status;
}

void haq_child_reap(struct haq_child *c, char how[HAQ_CHILD_HOW])
{
    int err = 0;
    ssize_t n = recv(c->leash, &err, sizeof err, MSG_DONTWAIT);
    /* A worker without its leash is none of ours any more. */
    if (n == 0)
        for (int tries = 0; tries < 50; tries++) {
            siginfo_t info = {.si_pid = 0};
            if (waitid(P_PID, (id_t)c->pid, &info,
                       WEXITED | WNOHANG | WNOWAIT) ||
                info.si_pid)
                break;
            poll(NULL, 0, 10);
        }
    if (n <= 0)
        kill(c->pid, SIGKILL);
    int status = collect(c);
    if (n == sizeof err)
        snprintf(how, HAQ_CHILD_HOW, "the program cannot be started: %s",
                 strerror(err));
    else if (WIFSIGNALED(status))
        snprintf(how, HAQ_CHILD_HOW, "ended by signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(how, HAQ_CHILD_HOW, "ended with exit code %d",
                 WEXITSTATUS(status));
}

void haq_child_kill(struct haq_child *c)
{
    if (!c->id[0])
        return;
    kill(c->pid, SIGKILL);
    collect(c);
}

void haq_children_end(struct haq_child *c, size_t n, int patience_ms)
{
    uint64_t end = haq_clock_ns() + (uint64_t)patience_ms * 1000000;
    for (size_t i = 0; i < n; i++) {
        struct pollfd p = {c[i].leash, POLLIN, 0};
        uint64_t now = haq_clock_ns();
        if (!c[i].id[0])
            continue;
        if (now < end)
            poll(&p, 1, (int)((end - now) / 1000000));
        haq_child_kill(&c[i]);
    }
}
