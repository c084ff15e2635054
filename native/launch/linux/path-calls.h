#pragma once

#include <cstdint>
#include <vector>

namespace airplant {

// What a process wants of a name. ts/sandbox/attempt.ts knows the numbers.
enum class Intent : uint32_t { look = 0, open = 1, execute = 2, make = 3, enter = 4, connect = 5 };

// Where a system call has the name of a file, and what for. Arguments are counted from 0; -1: there is none.
struct PathCall {
  const char* name;
  Intent intent;
  int path;
  // Descriptor of the directory that a relative path starts from.
  int directory = -1;
  // Of open.
  int flags = -1;
};

// The names of the calls that are observed.
std::vector<const char*> PathCallNames();

// What call `number` of an architecture (AUDIT_ARCH_…) is; null if it has no name in it.
const PathCall* FindPathCall(uint32_t architecture, uint64_t number);

}  // namespace airplant
