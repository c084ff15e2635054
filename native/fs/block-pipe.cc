#include "fs/block-pipe.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <system_error>
#include <utility>

namespace airplant {

// Threads that streams keep busy, of all streams of the process.
static std::atomic<unsigned> busy_threads{0};

static unsigned Processors() {
  static const unsigned processors = std::thread::hardware_concurrency();
  return processors;
}

BlockPipe::BlockPipe(std::function<void(Bytes)> inspect, std::function<void(Bytes)> consume, Consumer consumer)
    : inspect_(std::move(inspect)), consume_(std::move(consume)), consumer_(consumer), data_(Prepare(0)) {
  busy_threads++;
}

BlockPipe::~BlockPipe() {
  Stop();
  busy_threads--;
}

// A block gets its memory when it is first used, and the first one anew when blocks have become larger.
uint8_t* BlockPipe::Prepare(size_t index) {
  Block& block = blocks_[index % kBlocks];
  if (block.capacity < block_size_) {
    block.memory.reset(new uint8_t[kHeadroom + block_size_]);
    block.capacity = block_size_;
  }
  return block.memory.get() + kHeadroom;
}

void BlockPipe::Commit(size_t size) {
  used_ += size;
  if (used_ == block_size_) HandOver();
}

size_t BlockPipe::RoomBeyond(size_t kept) {
  if (RoomSize() == kept) {
    // Only this thread writes to blocks, so the one handed over can still be read; it may be the next one, too.
    const uint8_t* bytes = Room();
    HandOver();
    memmove(Room(), bytes, kept);
  }
  return RoomSize() - kept;
}

void BlockPipe::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t part = std::min(bytes.size(), RoomSize());
    memcpy(Room(), bytes.data(), part);
    bytes.remove_prefix(part);
    Commit(part);
  }
}

void BlockPipe::HandOver() {
  inspect_({data_ - overlap_, overlap_ + used_});
  const uint8_t* end = data_ + used_;
  if (thread_.joinable() || StartThread()) {
    PassOn();
  } else {
    consume_({data_, used_});
    consumed_here_ += used_;
  }
  // Only this thread writes to blocks, so the one just handed over can still be read.
  overlap_ = kOverlap;
  memcpy(data_ - overlap_, end - overlap_, overlap_);
  used_ = 0;
}

bool BlockPipe::StartThread() {
  if (consumer_ == Consumer::on_the_producing_thread || consumed_here_ < kLong || busy_threads >= Processors()) {
    return false;
  }
  busy_threads++;
  try {
    thread_ = std::thread([this] {
      Consume();
      busy_threads--;
    });
  } catch (const std::system_error&) {
    // There may be no more threads: this one does it all.
    busy_threads--;
    return false;
  }
  block_size_ = kLargeBlock;
  return true;
}

// Gives the block to the other thread and waits for one to fill next.
void BlockPipe::PassOn() {
  std::unique_lock lock(mutex_);
  blocks_[produced_ % kBlocks].size = used_;
  produced_++;
  changed_.notify_all();
  changed_.wait(lock, [this] { return error_ || produced_ - consumed_ < kBlocks; });
  if (error_) std::rethrow_exception(error_);
  data_ = Prepare(produced_);
}

void BlockPipe::Finish() {
  if (used_ > 0) inspect_({data_ - overlap_, overlap_ + used_});
  if (!thread_.joinable()) return consume_({data_, used_});
  {
    const std::lock_guard lock(mutex_);
    blocks_[produced_ % kBlocks].size = used_;
    produced_++;
    finished_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (error_) std::rethrow_exception(error_);
}

void BlockPipe::Consume() {
  try {
    for (size_t index = 0;; index++) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return abandoned_ || finished_ || index < produced_; });
        if (abandoned_ || index == produced_) return;
      }
      const Block& block = blocks_[index % kBlocks];
      consume_({block.memory.get() + kHeadroom, block.size});
      const std::lock_guard lock(mutex_);
      consumed_++;
      changed_.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    error_ = std::current_exception();
    changed_.notify_all();
  }
}

// The producer gave up, or has finished.
void BlockPipe::Stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

}  // namespace airplant
