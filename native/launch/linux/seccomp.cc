#include "launch/linux/seccomp.h"

#include <linux/filter.h>

#include <optional>
#include <vector>

#include "launch/common/failure.h"
#include "launch/linux/seccomp-program.h"
#include "launch/linux/syscalls.h"

namespace airplant {

static constexpr char kStep[] = "seccomp";

static void Install(const std::vector<Instruction>& program);
static const std::vector<Instruction>& Program();
static std::optional<ProcessorFamily> HostFamily();

static_assert(sizeof(Instruction) == sizeof(sock_filter));

void PrepareSystemCallFilter() { Program(); }

void InstallSystemCallFilter() { Install(Program()); }

void InstallTracingFilter(std::vector<const char*> calls) {
  const auto family = HostFamily();
  Install(family ? CompileFilter(ObservationPolicy(std::move(calls)), *family) : std::vector<Instruction>{});
}

static void Install(const std::vector<Instruction>& program) {
  if (program.empty()) Fail(kStep, {}, ENOTSUP);
  Check(sys_seccomp_filter(program.data(), static_cast<unsigned short>(program.size())), kStep);
}

// Empty where there is none.
static const std::vector<Instruction>& Program() {
  static const std::vector<Instruction> program = [] {
    const auto family = HostFamily();
    return family ? CompileFilter(SealedPolicy(), *family) : std::vector<Instruction>{};
  }();
  return program;
}

// A 32-bit launcher may run on a 64-bit kernel, so it gets the filter for both.
static std::optional<ProcessorFamily> HostFamily() {
#if defined(__x86_64__) || defined(__i386__)
  return ProcessorFamily::x86;
#elif defined(__AARCH64EL__) || defined(__ARMEL__)
  return ProcessorFamily::arm;
#else
  return std::nullopt;
#endif
}

}  // namespace airplant
