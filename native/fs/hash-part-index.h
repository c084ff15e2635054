#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace airplant {

// Length of the hash part of a store path: 32 characters of Nix's base 32.
inline constexpr size_t kHashPartLength = 32;

bool IsHashPart(const std::string& text);

// Finds any of a set of hash parts in bytes.
class HashPartIndex {
 public:
  // All of them hash parts, and different ones.
  explicit HashPartIndex(std::vector<std::string> parts);

  const std::vector<std::string>& Parts() const { return parts_; }

  // The first place at or after `from` where all of a hash part lies before `end`, and which one it is; else null.
  const uint8_t* Next(const uint8_t* from, const uint8_t* end, size_t* index) const;

 private:
  bool Look(const uint8_t* window, size_t* index) const;

  std::vector<std::string> parts_;
  // Open addressing by the first 8 bytes; 0 is empty, else an index into parts_ plus one.
  std::vector<uint32_t> table_;
  unsigned shift_;
};

}  // namespace airplant
