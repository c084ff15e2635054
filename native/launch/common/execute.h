#pragma once

#include "launch/backend.h"

namespace airplant {

// The last steps, common to all systems: session, standard descriptors, signals, limits, umask, directory, processors,
// execve or a builtin builder. Throws SetupFailure; everything it changed by then is this process's own.
[[noreturn]] void Execute(const SandboxSpec& spec, const Launch& launch);

// All signals at their defaults, none blocked. Dispositions other than "ignore" would be reset by execve anyway; node, for
// one, ignores SIGPIPE.
void ResetSignals();

}  // namespace airplant
