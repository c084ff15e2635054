#pragma once

#include <functional>

#include "launch/backend.h"

namespace airplant {

// How to kill everything the child has started.
enum class KillReach {
  // Killing the child is enough: it is process 1 of its namespace, or an interactive command, whose children the
  // user may want to keep.
  child,
  // The child leads a process group that dies with it.
  group,
};

// Forks a child that runs `body`, and waits for it. SIGTERM, which the launcher sends and which must be blocked when
// this is called, kills the child, and so does the launcher's death. Reports the child's pid, then how it ended and what it used; then this process ends.
[[noreturn]] void Supervise(const Launch& launch, KillReach reach, const std::function<void()>& body);

// Blocks SIGTERM; part of what Supervise expects, done by the launcher before it forks.
void BlockTermination();
void UnblockTermination();

}  // namespace airplant
