#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>

namespace airplant {

// A stream of bytes in large blocks from this thread to a consumer on another, so that reading overlaps with hashing
// or writing. Memory is a fixed handful of blocks. The second thread is started with the second block: a small tree
// pays for none.
class BlockPipe {
 public:
  // Bytes before each block that repeat the end of the one before, so that a search sees windows across the border.
  static constexpr size_t kOverlap = 31;
  static constexpr size_t kBlockSize = 256 * 1024;

  using Bytes = std::span<const uint8_t>;

  // `inspect` sees each block with its overlap on the producing thread; `consume` gets it without on the other.
  // What `consume` throws is thrown by the next call of the producer.
  BlockPipe(std::function<void(Bytes)> inspect, std::function<void(Bytes)> consume);
  ~BlockPipe();

  // Room for at least one byte, to be filled in place and then committed.
  uint8_t* Room() { return data_ + used_; }
  size_t RoomSize() const { return kBlockSize - used_; }
  void Commit(size_t size);

  // Room beyond bytes that were put into it and not committed: when there is none, they move on with it.
  size_t RoomBeyond(size_t kept);

  void Write(std::string_view bytes);

  // Hands over the last block and waits until everything is consumed.
  void Finish();

 private:
  static constexpr size_t kBlocks = 4;
  // The overlap is written right before `data`, which starts at a cache line.
  static constexpr size_t kHeadroom = 64;

  struct Block {
    std::unique_ptr<uint8_t[]> memory;
    size_t size = 0;
  };

  uint8_t* Prepare(size_t index);
  void HandOver();
  void Consume();
  void Stop();

  const std::function<void(Bytes)> inspect_;
  const std::function<void(Bytes)> consume_;
  Block blocks_[kBlocks];
  uint8_t* data_;        // of the block being filled
  size_t used_ = 0;      // bytes in it
  size_t overlap_ = 0;   // bytes before it

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_: blocks handed over and consumed since the start, and how it ended.
  size_t produced_ = 0;
  size_t consumed_ = 0;
  bool finished_ = false;
  bool abandoned_ = false;
  std::exception_ptr error_;
};

}  // namespace airplant
