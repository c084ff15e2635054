#include "launch/linux/path-calls.h"

#include <cstring>
#include <span>
#include <unordered_map>

#include "launch/linux/seccomp-calls-aarch64.h"
#include "launch/linux/seccomp-calls-arm.h"
#include "launch/linux/seccomp-calls-i386.h"
#include "launch/linux/seccomp-calls-x32.h"
#include "launch/linux/seccomp-calls-x86-64.h"
#include "launch/linux/seccomp-program.h"

namespace airplant {

using ByNumber = std::unordered_map<uint64_t, const PathCall*>;

static const ByNumber& CallsOf(uint32_t architecture);
static void Add(ByNumber& calls, std::span<const SystemCall> table);

static constexpr uint64_t kX32Bit = 0x40000000;

static constexpr PathCall kPathCalls[] = {
    {"open", Intent::open, 0, -1, 1},
    {"openat", Intent::open, 1, 0, 2},
    {"creat", Intent::make, 0},
    {"stat", Intent::look, 0},
    {"lstat", Intent::look, 0},
    {"stat64", Intent::look, 0},
    {"lstat64", Intent::look, 0},
    {"newfstatat", Intent::look, 1, 0},
    {"fstatat64", Intent::look, 1, 0},
    {"statx", Intent::look, 1, 0},
    {"statfs", Intent::look, 0},
    {"access", Intent::look, 0},
    {"faccessat", Intent::look, 1, 0},
    {"faccessat2", Intent::look, 1, 0},
    {"readlink", Intent::look, 0},
    {"readlinkat", Intent::look, 1, 0},
    {"execve", Intent::execute, 0},
    {"execveat", Intent::execute, 1, 0},
    {"mkdir", Intent::make, 0},
    {"mkdirat", Intent::make, 1, 0},
    {"chdir", Intent::enter, 0},
    {"connect", Intent::connect, 1},
};

std::vector<const char*> PathCallNames() {
  std::vector<const char*> names;
  for (const PathCall& call : kPathCalls) names.push_back(call.name);
  return names;
}

const PathCall* FindPathCall(uint32_t architecture, uint64_t number) {
  const ByNumber& calls = CallsOf(architecture);
  auto found = calls.find(number);
  if (found == calls.end() && architecture == kAuditX86_64) found = calls.find(number & ~kX32Bit);
  return found == calls.end() ? nullptr : found->second;
}

static const ByNumber& CallsOf(uint32_t architecture) {
  static std::unordered_map<uint32_t, ByNumber> tables;
  const auto [table, is_new] = tables.try_emplace(architecture);
  if (!is_new) return table->second;
  switch (architecture) {
    case kAuditX86_64:
      Add(table->second, kX86_64Calls);
      Add(table->second, kX32Calls);
      break;
    case kAuditI386: Add(table->second, kI386Calls); break;
    case kAuditAarch64: Add(table->second, kAarch64Calls); break;
    case kAuditArm: Add(table->second, kArmCalls); break;
    default: break;
  }
  return table->second;
}

static void Add(ByNumber& calls, std::span<const SystemCall> table) {
  for (const auto& [name, number] : table) {
    for (const PathCall& call : kPathCalls) {
      if (strcmp(call.name, name) == 0) calls.emplace(number, &call);
    }
  }
}

}  // namespace airplant
