#pragma once

#include <sys/types.h>

#include <string>

#include "unique-fd.h"

namespace airplant {

struct LauncherProcess {
  pid_t pid;
  // Our end of the control socket.
  UniqueFd control;
};

// Starts the executable at `path` as the launcher. That it could not be executed is told over the socket, like anything
// else that may happen to it. Throws SystemError if the process cannot be made.
LauncherProcess StartLauncher(const std::string& path);

// Kills the launcher if it still runs, and returns its wait status.
int ReapLauncher(pid_t pid);

}  // namespace airplant
