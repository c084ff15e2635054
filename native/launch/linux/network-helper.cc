#include "launch/linux/network-helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "launch/common/descendants.h"
#include "launch/common/descriptors.h"
#include "launch/common/execute.h"
#include "launch/common/failure.h"
#include "launch/linux/send-descriptors.h"
#include "launch/platform.h"

namespace airplant {

namespace {

constexpr char kStep[] = "network-helper";

// Of what a helper writes, the end is kept: enough for its last words, and less than what a failure may carry.
constexpr size_t kMaxOutput = 1024;

struct Namespaces {
  UniqueFd network;
  UniqueFd user;
};

int64_t Milliseconds();
[[noreturn]] void Keep(const NetworkHelper& helper, int sandbox);
UniqueFd ChildSignals();
[[noreturn]] void Become(const NetworkHelper& helper, const Namespaces& namespaces, int output, pid_t keeper);
void ReadOutput(UniqueFd& output, std::string& text);
// As a reader is told of it.
std::string Describe(int status, const std::string& output);
[[noreturn]] void End(pid_t helper);

}  // namespace

NetworkConnection::NetworkConnection(const NetworkHelper& helper) : helper_(helper) {
  FdPair sockets = MakeSocketPair();
  if (Check(fork(), kStep) == 0) Keep(helper, sockets.second.Get());
  keeper_ = std::move(sockets.first);
}

void NetworkConnection::Connect(const Proc& proc) {
  // Announcements are heard from now on, so none of the helper's can be missed.
  routes_ = std::make_unique<Routes>();
  Namespaces namespaces{UniqueFd(openat(proc.Get(), "self/ns/net", O_RDONLY | O_CLOEXEC)),
                        UniqueFd(openat(proc.Get(), "self/ns/user", O_RDONLY | O_CLOEXEC))};
  Check(namespaces.network.Get(), kStep, "/proc/self/ns/net");
  Check(namespaces.user.Get(), kStep, "/proc/self/ns/user");
  Check(SendDescriptors(keeper_.Get(), {namespaces.network.Get(), namespaces.user.Get()}), kStep);
}

void NetworkConnection::Await() {
  const int64_t deadline = Milliseconds() + helper_.timeout_milliseconds;
  while (!routes_->DefaultRouteAdded()) {
    pollfd events[] = {{routes_->Get(), POLLIN, 0}, {keeper_.Get(), POLLIN, 0}};
    const int64_t left = deadline - Milliseconds();
    if (left <= 0) Fail(kStep, helper_.program, ETIMEDOUT);
    if (poll(events, 2, static_cast<int>(left)) < 0 && errno != EINTR) Fail(kStep, helper_.program);
    if (events[1].revents == 0) continue;
    char words[kMaxOutput];
    const ssize_t size = recv(keeper_.Get(), words, sizeof words, 0);
    const std::string end = size > 0 ? std::string(words, static_cast<size_t>(size)) : "its keeper was killed";
    Fail(kStep, helper_.program + ": " + end, ECHILD);
  }
  for (const std::string& network : helper_.unreachable) routes_->MakeUnreachable(network);
  routes_.reset();
}

namespace {

int64_t Milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

void Keep(const NetworkHelper& helper, int sandbox) {
  try {
    CloseAllExcept({0, 1, 2, sandbox});
    AdoptOrphans();
    const UniqueFd child_signals = ChildSignals();
    Namespaces namespaces;
    // The sandbox may end before it has any.
    if (!ReceiveDescriptors(sandbox, {&namespaces.network, &namespaces.user})) _exit(0);
    FdPair pipe = MakePipe();
    const pid_t keeper = getpid();
    const pid_t pid = Check(fork(), kStep);
    if (pid == 0) Become(helper, namespaces, pipe.second.Get(), keeper);
    namespaces = {};
    pipe.second.Reset();
    UniqueFd output = std::move(pipe.first);
    fcntl(output.Get(), F_SETFL, O_NONBLOCK);

    std::string text;
    for (;;) {
      pollfd events[] = {
          {sandbox, POLLIN, 0}, {child_signals.Get(), POLLIN, 0}, {output ? output.Get() : -1, POLLIN, 0}};
      if (poll(events, 3, -1) < 0 && errno != EINTR) End(pid);
      // Nothing more is ever sent from there: this is its end.
      if (events[0].revents != 0) End(pid);
      ReadOutput(output, text);
      signalfd_siginfo info;
      [[maybe_unused]] const auto size = read(child_signals.Get(), &info, sizeof info);
      int status;
      for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG | __WALL)) > 0;) {
        if (ended != pid) continue;
        ReadOutput(output, text);
        const std::string words = Describe(status, text);
        [[maybe_unused]] const auto sent = send(sandbox, words.data(), words.size(), SendFlags());
        End(0);
      }
    }
  } catch (...) {
    // The sandbox sees the end of the socket.
  }
  _exit(1);
}

UniqueFd ChildSignals() {
  sigset_t all;
  sigfillset(&all);
  Check(sigprocmask(SIG_SETMASK, &all, nullptr), kStep);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  return UniqueFd(Check(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK), kStep));
}

void Become(const NetworkHelper& helper, const Namespaces& namespaces, int output, pid_t keeper) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != keeper) _exit(1);
  // A group of its own, which can be killed as one, and no terminal.
  setsid();
  dup2(namespaces.network.Get(), 0);
  dup2(namespaces.user.Get(), 1);
  dup2(output, 2);
  CloseAllExcept({0, 1, 2});
  umask(077);
  std::vector<char*> arguments;
  for (const std::string& argument : helper.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  char* const environment[] = {nullptr};
  if (chdir("/") == 0) {
    ResetSignals();
    execve(helper.program.c_str(), arguments.data(), environment);
  }
  dprintf(2, "%s", strerror(errno));
  _exit(127);
}

// Takes what there is, however much: a helper that talks is never kept waiting.
void ReadOutput(UniqueFd& output, std::string& text) {
  if (!output) return;
  char buffer[4096];
  ssize_t size;
  while ((size = read(output.Get(), buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<size_t>(size));
    if (text.size() > kMaxOutput / 2) text.erase(0, text.size() - kMaxOutput / 2);
    // One that never stops must not keep us from looking at the sandbox.
    if (static_cast<size_t>(size) == sizeof buffer) return;
  }
  if (size == 0) output.Reset();
}

std::string Describe(int status, const std::string& output) {
  std::string words = WIFSIGNALED(status) ? "killed by signal " + std::to_string(WTERMSIG(status))
                                          : "exited with status " + std::to_string(WEXITSTATUS(status));
  return output.empty() ? words : words + ": " + output;
}

// Kills the helper (0: it is dead) and everything it has started, and ends when all of it is gone.
void End(pid_t helper) {
  if (helper > 0) kill(-helper, SIGKILL);
  KillDescendants();
  _exit(0);
}

}  // namespace
}  // namespace airplant
