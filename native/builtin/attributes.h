#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace airplant {

// Why a builtin builder failed, as its log is told.
struct BuiltinFailure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// "<what> '<path>': <the text of errno>"
BuiltinFailure SystemFailure(const std::string& what, const std::string& path);

// The attributes of a derivation, which are the environment of its builder.
class Attributes {
 public:
  // `NAME=value` each; they stay the caller's.
  explicit Attributes(const std::vector<std::string>& environment) : environment_(environment) {}

  // Throws BuiltinFailure for one that is missing.
  std::string Get(const std::string& name) const;

 private:
  const std::vector<std::string>& environment_;
};

// The words between any of the separators.
std::vector<std::string> SplitWords(const std::string& text, const char* separators);

}  // namespace airplant
