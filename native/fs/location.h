#pragma once

#include <string>

#include "unique-fd.h"

namespace airplant {

// A path resolved once: its directory, held open, and its last component, which is never followed.
struct Location {
  UniqueFd parent;
  std::string name;
  std::string path;  // as given, for messages
};

// Throws SystemError: EINVAL if the last component is missing, `.` or `..`; else what opening the directory said.
Location Locate(const std::string& path);

}  // namespace airplant
