#include "launch/linux/seccomp-program.h"

#include <algorithm>
#include <map>
#include <span>
#include <stdexcept>
#include <string_view>

#include "launch/linux/seccomp-calls-aarch64.h"
#include "launch/linux/seccomp-calls-arm.h"
#include "launch/linux/seccomp-calls-i386.h"
#include "launch/linux/seccomp-calls-x32.h"
#include "launch/linux/seccomp-calls-x86-64.h"

namespace airplant {

namespace {

// linux/bpf_common.h
constexpr uint16_t kLoadWord = 0x20;
constexpr uint16_t kAnd = 0x54;
constexpr uint16_t kJump = 0x05;
constexpr uint16_t kJumpEqual = 0x15;
constexpr uint16_t kJumpGreaterEqual = 0x35;
constexpr uint16_t kJumpAnyBit = 0x45;
constexpr uint16_t kReturn = 0x06;
constexpr size_t kLongestProgram = 4096;

// struct seccomp_data, where bytes are in little-endian order
constexpr uint32_t kNumberOffset = 0;
constexpr uint32_t kArchitectureOffset = 4;
constexpr uint32_t kArgumentsOffset = 16;

// x86-64 and x32 are one architecture. A call has the same number in both, but for those from 512 on, which are x32's
// alone; so this bit need not be looked at. (What only x86-64 has the kernel refuses with the bit.)
constexpr uint32_t kX32Bit = 0x40000000;

// An instruction that is there already: how many there are from it to the end.
using Label = size_t;

// Puts a program together from its end, as jumps only lead forward. What is the same is there once: the kernel takes
// longer for longer programs, for every sandbox anew.
class Assembler {
 public:
  Label Push(uint16_t code, uint32_t operand) {
    backwards_.push_back({code, 0, 0, operand});
    return backwards_.size();
  }

  Label Branch(uint16_t code, uint32_t operand, Label yes, Label no) {
    yes = Near(yes);
    no = Near(no);
    backwards_.push_back({code, Distance(yes), Distance(no), operand});
    return backwards_.size();
  }

  // The next instruction continues at `label`.
  void ContinueAt(Label label) {
    if (label != backwards_.size()) Push(kJump, static_cast<uint32_t>(backwards_.size() - label));
  }

  Label Return(uint32_t action) {
    const auto known = returns_.find(action);
    if (known != returns_.end() && IsNear(known->second)) return known->second;
    return returns_[action] = Push(kReturn, action);
  }

  std::vector<Instruction> Finish() {
    if (backwards_.size() > kLongestProgram) throw std::length_error("the filter for system calls is too long");
    return {backwards_.rbegin(), backwards_.rend()};
  }

 private:
  // Jumps on a condition reach 255 instructions; some room is left for those that Near adds itself.
  bool IsNear(Label label) const { return backwards_.size() - label <= 250; }
  Label Near(Label label) { return IsNear(label) ? label : Push(kJump, static_cast<uint32_t>(backwards_.size() - label)); }
  uint8_t Distance(Label label) const { return static_cast<uint8_t>(backwards_.size() - label); }

  std::vector<Instruction> backwards_;
  std::map<uint32_t, Label> returns_;
};

// Calls, and what to do with them.
struct Range {
  uint32_t first = 0;
  uint32_t last = 0;
  Label action = 0;
};

// Calls by number.
using Numbered = std::map<uint32_t, std::string_view>;
using RulesByCall = std::map<std::string_view, std::vector<const Rule*>>;

Label Section(Assembler& assembler, const FilterPolicy& policy, const Numbered& calls, bool x32);
std::vector<Range> Ranges(Assembler& assembler, const FilterPolicy& policy, const Numbered& calls);
Label Apply(Assembler& assembler, const std::vector<const Rule*>& rules);
Label Test(Assembler& assembler, const Condition& condition, Label yes, Label no);
Label Search(Assembler& assembler, std::span<const Range> ranges);
Label UsualAction(std::span<const Range> ranges);

void AddCalls(Numbered& numbered, std::span<const SystemCall> calls) {
  for (const auto& [name, number] : calls) numbered[number] = name;
}

}  // namespace

std::vector<Instruction> CompileFilter(const FilterPolicy& policy, ProcessorFamily family) {
  const bool x86 = family == ProcessorFamily::x86;
  Numbered wide;
  Numbered narrow;
  if (x86) {
    AddCalls(wide, kX86_64Calls);
    AddCalls(wide, kX32Calls);
    AddCalls(narrow, kI386Calls);
  } else {
    AddCalls(wide, kAarch64Calls);
    AddCalls(narrow, kArmCalls);
  }
  Assembler assembler;
  const Label narrow_section = Section(assembler, policy, narrow, false);
  const Label wide_section = Section(assembler, policy, wide, x86);
  const Label other = assembler.Return(policy.unknown_architecture);
  const Label not_wide = assembler.Branch(kJumpEqual, x86 ? kAuditI386 : kAuditArm, narrow_section, other);
  const Label start = assembler.Branch(kJumpEqual, x86 ? kAuditX86_64 : kAuditAarch64, wide_section, not_wide);
  assembler.ContinueAt(start);
  assembler.Push(kLoadWord, kArchitectureOffset);
  return assembler.Finish();
}

namespace {

Label Section(Assembler& assembler, const FilterPolicy& policy, const Numbered& calls, bool x32) {
  assembler.ContinueAt(Search(assembler, Ranges(assembler, policy, calls)));
  if (x32) assembler.Push(kAnd, ~kX32Bit);
  return assembler.Push(kLoadWord, kNumberOffset);
}

// All numbers there are, in as few ranges as are treated alike.
std::vector<Range> Ranges(Assembler& assembler, const FilterPolicy& policy, const Numbered& calls) {
  RulesByCall rules;
  for (const Rule& rule : policy.rules) {
    for (const char* call : rule.calls) rules[call].push_back(&rule);
  }
  std::map<std::vector<const Rule*>, Label> actions;
  std::vector<Range> ranges;
  const auto add = [&](uint32_t first, uint32_t last, Label action) {
    if (!ranges.empty() && ranges.back().action == action) {
      ranges.back().last = last;
    } else {
      ranges.push_back({first, last, action});
    }
  };
  const Label unknown = assembler.Return(policy.unknown_call);
  uint32_t next = 0;
  for (const auto& [number, call] : calls) {
    if (number != next) add(next, number - 1, unknown);
    const auto [action, is_new] = actions.try_emplace(rules[call]);
    if (is_new) action->second = Apply(assembler, action->first);
    add(number, number, action->second);
    next = number + 1;
  }
  add(next, ~0u, unknown);
  return ranges;
}

Label Apply(Assembler& assembler, const std::vector<const Rule*>& rules) {
  Label otherwise = assembler.Return(kAllow);
  for (auto rule = rules.rbegin(); rule != rules.rend(); rule++) {
    Label applies = assembler.Return((*rule)->action);
    const auto& conditions = (*rule)->conditions;
    for (auto condition = conditions.rbegin(); condition != conditions.rend(); condition++) {
      applies = Test(assembler, *condition, applies, otherwise);
    }
    otherwise = applies;
  }
  return otherwise;
}

Label Test(Assembler& assembler, const Condition& condition, Label yes, Label no) {
  using Kind = Condition::Kind;
  Label test;
  if (condition.kind == Kind::any_bit) {
    test = assembler.Branch(kJumpAnyBit, condition.mask, yes, no);
  } else {
    const Label found = condition.kind == Kind::one_of ? yes : no;
    test = condition.kind == Kind::one_of ? no : yes;
    for (const uint32_t value : condition.values) test = assembler.Branch(kJumpEqual, value, found, test);
    if (condition.mask != ~0u) {
      assembler.ContinueAt(test);
      test = assembler.Push(kAnd, condition.mask);
    }
  }
  assembler.ContinueAt(test);
  return assembler.Push(kLoadWord, kArgumentsOffset + 8 * condition.argument);
}

// Finds the range of the number that is loaded: in halves, and at the end call by call.
Label Search(Assembler& assembler, std::span<const Range> ranges) {
  constexpr long kFew = 3;
  const Label usual = UsualAction(ranges);
  const auto is_exception = [&](const Range& range) { return range.action != usual; };
  const bool exceptions_are_calls = std::ranges::all_of(
      ranges, [&](const Range& range) { return !is_exception(range) || range.first == range.last; });
  if (exceptions_are_calls && std::ranges::count_if(ranges, is_exception) <= kFew) {
    Label found = usual;
    for (const Range& range : ranges) {
      if (is_exception(range)) found = assembler.Branch(kJumpEqual, range.first, range.action, found);
    }
    return found;
  }
  const size_t middle = ranges.size() / 2;
  const Label above = Search(assembler, ranges.subspan(middle));
  const Label below = Search(assembler, ranges.first(middle));
  return assembler.Branch(kJumpGreaterEqual, ranges[middle].first, above, below);
}

// That of the widest range.
Label UsualAction(std::span<const Range> ranges) {
  const auto width = [](const Range& range) { return range.last - range.first; };
  return std::ranges::max_element(ranges, {}, width)->action;
}

}  // namespace
}  // namespace airplant
