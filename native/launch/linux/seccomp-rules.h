#pragma once

#include <cstdint>
#include <vector>

// What builders may not ask of the kernel, as data. Nothing here depends on the architecture or on the machine this is
// compiled on; docs/security.md says why each rule is there.
namespace airplant {

// What an argument of a call must be like for a rule to apply. Only its low 32 bits are looked at: the kernel ignores the
// others in every argument that a condition is about (CVE-2019-10063).
struct Condition {
  enum class Kind {
    // One or more bits of `mask` are set.
    any_bit,
    // Of the bits in `mask`, it is one of `values`; or none of them.
    one_of,
    none_of,
  };

  uint32_t argument = 0;
  Kind kind = Kind::any_bit;
  uint32_t mask = 0;
  std::vector<uint32_t> values;
};

struct Rule {
  // For the tests, which take away one at a time.
  const char* name;
  // An architecture need not have them all.
  std::vector<const char*> calls;
  // All must hold. None: it always applies.
  std::vector<Condition> conditions;
  // What the kernel does with the call (SECCOMP_RET_…).
  uint32_t action;
};

struct FilterPolicy {
  // Of the rules for a call the first that applies counts; a call to which none applies is let through.
  std::vector<Rule> rules;
  // What the kernel does (SECCOMP_RET_…) with a call that is in no table, and with one of an architecture that is none of
  // the machine's.
  uint32_t unknown_call;
  uint32_t unknown_architecture;
};

// Actions of a seccomp filter, linux/seccomp.h.
inline constexpr uint32_t kAllow = 0x7fff0000;
inline constexpr uint32_t kKillProcess = 0x80000000;
// The tracer is told at the beginning of the call; without one it fails with ENOSYS.
inline constexpr uint32_t kTrace = 0x7ff00000;
// The call gives this errno, as Linux numbers it on x86 and ARM.
inline constexpr uint32_t Refuse(uint32_t error) { return 0x00050000 | error; }

// The filter of sealed builds.
FilterPolicy SealedPolicy();

// Tells the tracer of the calls with these names, and lets everything else through: for a second filter, which can take
// nothing back that the one of sealed builds refuses.
FilterPolicy ObservationPolicy(std::vector<const char*> calls);

}  // namespace airplant
