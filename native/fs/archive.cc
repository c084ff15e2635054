#include "fs/archive.h"

#include "fs/block-pipe.h"
#include "fs/canonicalise.h"
#include "fs/digest.h"
#include "fs/location.h"
#include "fs/masking-nar-writer.h"
#include "fs/output.h"
#include "fs/reference-scanner.h"
#include "fs/tree-rewriter.h"

namespace airplant {

namespace {

// Hashes and scans an archive while it is written to `pipe`. Reading and scanning together take less time than hashing,
// so two threads keep the hash busy, where two processors are to be had.
struct Hashing {
  explicit Hashing(const HashOptions& options)
      : hash(options.algorithm),
        scanner(options.candidates),
        pipe(
            [this](BlockPipe::Bytes block) {
              if (scanner.Wanted()) scanner.Scan(block.data(), block.size());
            },
            [this](BlockPipe::Bytes block) { hash.Update(block.data(), block.size()); }) {}

  TreeHash Finish(uint64_t nar_size) { return {hash.FinishHex(), nar_size, scanner.Found()}; }

  Digest hash;
  ReferenceScanner scanner;
  BlockPipe pipe;
};

}  // namespace

TreeHash HashTree(const std::string& path, const HashOptions& options, const Cancellation& cancellation) {
  const Location root = Locate(path);
  Hashing hashing(options);
  if (options.modulo.empty()) {
    NarWriter writer(hashing.pipe, cancellation, options.case_hack, options.most_nar_size);
    return hashing.Finish(writer.Write(root));
  }
  const HashRewriter mask(MaskingNarWriter::Mask(options.modulo));
  MaskingNarWriter writer(mask, hashing.pipe, cancellation, options.case_hack, options.most_nar_size);
  const uint64_t size = writer.Write(root);
  writer.AddPositions(hashing.hash);
  return hashing.Finish(size);
}

RewrittenTree RewriteTree(const std::string& path, const HashRewriter::Pairs& rewrites, const HashOptions& options,
                          const Cancellation& cancellation) {
  const Location root = Locate(path);
  const HashRewriter rewriter(rewrites);
  Hashing hashing(options);
  TreeRewriter writer(rewriter, hashing.pipe, cancellation, options.case_hack, options.most_nar_size);
  const uint64_t size = writer.Write(root);
  if (writer.Replaced() > 0) CanonicaliseTree(root, cancellation);
  return {hashing.Finish(size), writer.Replaced()};
}

uint64_t DumpTree(const std::string& path, int fd, bool case_hack, const Cancellation& cancellation) {
  const Location root = Locate(path);
  Output output(fd, cancellation);
  // The kernel reads ahead, and a pipe holds what its reader has not come to: a thread of our own would only add to that.
  BlockPipe pipe([](BlockPipe::Bytes) {}, [&](BlockPipe::Bytes block) { output.Write(block.data(), block.size()); },
                 BlockPipe::Consumer::on_the_producing_thread);
  return NarWriter(pipe, cancellation, case_hack).Write(root);
}

}  // namespace airplant
