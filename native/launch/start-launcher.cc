#include "launch/start-launcher.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "launch/platform.h"
#include "launch/protocol.h"
#include "system-error.h"

namespace airplant {

[[noreturn]] static void Become(const char* path, int control);
static void ResetSignals();
[[noreturn]] static void SendFailure(int control, int error);

// A plain fork: its handlers in the C library are needed in a process with threads, and clone or vfork would skip them. The
// child does nothing but async-signal-safe calls until exec, so all it needs is made ready before.
LauncherProcess StartLauncher(const std::string& path) {
  FdPair control = MakeSocketPair();
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork();
  if (pid == 0) Become(path.c_str(), control.second.Get());
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw SystemError(error, "fork", path);
  return {pid, std::move(control.first)};
}

int ReapLauncher(pid_t pid) {
  // A pid that is no child of ours is not to be killed: it may be anybody's by now.
  int status = 0;
  pid_t ended = waitpid(pid, &status, WNOHANG);
  if (ended == 0) kill(pid, SIGKILL);
  while (ended == 0 || (ended < 0 && errno == EINTR)) ended = waitpid(pid, &status, 0);
  if (ended < 0) throw SystemError(errno, "waitpid", {});
  return status;
}

static void Become(const char* path, int control) {
  ResetSignals();
  // Nothing of ours may reach a sandbox through the launcher: not the standard descriptors, not the environment, not
  // what somebody forgot to mark close-on-exec.
  const int null = open("/dev/null", O_RDWR);
  if (null < 0) SendFailure(control, errno);
  // Descriptors are moved out of the way first: they may be among those that are to be replaced.
  const int high_control = fcntl(control, F_DUPFD, kControlFd + 2);
  const int high_null = fcntl(null, F_DUPFD, kControlFd + 2);
  if (high_control < 0 || high_null < 0) SendFailure(control, errno);
  for (int fd = 0; fd < kControlFd; fd++) dup2(high_null, fd);
  dup2(high_control, kControlFd);
  CloseRange(kControlFd + 1, INT_MAX);

  char name[] = "airplant-launcher";
  char* const arguments[] = {name, nullptr};
  char* const environment[] = {nullptr};
  execve(path, arguments, environment);
  SendFailure(kControlFd, errno);
}

// Handlers must not run in the child, and what is ignored stays ignored across exec (node ignores SIGPIPE).
static void ResetSignals() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int signal_number = 1; signal_number < NSIG; signal_number++) sigaction(signal_number, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

static void SendFailure(int control, int error) {
  struct {
    ReplyHeader header;
    int32_t error;
  } reply{{sizeof(int32_t), ReplyKind::launcher_failed, 0}, error};
  [[maybe_unused]] const auto sent = send(control, &reply, sizeof(ReplyHeader) + sizeof(int32_t), SendFlags());
  _exit(127);
}

}  // namespace airplant
