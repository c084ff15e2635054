#include "launch/common/supervise.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "launch/common/descendants.h"
#include "launch/common/descriptors.h"
#include "launch/common/failure.h"
#include "launch/common/records.h"

namespace airplant {

static void ChangeTerminationMask(int how);
static void Try(const std::function<void()>& work, const Launch& launch);
static void KillOnSignal(pid_t child, KillReach reach, int life_socket);
static void OnSignal(int signal);
static bool LauncherIsGone();
static void WaitUntilDead(pid_t child);

// For the signal handler. The child has not been waited for while signals come in, so its pid cannot be another's.
static pid_t watched_child = 0;
static KillReach watched_reach = KillReach::child;
static int watched_life_socket = -1;

void Supervise(const Launch& launch, KillReach reach, const std::function<void()>& body, const Chores& chores) {
  if (reach == KillReach::group) AdoptOrphans();
  const pid_t child = Check(fork(), "fork");
  if (child == 0) {
    body();
    _exit(1);
  }
  ReportLife(launch.life_socket, LifeEvent::forked, child);
  if (chores.meanwhile) Try(chores.meanwhile, launch);
  std::vector<int> kept = chores.descriptors;
  kept.push_back(launch.life_socket);
  CloseAllExcept(std::move(kept));
  KillOnSignal(child, reach, launch.life_socket);

  WaitUntilDead(child);
  signal(SIGTERM, SIG_IGN);
  signal(kPoliteSignal, SIG_IGN);
  signal(SIGIO, SIG_IGN);
  if (reach == KillReach::group) kill(-child, SIGKILL);
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  if (reach == KillReach::group) KillDescendants();
  // A network helper's keeper ends once process 1 is dead; nothing else is left to wait for. (What became somebody else's
  // and could not be killed is not waited for.)
  while (reach == KillReach::child && (wait(nullptr) > 0 || errno == EINTR)) {
  }
  if (chores.aftermath) chores.aftermath();
  ReportEnd(launch.life_socket, status, usage);
  _exit(0);
}

void BlockTermination() { ChangeTerminationMask(SIG_BLOCK); }
void UnblockTermination() { ChangeTerminationMask(SIG_UNBLOCK); }

static void ChangeTerminationMask(int how) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, kPoliteSignal);
  sigprocmask(how, &set, nullptr);
}

static void Try(const std::function<void()>& work, const Launch& launch) {
  try {
    work();
  } catch (const SetupFailure& failure) {
    ReportFailure(launch.setup_pipe, failure);
  }
}

static void KillOnSignal(pid_t child, KillReach reach, int life_socket) {
  watched_child = child;
  watched_reach = reach;
  watched_life_socket = life_socket;
  struct sigaction action{};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(kPoliteSignal, &action, nullptr);
  sigaction(SIGIO, &action, nullptr);
  // The end of file that the launcher's death leaves on the socket arrives as SIGIO.
  fcntl(life_socket, F_SETOWN, getpid());
  fcntl(life_socket, F_SETFL, O_ASYNC);
  UnblockTermination();
  OnSignal(SIGIO);
}

static void OnSignal(int signal) {
  const int saved = errno;
  if (signal == kPoliteSignal) {
    kill(watched_reach == KillReach::group ? -watched_child : watched_child, SIGTERM);
  } else if (signal == SIGTERM || LauncherIsGone()) {
    // The group exists only once the child has called setsid.
    if (watched_reach == KillReach::group) kill(-watched_child, SIGKILL);
    kill(watched_child, SIGKILL);
  }
  errno = saved;
}

static bool LauncherIsGone() {
  char byte;
  return recv(watched_life_socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

// Leaves the child a zombie: its pid, and its group's id, stay taken. Whatever else has become our child is reaped.
static void WaitUntilDead(pid_t child) {
  for (siginfo_t info{};;) {
    if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) != 0 && errno != EINTR) return;
    if (info.si_pid == child) return;
    if (info.si_pid > 0) waitpid(info.si_pid, nullptr, WNOHANG);
    info.si_pid = 0;
  }
}

}  // namespace airplant
