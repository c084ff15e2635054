#pragma once

#include <sys/types.h>

#include "spec.h"

namespace airplant {

// What a freshly forked child of the launcher works with. Every other descriptor of the launcher is closed already.
struct Launch {
  pid_t launcher = 0;
  // See common/records.h.
  int setup_pipe = -1;
  int life_socket = -1;
  int stdio[3] = {-1, -1, -1};
  // Pipe for what an observed builder tries, see common/observation.h.
  int observer = -1;
};

// Each runs the command of `spec` in a child and supervises it until the end, or throws SetupFailure; after that throw,
// too, nothing may be left running. The caller is the child of the launcher, or a descendant of it.

// The platform's own isolation: namespaces on Linux, a seatbelt profile on macOS.
[[noreturn]] void RunIsolated(const SandboxSpec& spec, const Launch& launch);

// Called once by the launcher: computes whatever is the same for all sandboxes.
void PrepareIsolation();

// What a command without isolation gets of the machine's own, in its own process: its control group, and for a sealed
// session what no kernel refuses anybody.
void PreparePlain(const SandboxSpec& spec);

// No isolation at all.
[[noreturn]] void RunPlain(const SandboxSpec& spec, const Launch& launch);

}  // namespace airplant
