#include "fs/masking-nar-writer.h"

#include <cerrno>

namespace airplant {

// All of them have to be remembered, and whoever sent a tree may have put in as many as fit.
static constexpr size_t kMostPositions = 4 * 1024 * 1024;

void MaskingNarWriter::AddPositions(Digest& hash) const {
  for (const uint64_t position : positions_) {
    std::string text = "|";
    text += std::to_string(position);
    hash.Update(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  }
}

void MaskingNarWriter::Masked(std::string_view string) {
  std::string masked(string);
  Remember(NextString(), rewriter_.Rewrite(masked));
  String(masked);
}

void MaskingNarWriter::Remember(uint64_t position, const HashRewriter::Places& places) {
  if (places.size() > kMostPositions - positions_.size()) {
    Fail(EOVERFLOW, "read", "the tree refers to itself more than four million times");
  }
  for (const size_t place : places) positions_.push_back(position + place);
}

}  // namespace airplant
