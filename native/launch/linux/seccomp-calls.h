#pragma once

#include <cstdint>

namespace airplant {

// A system call of one architecture. The tables hold all of them, so that whatever is not in a table is unknown.
struct SystemCall {
  const char* name;
  uint32_t number;
};

}  // namespace airplant
