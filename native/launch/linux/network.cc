#include "launch/linux/network.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>

#include "launch/common/failure.h"
#include "unique-fd.h"

namespace airplant {

void BringLoopbackUp() {
  const UniqueFd socket_fd(Check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "loopback-up"));
  ifreq request{};
  strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  Check(ioctl(socket_fd.Get(), SIOCSIFFLAGS, &request), "loopback-up");
}

}  // namespace airplant
