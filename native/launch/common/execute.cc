#include "launch/common/execute.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "builtin/names.h"
#include "builtin/run-builtin.h"
#include "launch/common/descriptors.h"
#include "launch/common/failure.h"
#include "launch/common/records.h"
#include "launch/platform.h"

namespace airplant {

static void ConnectStdio(const Launch& launch);
static void SetLimits(const std::vector<Limit>& limits);
static int ResourceNumber(Resource resource);
static void EnterDirectory(const std::string& directory);
static void UseProcessors(const std::vector<uint32_t>& numbers);
static void OpenMoreDescriptors(uint32_t count);
static std::vector<char*> Pointers(const std::vector<std::string>& strings);

void Execute(const SandboxSpec& spec, const Launch& launch) {
  const Command& command = spec.command;
  std::vector<char*> arguments = Pointers(command.arguments);
  std::vector<char*> environment = Pointers(command.environment);

  // A session of its own does not have the caller's controlling terminal: nothing can be pushed into that.
  if (spec.session != Session::interactive) Check(setsid(), "setsid");
  ConnectStdio(launch);
  if (command.controlling_terminal) Check(ioctl(STDIN_FILENO, TIOCSCTTY, 0), "controlling-terminal");
  CloseAllExcept({0, 1, 2, launch.setup_pipe});
  umask(command.umask);
  SetLimits(spec.limits);
  EnterDirectory(command.directory);
  ResetSignals();
  UseProcessors(command.processors);
  OpenMoreDescriptors(command.more_descriptors);
  ReportReady(launch.setup_pipe);
  if (IsBuiltin(command.path)) {
    // As exec would: its end tells that the builder runs.
    close(launch.setup_pipe);
    _exit(RunBuiltin(command));
  }
  execve(command.path.c_str(), arguments.data(), environment.data());
  Fail("exec", command.path);
}

static void ConnectStdio(const Launch& launch) {
  // What arrived is above 2: the launcher itself holds 0, 1 and 2.
  for (int fd = 0; fd < 3; fd++) {
    if (launch.stdio[fd] != fd) Check(dup2(launch.stdio[fd], fd), "stdio");
  }
}

static void UseProcessors(const std::vector<uint32_t>& numbers) {
  if (numbers.empty()) return UseAllProcessors();
  if (!UseOnlyProcessors(numbers)) Fail("processors");
}

void ResetSignals() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  Check(sigprocmask(SIG_SETMASK, &none, nullptr), "signal-mask");
}

// Limits above the inherited hard limit cannot be had; the most that can is taken.
static void SetLimits(const std::vector<Limit>& limits) {
  for (const Limit& limit : limits) {
    const int number = ResourceNumber(limit.resource);
    rlimit inherited{};
    Check(getrlimit(number, &inherited), "limits");
    const auto reachable = [&](uint64_t wanted) {
      if (wanted == kUnlimited || wanted > RLIM_INFINITY) return inherited.rlim_max;
      return std::min(static_cast<rlim_t>(wanted), inherited.rlim_max);
    };
    rlimit wanted{};
    wanted.rlim_max = reachable(limit.hard);
    wanted.rlim_cur = std::min(reachable(limit.soft), wanted.rlim_max);
    Check(setrlimit(number, &wanted), "limits");
  }
}

static int ResourceNumber(Resource resource) {
  switch (resource) {
    case Resource::core: return RLIMIT_CORE;
    case Resource::cpu: return RLIMIT_CPU;
    case Resource::data: return RLIMIT_DATA;
    case Resource::fsize: return RLIMIT_FSIZE;
    case Resource::memlock: return RLIMIT_MEMLOCK;
    case Resource::nofile: return RLIMIT_NOFILE;
    case Resource::nproc: return RLIMIT_NPROC;
    case Resource::stack: return RLIMIT_STACK;
    case Resource::as: return RLIMIT_AS;
  }
  Fail("limits", {}, EINVAL);
}

// A directory outside the root would be shown as "(unreachable)/…" (CVE-2024-21626).
// The numbers right above the standard ones: those of the pipe and the like are out of the way then.
static void OpenMoreDescriptors(uint32_t count) {
  for (uint32_t i = 0; i < count; i++) Check(open("/dev/null", O_RDONLY), "descriptors", "/dev/null");
}

static void EnterDirectory(const std::string& directory) {
  Check(chdir(directory.c_str()), "chdir", directory);
  char buffer[PATH_MAX];
  const char* current = getcwd(buffer, sizeof buffer);
  if (current == nullptr) Fail("chdir", directory);
  if (current[0] != '/') Fail("chdir", directory, EXDEV);
}

static std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace airplant
