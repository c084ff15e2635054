#pragma once

#include <initializer_list>

namespace airplant {

// Closes every descriptor of this process but those named (negative ones are ignored).
void CloseAllExcept(std::initializer_list<int> kept);

}  // namespace airplant
