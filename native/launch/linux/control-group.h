#pragma once

#include <string>

#include "unique-fd.h"

namespace airplant {

// The list of processes of the control group in `directory`, for writing; empty when `directory` is. Opened where the host's
// files still are, and with the caller's rights: the kernel asks for those of who opened it.
UniqueFd OpenControlGroup(const std::string& directory);

// Moves this process in, if there is a list. Never the supervisor: what kills the whole group must leave somebody to tell of
// it.
void EnterControlGroup(const UniqueFd& processes, const std::string& directory);

}  // namespace airplant
