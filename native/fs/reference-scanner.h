#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace airplant {

// Length of the hash part of a store path: 32 characters of Nix's base 32.
inline constexpr size_t kHashPartLength = 32;

bool IsHashPart(const std::string& text);

// Finds which of a set of hash parts occur in a stream of bytes.
class ReferenceScanner {
 public:
  // Every candidate must be a hash part.
  explicit ReferenceScanner(std::vector<std::string> candidates);

  // False once nothing more can be found.
  bool Wanted() const { return missing_ > 0; }

  // Looks at every window of 32 bytes within the range. A stream is scanned in pieces that overlap by 31 bytes.
  void Scan(const uint8_t* data, size_t size);

  // Those found, in the order of the candidates given.
  std::vector<std::string> Found() const;

 private:
  void Look(const uint8_t* window);

  std::vector<std::string> candidates_;
  std::vector<bool> found_;
  size_t missing_;
  // Open addressing by the first 8 bytes; 0 is empty, else an index into candidates_ plus one.
  std::vector<uint32_t> table_;
  unsigned shift_;
};

}  // namespace airplant
