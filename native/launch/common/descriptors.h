#pragma once

#include <vector>

namespace airplant {

// Closes every descriptor of this process but those named (negative ones are ignored).
void CloseAllExcept(std::vector<int> kept);

}  // namespace airplant
