#pragma once

#include <span>

#include "fs/hash-rewriter.h"
#include "fs/nar-writer.h"

namespace airplant {

// Replaces hash parts in the contents of files while their archive is written. None reaches from one string of an
// archive into the next: before each stands its length, the last bytes of which are zeros.
class RewritingNarWriter : public NarWriter {
 public:
  RewritingNarWriter(const HashRewriter& rewriter, BlockPipe& pipe, const Cancellation& cancellation, bool case_hack,
                     uint64_t limit)
      : NarWriter(pipe, cancellation, case_hack, limit), rewriter_(rewriter) {}

 protected:
  // Bytes of a file, rewritten.
  struct Piece {
    const TreeEntry& entry;
    int fd;
    std::span<const uint8_t> bytes;
    uint64_t offset;    // of the bytes in the file
    uint64_t position;  // and in the archive
    const HashRewriter::Places& places;
  };

  // Called for each piece in which something has been replaced.
  virtual void Rewritten(const Piece& piece) = 0;

  const HashRewriter& rewriter_;

 private:
  void Contents(const TreeEntry& entry, int fd, uint64_t size) override;

  HashRewriter::Places places_;
};

}  // namespace airplant
