#include "fs/reference-scanner.h"

#include <unordered_set>

namespace airplant {

static std::vector<std::string> WithoutDuplicates(std::vector<std::string> texts) {
  std::unordered_set<std::string> seen;
  std::erase_if(texts, [&](const std::string& text) { return !seen.insert(text).second; });
  return texts;
}

ReferenceScanner::ReferenceScanner(std::vector<std::string> candidates)
    : candidates_(WithoutDuplicates(std::move(candidates))),
      found_(candidates_.Parts().size()),
      missing_(candidates_.Parts().size()) {}

void ReferenceScanner::Scan(const uint8_t* data, size_t size) {
  const uint8_t* const end = data + size;
  size_t index = 0;
  for (const uint8_t* at = data; (at = candidates_.Next(at, end, &index)) != nullptr; at++) {
    if (!found_[index]) missing_--;
    found_[index] = true;
  }
}

std::vector<std::string> ReferenceScanner::Found() const {
  std::vector<std::string> found;
  for (size_t i = 0; i < found_.size(); i++) {
    if (found_[i]) found.push_back(candidates_.Parts()[i]);
  }
  return found;
}

}  // namespace airplant
