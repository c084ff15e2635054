#pragma once

#include <cerrno>
#include <string>
#include <string_view>

namespace airplant {

// Thrown between fork and exec: the step of the set-up that was refused, with its errno and what it was about.
// Steps are part of the interface (ts/sandbox/setup-failure.ts explains them).
struct SetupFailure {
  std::string step;
  int error = 0;
  std::string path;
};

[[noreturn]] inline void Fail(std::string_view step, std::string_view path = {}, int error = errno) {
  throw SetupFailure{std::string(step), error, std::string(path)};
}

// Passes on the result of a system call, or fails with its errno.
template <class Result>
Result Check(Result result, std::string_view step, std::string_view path = {}) {
  if (result < 0) Fail(step, path);
  return result;
}

}  // namespace airplant
