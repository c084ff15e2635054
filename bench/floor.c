/* The floor under a sandbox launch: a bare C parent that asks the kernel for the same sandbox, and for nothing else.
 *
 *   floor SCENE BUSYBOX     (SCENE: the directory that bench/rows/launch-scene.ts prepares)
 *
 * Speaks the line protocol of bench/harness/worker.ts: prints "ready", then for each line read launches one sandbox
 * and prints its nanoseconds and exit status. The parent lives on, so that its own start is not counted. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define NO_SETUID MOUNT_ATTR_NOSUID
#define WRITABLE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define READ_ONLY (MOUNT_ATTR_RDONLY | WRITABLE)
#define OTHERS (CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP)

static char busybox[4096], etc[4096], inputs[4][4096], build[4096];

static const struct entry {
  enum { DIRECTORY, SYMLINK, TMPFS, DEVPTS, PROC, BIND_DIRECTORY, BIND_FILE } kind;
  const char *target, *source;
  unsigned long flags;
} entries[] = {
    {TMPFS, "dev", "mode=0755", 0},
    {BIND_FILE, "dev/full", "/dev/full", NO_SETUID},       {BIND_FILE, "dev/null", "/dev/null", NO_SETUID},
    {BIND_FILE, "dev/random", "/dev/random", NO_SETUID},   {BIND_FILE, "dev/tty", "/dev/tty", NO_SETUID},
    {BIND_FILE, "dev/urandom", "/dev/urandom", NO_SETUID}, {BIND_FILE, "dev/zero", "/dev/zero", NO_SETUID},
    {SYMLINK, "dev/fd", "/proc/self/fd", 0},               {SYMLINK, "dev/stdin", "/proc/self/fd/0", 0},
    {SYMLINK, "dev/stdout", "/proc/self/fd/1", 0},         {SYMLINK, "dev/stderr", "/proc/self/fd/2", 0},
    {SYMLINK, "dev/ptmx", "pts/ptmx", 0}, {DEVPTS, "dev/pts", "newinstance,ptmxmode=0666,mode=0620", 0},
    {TMPFS, "dev/shm", "mode=1777,size=50%", 0},           {PROC, "proc", "", 0},
    {DIRECTORY, "bin", NULL, 0},                           {BIND_FILE, "bin/busybox", busybox, READ_ONLY},
    {BIND_DIRECTORY, "etc", etc, READ_ONLY},
    {DIRECTORY, "nix", NULL, 0},                           {DIRECTORY, "nix/store", NULL, 0},
    {BIND_DIRECTORY, "nix/store/a", inputs[0], READ_ONLY}, {BIND_DIRECTORY, "nix/store/b", inputs[1], READ_ONLY},
    {BIND_DIRECTORY, "nix/store/c", inputs[2], READ_ONLY}, {BIND_DIRECTORY, "nix/store/d", inputs[3], READ_ONLY},
    {BIND_DIRECTORY, "build", build, WRITABLE},
};

static long check(long result, const char *step) {
  if (result >= 0) return result;
  fprintf(stderr, "floor: %s: %s\n", step, strerror(errno));
  _exit(1);
}

static int run_child(void (*body)(int), int terminal) {
  int status;
  pid_t child = check(fork(), "fork");
  if (child == 0) body(terminal);
  check(waitpid(child, &status, 0), "wait");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void put(const char *file, const char *format, unsigned id) {
  int fd = check(open(file, O_WRONLY | O_CLOEXEC), file);
  check(dprintf(fd, format, id), file);
  close(fd);
}

static void make_entry(const struct entry *entry) {
  const char *target = entry->target, *source = entry->source;
  if (entry->kind == SYMLINK) check(symlink(source, target), target);
  else if (entry->kind == BIND_FILE) close(check(open(target, O_CREAT | O_EXCL | O_CLOEXEC, 0644), target));
  else check(mkdir(target, 0755), target);
  if (entry->kind == TMPFS) check(mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, source), target);
  if (entry->kind == DEVPTS) check(mount("devpts", target, "devpts", MS_NOSUID | MS_NOEXEC, source), target);
  if (entry->kind == PROC) check(mount("proc", target, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, source), target);
  if (entry->kind < BIND_DIRECTORY) return;
  int tree = check(open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE), source);
  struct mount_attr attributes = {.attr_set = entry->flags};
  check(mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes), source);
  check(move_mount(tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH), target);
  close(tree);
}

static void builder(int terminal) {
  check(unshare(CLONE_NEWUSER | CLONE_NEWNS), "lock mounts");
  put("/proc/self/uid_map", "1000 %u 1", 1000), put("/proc/self/gid_map", "100 %u 1", 100);
  setsid();
  for (int fd = 0; fd < 3; fd++) check(dup2(terminal, fd), "dup2");
  close_range(3, ~0U, 0);
  check(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}), "setrlimit");
  personality(ADDR_NO_RANDOMIZE);
  check(chdir("/build"), "/build");
  for (int capability = 0; prctl(PR_CAPBSET_DROP, capability) == 0;) capability++;
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  check(syscall(SYS_capset, &header, (struct __user_cap_data_struct[2]){{0}}), "capset");
  check(execve("/bin/busybox", (char *[]){"busybox", "true", NULL}, (char *[]){"PATH=/bin", NULL}), "execve");
}

static void first_process(int terminal) {
  check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
  check(mount("tmpfs", "/", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"), "root"), check(chdir("/.."), "root");
  for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) make_entry(&entries[i]);
  check(mount_setattr(AT_FDCWD, ".", 0, &(struct mount_attr){.attr_set = MOUNT_ATTR_RDONLY}, 32), "read-only root");
  check(syscall(SYS_pivot_root, ".", "."), "pivot_root"), check(umount2(".", MNT_DETACH), "umount");
  int sock = check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
  check(ioctl(sock, SIOCSIFFLAGS, &(struct ifreq){.ifr_name = "lo", .ifr_flags = IFF_UP}), "loopback");
  check(sethostname("localhost", 9) | setdomainname("(none)", 6), "names");
  put("/proc/sys/user/max_cgroup_namespaces", "%u", 0);
  check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges");
  _exit(run_child(builder, terminal));
}

static void isolated(int terminal) {
  unsigned uid = geteuid(), gid = getegid();
  check(unshare(CLONE_NEWUSER | CLONE_NEWNS | OTHERS), "unshare");
  put("/proc/self/setgroups", "deny", 0);
  put("/proc/self/uid_map", "1000 %u 1", uid), put("/proc/self/gid_map", "100 %u 1", gid);
  _exit(run_child(first_process, terminal));
}

static int launch(void) {
  struct termios raw;
  int master = check(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), "openpt");
  check(unlockpt(master), "unlockpt");
  int terminal = check(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC), "terminal");
  check(tcgetattr(terminal, &raw), "tcgetattr"), cfmakeraw(&raw), check(tcsetattr(terminal, TCSANOW, &raw), "tcsetattr");
  int status = run_child(isolated, terminal);
  return close(terminal), close(master), status;
}

int main(int argc, char **argv) {
  char line[64];
  if (argc != 3) return 2;
  snprintf(busybox, sizeof busybox, "%s", argv[2]);
  snprintf(etc, sizeof etc, "%s/etc", argv[1]), snprintf(build, sizeof build, "%s/build", argv[1]);
  for (int i = 0; i < 4; i++) snprintf(inputs[i], sizeof inputs[i], "%s/input-%d", argv[1], i);
  for (puts("ready"), fflush(stdout); fgets(line, sizeof line, stdin); fflush(stdout)) {
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    int status = launch();
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%lld %d\n", (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec, status);
  }
}
