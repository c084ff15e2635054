#pragma once

#include <array>
#include <optional>
#include <string>

#include "launch/protocol.h"
#include "unique-fd.h"

namespace airplant {

struct ReceivedRequest {
  Request header;
  std::array<UniqueFd, kMaxDescriptors> descriptors;
  int descriptor_count = 0;

  // What the first descriptor holds. Throws SystemError.
  std::string Payload() const;
};

// The launcher's end of the control socket. A peer that breaks the protocol, or a socket that fails, ends the launcher: it
// is our own build at the other end, so there is nothing to negotiate.
class Control {
 public:
  explicit Control(int fd) : fd_(fd) {}

  int Get() const { return fd_; }

  // Waits for a whole request; nothing at the end of file.
  std::optional<ReceivedRequest> Receive();

  void Reply(ReplyKind kind, uint64_t run, const std::string& payload = {});

  template <class Payload>
  void Reply(ReplyKind kind, uint64_t run, const Payload& payload) {
    Reply(kind, run, std::string(reinterpret_cast<const char*>(&payload), sizeof payload));
  }

 private:
  int fd_;
};

}  // namespace airplant
