#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cancellation.h"
#include "fs/hash-rewriter.h"

namespace airplant {

struct TreeHash {
  std::string hash;  // lower-case hex
  uint64_t nar_size = 0;
  std::vector<std::string> references;
};

struct HashOptions {
  std::vector<std::string> candidates;  // hash parts
  std::string algorithm;
  uint64_t most_nar_size;
  bool case_hack;      // see NarWriter
  std::string modulo;  // the hash part by which the tree refers to itself, if that is not to count; or empty
};

// Hash and length of the NAR of `path`, and which of the candidates occur in it, in one pass.
TreeHash HashTree(const std::string& path, const HashOptions& options, const Cancellation& cancellation);

struct RewrittenTree {
  TreeHash tree;
  uint64_t replaced = 0;
};

// Replaces hash parts in the tree at `path`, which must be canonical and is so afterwards, and says in the same pass
// what HashTree would say of it then.
RewrittenTree RewriteTree(const std::string& path, const HashRewriter::Pairs& rewrites, const HashOptions& options,
                          const Cancellation& cancellation);

// Writes the NAR of `path` to `fd` in constant memory; returns its length.
uint64_t DumpTree(const std::string& path, int fd, bool case_hack, const Cancellation& cancellation);

}  // namespace airplant
