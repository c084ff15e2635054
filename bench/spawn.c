/* Times a program from fork to exit, seen from a small parent, so that node's slow fork is not counted.
 *
 *   spawn PROGRAM [ARGUMENTS]     (PROGRAM is a path; nothing is searched for)
 *
 * Speaks the line protocol of bench/harness/worker.ts: prints "ready", then for each line read runs the program once
 * and prints its nanoseconds, exit status and peak resident memory in KiB. The program reads /dev/null; what it prints goes to our stderr. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int run(char **command, int null, struct rusage *usage) {
  int status;
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(null, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execv(command[0], command);
    perror(command[0]);
    _exit(127);
  }
  if (child < 0 || wait4(child, &status, 0, usage) < 0) return 126;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv) {
  char line[64];
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (argc < 2 || null < 0) return 2;
  puts("ready");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    struct timespec from, to;
    struct rusage usage = {0};
    clock_gettime(CLOCK_MONOTONIC, &from);
    int status = run(argv + 1, null, &usage);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%lld %d %ld\n", (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec, status,
           usage.ru_maxrss);
    fflush(stdout);
  }
}
