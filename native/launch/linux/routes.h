#pragma once

#include <string>

#include "unique-fd.h"

namespace airplant {

// The routes of the network namespace this was made in, by netlink (rtnetlink(7)). Throws SetupFailure.
class Routes {
 public:
  Routes();

  // What to poll for new routes.
  int Get() const { return socket_.Get(); }

  // Takes in what has been announced since the last call; true if a default route was among it.
  bool DefaultRouteAdded();

  // Makes the kernel refuse everything to `network` (`address/prefix length`) at once.
  void MakeUnreachable(const std::string& network);

 private:
  UniqueFd socket_;
};

}  // namespace airplant
