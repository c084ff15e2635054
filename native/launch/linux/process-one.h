#pragma once

#include <functional>

#include "launch/backend.h"

namespace airplant {

// Process 1 of the sandbox: forks the builder, which runs `body`, and reaps whatever is orphaned. A SIGTERM from outside
// it passes on to all processes of the sandbox. When the builder has ended it reports its status and exits, and the kernel
// kills all that is left; likewise when the launcher is gone, or the network helper at the other end of `network_helper`
// (-1: there is none).
[[noreturn]] void RunAsProcessOne(const Launch& launch, int network_helper, const std::function<void()>& body);

}  // namespace airplant
