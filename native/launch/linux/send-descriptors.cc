#include "launch/linux/send-descriptors.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "launch/platform.h"

namespace airplant {

static constexpr size_t kMost = 4;

int SendDescriptors(int socket, std::initializer_list<int> descriptors) {
  if (descriptors.size() > kMost) {
    errno = EINVAL;
    return -1;
  }
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char ancillary[CMSG_SPACE(kMost * sizeof(int))]{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary;
  message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
  std::copy(descriptors.begin(), descriptors.end(), reinterpret_cast<int*>(CMSG_DATA(rights)));
  return sendmsg(socket, &message, SendFlags()) < 0 ? -1 : 0;
}

bool ReceiveDescriptors(int socket, std::initializer_list<UniqueFd*> descriptors) {
  char byte;
  iovec part{&byte, 1};
  alignas(cmsghdr) char ancillary[CMSG_SPACE(kMost * sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = ancillary;
  message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
  ssize_t size;
  while ((size = recvmsg(socket, &message, ReceiveFlags())) < 0 && errno == EINTR) {
  }
  const cmsghdr* rights = size == 1 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (rights == nullptr || rights->cmsg_len != CMSG_LEN(descriptors.size() * sizeof(int))) return false;
  const auto* numbers = reinterpret_cast<const int*>(CMSG_DATA(rights));
  for (UniqueFd* descriptor : descriptors) descriptor->Reset(*numbers++);
  return true;
}

}  // namespace airplant
