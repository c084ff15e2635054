#pragma once

#include "spec.h"

namespace airplant {

// Runs a builtin builder to its end and returns its exit status, 0 or 1. It takes the place of a program: by now its
// process is in the sandbox, with the builder's ids, limits and filter, and standard error is the log. Whatever goes wrong
// is told there.
int RunBuiltin(const Command& command);

}  // namespace airplant
