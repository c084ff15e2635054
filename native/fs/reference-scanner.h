#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fs/hash-part-index.h"

namespace airplant {

// Finds which of a set of hash parts occur in a stream of bytes.
class ReferenceScanner {
 public:
  // Every candidate must be a hash part; duplicates count once.
  explicit ReferenceScanner(std::vector<std::string> candidates);

  // False once nothing more can be found.
  bool Wanted() const { return missing_ > 0; }

  // Looks at every window of 32 bytes within the range. A stream is scanned in pieces that overlap by 31 bytes.
  void Scan(const uint8_t* data, size_t size);

  // Those found, in the order of the candidates given.
  std::vector<std::string> Found() const;

 private:
  const HashPartIndex candidates_;
  std::vector<bool> found_;
  size_t missing_;
};

}  // namespace airplant
