#include "fs/reference-scanner.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

namespace airplant {

// Digits and lower-case letters without e, o, t, u.
static constexpr std::array<bool, 256> kAlphabet = [] {
  std::array<bool, 256> is{};
  for (const char* c = "0123456789abcdfghijklmnpqrsvwxyz"; *c != '\0'; c++) is[static_cast<uint8_t>(*c)] = true;
  return is;
}();

bool IsHashPart(const std::string& text) {
  return text.size() == kHashPartLength &&
         std::all_of(text.begin(), text.end(), [](char c) { return kAlphabet[static_cast<uint8_t>(c)]; });
}

static uint64_t KeyOf(const void* window) {
  uint64_t key;
  memcpy(&key, window, sizeof key);
  return key * 0x9e3779b97f4a7c15u;
}

static std::vector<std::string> WithoutDuplicates(std::vector<std::string> texts) {
  std::unordered_set<std::string> seen;
  std::erase_if(texts, [&](const std::string& text) { return !seen.insert(text).second; });
  return texts;
}

ReferenceScanner::ReferenceScanner(std::vector<std::string> candidates)
    : candidates_(WithoutDuplicates(std::move(candidates))), found_(candidates_.size()), missing_(candidates_.size()) {
  unsigned bits = 4;
  while ((size_t{1} << bits) < 16 * candidates_.size()) bits++;
  table_.assign(size_t{1} << bits, 0);
  shift_ = 64 - bits;
  for (size_t i = 0; i < candidates_.size(); i++) {
    size_t slot = KeyOf(candidates_[i].data()) >> shift_;
    while (table_[slot] != 0) slot = (slot + 1) & (table_.size() - 1);
    table_[slot] = static_cast<uint32_t>(i + 1);
  }
}

void ReferenceScanner::Scan(const uint8_t* data, size_t size) {
  // From the back of each window, so that a foreign byte excludes every window it lies in at once. `checked` bytes
  // at the front of the window are known to be of the alphabet: no byte is looked at twice.
  size_t checked = 0;
  for (size_t at = 0; at + kHashPartLength <= size;) {
    size_t i = kHashPartLength;
    while (i > checked && kAlphabet[data[at + i - 1]]) i--;
    if (i > checked) {
      at += i;
      checked = kHashPartLength - i;
      continue;
    }
    // A run of the alphabet: each further byte of it makes one more window.
    const uint8_t* window = data + at;
    const uint8_t* next = window + kHashPartLength;
    const uint8_t* const end = data + size;
    Look(window++);
    while (next < end && kAlphabet[*next++]) Look(window++);
    at = static_cast<size_t>(next - data);
    checked = 0;
  }
}

void ReferenceScanner::Look(const uint8_t* window) {
  for (size_t slot = KeyOf(window) >> shift_; table_[slot] != 0; slot = (slot + 1) & (table_.size() - 1)) {
    const size_t index = table_[slot] - 1;
    if (memcmp(candidates_[index].data(), window, kHashPartLength) != 0) continue;
    if (!found_[index]) missing_--;
    found_[index] = true;
    return;
  }
}

std::vector<std::string> ReferenceScanner::Found() const {
  std::vector<std::string> found;
  for (size_t i = 0; i < candidates_.size(); i++) {
    if (found_[i]) found.push_back(candidates_[i]);
  }
  return found;
}

}  // namespace airplant
