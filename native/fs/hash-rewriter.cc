#include "fs/hash-rewriter.h"

#include <algorithm>
#include <cstring>

namespace airplant {

static std::vector<std::string> Sources(const HashRewriter::Pairs& pairs) {
  std::vector<std::string> sources;
  for (const auto& [from, to] : pairs) sources.push_back(from);
  return sources;
}

HashRewriter::HashRewriter(const Pairs& pairs) : from_(Sources(pairs)) {
  for (const auto& [from, to] : pairs) to_.push_back(to);
}

size_t HashRewriter::Rewrite(uint8_t* data, size_t size, bool last, Places& places) const {
  size_t done = 0;
  size_t index = 0;
  while (const uint8_t* match = from_.Next(data + done, data + size, &index)) {
    const auto at = static_cast<size_t>(match - data);
    memcpy(data + at, to_[index].data(), kHashPartLength);
    places.push_back(at);
    done = at + kHashPartLength;
  }
  // What is left is too short for a hash part, but may be the beginning of one.
  return last ? size : std::max(done, size - std::min(size, kHashPartLength - 1));
}

HashRewriter::Places HashRewriter::Rewrite(std::string& text) const {
  Places places;
  Rewrite(reinterpret_cast<uint8_t*>(text.data()), text.size(), true, places);
  return places;
}

}  // namespace airplant
