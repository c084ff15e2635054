#pragma once

#include <vector>

namespace airplant {

// Compiles the filter for this machine, once for all sandboxes.
void PrepareSystemCallFilter();

// Puts this process, and everything it will start, under the filter of sealed builds; irrevocably. It must have given up
// new privileges. Throws SetupFailure where the kernel has no filters, or we none for this kind of processor.
void InstallSystemCallFilter();

// On top of it: whoever traces this process is told of its calls with these names. As above.
void InstallTracingFilter(std::vector<const char*> calls);

}  // namespace airplant
