#include "fs/hash-part-index.h"

#include <algorithm>
#include <array>
#include <cstring>

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

HashPartIndex::HashPartIndex(std::vector<std::string> parts) : parts_(std::move(parts)) {
  unsigned bits = 4;
  while ((size_t{1} << bits) < 16 * parts_.size()) bits++;
  table_.assign(size_t{1} << bits, 0);
  shift_ = 64 - bits;
  for (size_t i = 0; i < parts_.size(); i++) {
    size_t slot = KeyOf(parts_[i].data()) >> shift_;
    while (table_[slot] != 0) slot = (slot + 1) & (table_.size() - 1);
    table_[slot] = static_cast<uint32_t>(i + 1);
  }
}

const uint8_t* HashPartIndex::Next(const uint8_t* from, const uint8_t* end, size_t* index) const {
  // From the back of each window, so that a foreign byte excludes every window it lies in at once. `checked` bytes
  // at the front of the window are known to be of the alphabet: no byte is looked at twice.
  size_t checked = 0;
  for (const uint8_t* window = from; static_cast<size_t>(end - window) >= kHashPartLength;) {
    size_t i = kHashPartLength;
    while (i > checked && kAlphabet[window[i - 1]]) i--;
    if (i > checked) {
      window += i;
      checked = kHashPartLength - i;
      continue;
    }
    // A run of the alphabet: each further byte of it makes one more window.
    const uint8_t* next = window + kHashPartLength;
    for (;;) {
      if (Look(window++, index)) return window - 1;
      if (next == end || !kAlphabet[*next++]) break;
    }
    window = next;
    checked = 0;
  }
  return nullptr;
}

bool HashPartIndex::Look(const uint8_t* window, size_t* index) const {
  for (size_t slot = KeyOf(window) >> shift_; table_[slot] != 0; slot = (slot + 1) & (table_.size() - 1)) {
    *index = table_[slot] - 1;
    if (memcmp(parts_[*index].data(), window, kHashPartLength) == 0) return true;
  }
  return false;
}

}  // namespace airplant
