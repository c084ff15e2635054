#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace airplant {

// Stands in `SystemError::error` for "a store path cannot hold this type of file": Linux has no EFTYPE.
inline constexpr int kUnsupportedFileType = 4028;

// A failed system call: what JavaScript gets as an Error with code, errno, syscall and path.
class SystemError : public std::exception {
 public:
  // `error` is an errno value or kUnsupportedFileType; `detail`, if any, replaces strerror's sentence.
  SystemError(int error, std::string_view syscall, std::string_view path, std::string_view detail = {})
      : error(error), syscall(syscall), path(path), detail(detail) {}

  const char* what() const noexcept override { return syscall.c_str(); }

  int error;
  std::string syscall;
  std::string path;
  std::string detail;
};

}  // namespace airplant
