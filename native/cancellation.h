#pragma once

#include <atomic>
#include <cerrno>

#include "system-error.h"

namespace airplant {

// Set when nobody wants the result any more; long work looks at it after every few buffers and at every file.
class Cancellation {
 public:
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool Cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  void Check() const {
    if (Cancelled()) throw SystemError(ECANCELED, "cancel", {});
  }

 private:
  std::atomic<bool> cancelled_{false};
};

}  // namespace airplant
