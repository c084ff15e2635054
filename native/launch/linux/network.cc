#include "launch/linux/network.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "launch/common/failure.h"
#include "launch/linux/send-descriptors.h"
#include "unique-fd.h"

namespace airplant {

static constexpr char kStep[] = "unshare-network";

void BringLoopbackUp() {
  const UniqueFd socket_fd(Check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "loopback-up"));
  ifreq request{};
  strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  Check(ioctl(socket_fd.Get(), SIOCSIFFLAGS, &request), "loopback-up");
}

void PrivateNetwork::Make(const Proc& proc) const {
  Check(unshare(CLONE_NEWNET), kStep);
  BringLoopbackUp();
  const UniqueFd network(openat(proc.Get(), "self/ns/net", O_RDONLY | O_CLOEXEC));
  Check(network.Get(), kStep, "/proc/self/ns/net");
  Check(SendDescriptors(sockets_.first.Get(), {network.Get()}), kStep);
}

void PrivateNetwork::Enter() {
  // Only the supervisor's end keeps this from waiting for ever.
  sockets_.first.Reset();
  UniqueFd network;
  if (!ReceiveDescriptors(sockets_.second.Get(), {&network})) _exit(1);
  Check(setns(network.Get(), CLONE_NEWNET), kStep);
}

}  // namespace airplant
