#pragma once

#include <cstdint>
#include <vector>

#include "launch/linux/seccomp-rules.h"

// Filters for any machine, compiled on any machine.
namespace airplant {

// An instruction of classic BPF, laid out as struct sock_filter.
struct Instruction {
  uint16_t code = 0;
  uint8_t jump_true = 0;
  uint8_t jump_false = 0;
  uint32_t operand = 0;

  bool operator==(const Instruction&) const = default;
};

// How the kernel calls architectures, linux/audit.h.
inline constexpr uint32_t kAuditX86_64 = 0xc000003e;
inline constexpr uint32_t kAuditI386 = 0x40000003;
inline constexpr uint32_t kAuditAarch64 = 0xc00000b7;
inline constexpr uint32_t kAuditArm = 0x40000028;

// Every kind of call a kernel for the family may take: x86-64, x32 and i386; aarch64 and 32-bit ARM.
enum class ProcessorFamily { x86, arm };

// A program for SECCOMP_SET_MODE_FILTER that carries out `policy`. Which rule a call falls under is found by binary
// search. Throws std::length_error for rules that make it too long for the kernel.
std::vector<Instruction> CompileFilter(const FilterPolicy& policy, ProcessorFamily family);

}  // namespace airplant
