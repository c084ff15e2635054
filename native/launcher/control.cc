#include "launcher/control.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "launch/platform.h"
#include "spec-message.h"
#include "system-error.h"

namespace airplant {

static void TakeDescriptors(msghdr& message, ReceivedRequest& request);

std::string ReceivedRequest::Payload() const {
  if (header.length > kMaxMessageBytes) throw SystemError(EMSGSIZE, "read-request", {});
  std::string payload(header.length, '\0');
  for (size_t done = 0; done < payload.size();) {
    const ssize_t size =
        pread(descriptors[0].Get(), payload.data() + done, payload.size() - done, static_cast<off_t>(done));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) throw SystemError(size < 0 ? errno : EBADMSG, "read-request", {});
    done += static_cast<size_t>(size);
  }
  return payload;
}

std::optional<ReceivedRequest> Control::Receive() {
  ReceivedRequest request;
  for (size_t done = 0; done < sizeof request.header;) {
    iovec part{reinterpret_cast<char*>(&request.header) + done, sizeof request.header - done};
    alignas(cmsghdr) char ancillary[CMSG_SPACE(kMaxDescriptors * sizeof(int))];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = ancillary;
    message.msg_controllen = sizeof ancillary;
    const ssize_t size = recvmsg(fd_, &message, ReceiveFlags());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return std::nullopt;
    done += static_cast<size_t>(size);
    TakeDescriptors(message, request);
  }
  if (request.header.version != kProtocolVersion) throw ProtocolViolation();
  return request;
}

void Control::Reply(ReplyKind kind, uint64_t run, const std::string& payload) {
  ReplyHeader header;
  header.length = static_cast<uint32_t>(payload.size());
  header.kind = kind;
  header.run = run;
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes += payload;
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t size = send(fd_, bytes.data() + done, bytes.size() - done, SendFlags());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return;  // the end of file that follows is dealt with in one place
    done += static_cast<size_t>(size);
  }
}

static void TakeDescriptors(msghdr& message, ReceivedRequest& request) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      UniqueFd received(fd);
      fcntl(fd, F_SETFD, FD_CLOEXEC);
      if (request.descriptor_count == kMaxDescriptors) throw ProtocolViolation();
      request.descriptors[static_cast<size_t>(request.descriptor_count++)] = std::move(received);
    }
  }
  if (message.msg_flags & MSG_CTRUNC) {
    request.descriptors = {};
    request.descriptor_count = 0;
    request.truncated = true;
  }
}

}  // namespace airplant
