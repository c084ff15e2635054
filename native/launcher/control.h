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
  // This process had no room for all descriptors that came; it has none of them.
  bool truncated = false;

  // What the first descriptor holds. Throws SystemError.
  std::string Payload() const;
};

// What came is nothing that our own build sends: there is nothing to negotiate, and nobody knows where the next message
// begins.
struct ProtocolViolation {};

// The launcher's end of the control socket.
class Control {
 public:
  explicit Control(int fd) : fd_(fd) {}

  int Get() const { return fd_; }

  // Waits for a whole request; nothing at the end of file, or when the socket fails. Throws ProtocolViolation.
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
