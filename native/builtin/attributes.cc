#include "builtin/attributes.h"

#include <cerrno>
#include <cstring>

namespace airplant {

BuiltinFailure SystemFailure(const std::string& what, const std::string& path) {
  return BuiltinFailure(what + " '" + path + "': " + strerror(errno));
}

std::string Attributes::Get(const std::string& name) const {
  const std::string start = name + "=";
  for (const std::string& variable : environment_) {
    if (variable.compare(0, start.size(), start) == 0) return variable.substr(start.size());
  }
  throw BuiltinFailure("attribute '" + name + "' missing");
}

std::vector<std::string> SplitWords(const std::string& text, const char* separators) {
  std::vector<std::string> words;
  for (size_t at = text.find_first_not_of(separators); at != std::string::npos;) {
    const size_t end = text.find_first_of(separators, at);
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(separators, end);
  }
  return words;
}

}  // namespace airplant
