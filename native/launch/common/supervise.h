#pragma once

#include <signal.h>

#include <functional>
#include <vector>

#include "launch/backend.h"

namespace airplant {

// How to kill everything the child has started.
enum class KillReach {
  // Killing the child is enough: it is process 1 of its namespace, or an interactive command, whose children the
  // user may want to keep.
  child,
  // The child leads a process group that dies with it, and so does whatever it started that has left the group, where
  // that can be found (common/descendants.h).
  group,
};

// Makes a supervisor send SIGTERM to what the child has started: all of it, where the child is a process 1 of ours.
inline constexpr int kPoliteSignal = SIGUSR1;

// What a supervisor has to do itself. `descriptors` stay open until its end.
struct Chores {
  std::vector<int> descriptors;
  // Once the child is forked and while it sets itself up. A SetupFailure is reported; the child, which waits for this in
  // vain, must end then.
  std::function<void()> meanwhile;
  // When everything in the sandbox is dead, and before anybody is told.
  std::function<void()> aftermath;
};

// Forks a child that runs `body`, and waits for it. SIGTERM and kPoliteSignal, which the launcher sends
// and which must be blocked when this is called, kill the child or ask it to end; the launcher's death kills it. Reports the child's pid, then how it ended and what it used; then this process ends.
[[noreturn]] void Supervise(const Launch& launch, KillReach reach, const std::function<void()>& body,
                            const Chores& chores = {});

// Blocks SIGTERM and kPoliteSignal; part of what Supervise expects, done by the launcher before it forks.
void BlockTermination();
void UnblockTermination();

}  // namespace airplant
