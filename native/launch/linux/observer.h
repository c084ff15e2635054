#pragma once

#include <sys/types.h>

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "launch/linux/path-calls.h"

namespace airplant {

// Asks the parent to trace this process, which waits until it does. What it starts later is traced as well. Throws
// SetupFailure.
void LetParentObserve();

// From now on the parent is told of each system call with the name of a file. Throws SetupFailure.
void InstallObservationFilter();

// Sees by which names the processes of a sandbox try to reach files and servers, and what comes of it; they are not kept
// from anything, nor shown anything. For process 1, which traces them (ptrace). Each attempt is written to a pipe, so that
// nothing is piled up here; a reader who is slow makes them slow.
//
// Everything that is read comes from processes that may be hostile: no length of theirs is believed, and what cannot be read is
// left out.
class Observer {
 public:
  explicit Observer(int pipe) : pipe_(pipe) {}

  // What waitpid said of a traced thread, stopped or dead; a stopped one goes on.
  void OnWait(pid_t thread, int status);

 private:
  struct Attempt {
    const PathCall* call = nullptr;
    uint32_t flags = 0;
    // Where a relative path starts; empty if that is not known.
    std::string base;
    std::string path;
  };

  void OnStop(pid_t thread, int status);
  bool OnCall(pid_t thread);
  void OnReturn(pid_t thread);
  void Write(pid_t thread, const Attempt& attempt, int error);

  int pipe_;
  // Threads that exist: whose first stop has been seen, and who is inside an observed call.
  std::unordered_set<pid_t> known_;
  std::unordered_map<pid_t, Attempt> under_way_;
};

}  // namespace airplant
