#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "fs/hash-part-index.h"

namespace airplant {

// Replaces hash parts by as many other bytes, from front to back: of two that overlap the first is replaced, and what
// has been put in is not looked at again. So neither the order of the pairs nor the cuts of a stream matter. Nix makes
// one replacement after the other; that is the same unless two hash parts overlap, or a new one contains part of an old
// one, neither of which happens by accident.
class HashRewriter {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  // Where something has been replaced, counted from the beginning of what was given.
  using Places = std::vector<size_t>;

  // From hash parts, all different, to 32 bytes each.
  explicit HashRewriter(const Pairs& pairs);

  // Rewrites a piece of a stream. Returns how many bytes at its front are final: the rest, 31 at most, must come again
  // at the front of the next piece. With `last` all are.
  size_t Rewrite(uint8_t* data, size_t size, bool last, Places& places) const;

  // Rewrites the whole of a text.
  Places Rewrite(std::string& text) const;

 private:
  const HashPartIndex from_;
  std::vector<std::string> to_;
};

}  // namespace airplant
