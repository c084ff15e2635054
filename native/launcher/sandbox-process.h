#pragma once

#include "launch/backend.h"
#include "launcher/control.h"

namespace airplant {

// The forked child: reads the request's spec, closes what is not its own, and lets the backend take over. Failures go to
// the set-up pipe.
[[noreturn]] void RunSandboxProcess(const ReceivedRequest& request, Launch launch);

}  // namespace airplant
