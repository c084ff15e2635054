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

// A stream of bytes in large blocks to a consumer on another thread, so that reading overlaps with hashing. Memory is a
// fixed handful of blocks. The thread is started once the stream has turned out to be long and there is a processor that
// no other stream keeps busy: until then the bytes are consumed where they were produced, while the cache still has them.
class BlockPipe {
 public:
  // Bytes before each block that repeat the end of the one before, so that a search sees windows across the border.
  static constexpr size_t kOverlap = 31;

  using Bytes = std::span<const uint8_t>;

  // A consumer that takes less time than a hand-over, or that waits itself, is best called by the `producing` thread.
  enum class Consumer { on_another_thread, on_the_producing_thread };

  // `inspect` sees each block with its overlap on the producing thread; `consume` gets it without, on the other if there
  // is one. What `consume` throws is thrown by a later call of the producer.
  BlockPipe(std::function<void(Bytes)> inspect, std::function<void(Bytes)> consume,
            Consumer consumer = Consumer::on_another_thread);
  ~BlockPipe();

  // Room for at least one byte, to be filled in place and then committed.
  uint8_t* Room() { return data_ + used_; }
  size_t RoomSize() const { return block_size_ - used_; }
  void Commit(size_t size);

  // Room beyond bytes that were put into it and not committed: when there is none, they move on with it.
  size_t RoomBeyond(size_t kept);

  void Write(std::string_view bytes);

  // Hands over the last block and waits until everything is consumed.
  void Finish();

 private:
  static constexpr size_t kBlocks = 4;
  // Of a block that goes to another thread; and of one that does not, which is to stay in the cache of a processor.
  static constexpr size_t kLargeBlock = 256 * 1024;
  static constexpr size_t kSmallBlock = 64 * 1024;
  // A shorter stream is not worth a thread.
  static constexpr uint64_t kLong = 256 * 1024;
  // The overlap is written right before `data`, which starts at a cache line.
  static constexpr size_t kHeadroom = 64;

  struct Block {
    std::unique_ptr<uint8_t[]> memory;
    size_t capacity = 0;
    size_t size = 0;
  };

  uint8_t* Prepare(size_t index);
  void HandOver();
  bool StartThread();
  void PassOn();
  void Consume();
  void Stop();

  const std::function<void(Bytes)> inspect_;
  const std::function<void(Bytes)> consume_;
  const Consumer consumer_;
  Block blocks_[kBlocks];
  size_t block_size_ = kSmallBlock;
  uint8_t* data_;              // of the block being filled
  size_t used_ = 0;            // bytes in it
  size_t overlap_ = 0;         // bytes before it
  uint64_t consumed_here_ = 0;  // bytes consumed on the producing thread

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
