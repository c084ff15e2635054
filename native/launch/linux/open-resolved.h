#pragma once

#include <string>

#include "unique-fd.h"

namespace airplant {

// The place of the absolute `path` (O_PATH), reached without following any symlink. Where there is one, at the end or on
// the way, the descriptor is empty and errno ELOOP: somebody has put it there since the path was resolved.
UniqueFd OpenResolved(const std::string& path);

}  // namespace airplant
