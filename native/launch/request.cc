#include "launch/request.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "launch/platform.h"
#include "launch/protocol.h"
#include "spec-message.h"
#include "system-error.h"

namespace airplant {

static void Send(int control, Request request, const std::vector<int>& descriptors);

void SendLaunch(int control, uint64_t run, const std::string& spec, const std::vector<int>& stdio) {
  if (spec.size() > kMaxMessageBytes) throw SystemError(EMSGSIZE, "sendmsg", {});
  // The spec travels as a file, so that a large one cannot fill the socket while the launcher is busy.
  const UniqueFd file = MakeAnonymousFile(spec);
  std::vector<int> descriptors{file.Get()};
  descriptors.insert(descriptors.end(), stdio.begin(), stdio.end());
  Send(control, {kProtocolVersion, RequestKind::launch, run, spec.size()}, descriptors);
}

void SendGuard(int control, uint64_t guard, const std::string& path) {
  const UniqueFd file = MakeAnonymousFile(path);
  Send(control, {kProtocolVersion, RequestKind::guard, guard, path.size()}, {file.Get()});
}

void SendUnguard(int control, uint64_t guard) {
  Send(control, {kProtocolVersion, RequestKind::unguard, guard, 0}, {});
}

void SendKill(int control, uint64_t run) { Send(control, {kProtocolVersion, RequestKind::kill, run, 0}, {}); }

void SendTerminate(int control, uint64_t run) {
  Send(control, {kProtocolVersion, RequestKind::terminate, run, 0}, {});
}

static void Send(int control, Request request, const std::vector<int>& descriptors) {
  iovec part{&request, sizeof request};
  alignas(cmsghdr) char ancillary[CMSG_SPACE(kMaxDescriptors * sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const size_t size = descriptors.size() * sizeof(int);
    message.msg_control = ancillary;
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(rights), descriptors.data(), size);
  }
  ssize_t sent;
  do {
    sent = sendmsg(control, &message, SendFlags() | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  // A message this short goes as a whole or not at all.
  if (sent != sizeof request) throw SystemError(sent < 0 ? errno : EMSGSIZE, "sendmsg", {});
}

}  // namespace airplant
