#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cancellation.h"

namespace airplant {

struct TreeHash {
  std::string sha256;  // lower-case hex
  uint64_t nar_size = 0;
  std::vector<std::string> references;
};

// SHA-256 and length of the NAR of `path`, and which of `candidates` (hash parts) occur in it, in one pass.
TreeHash HashTree(const std::string& path, const std::vector<std::string>& candidates, uint64_t most_nar_size,
                  const Cancellation& cancellation);

// Writes the NAR of `path` to `fd` in constant memory; returns its length.
uint64_t DumpTree(const std::string& path, int fd, const Cancellation& cancellation);

}  // namespace airplant
