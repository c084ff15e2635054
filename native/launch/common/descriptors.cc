#include "launch/common/descriptors.h"

#include <algorithm>
#include <climits>
#include <vector>

#include "launch/platform.h"

namespace airplant {

void CloseAllExcept(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned next = 0;
  for (const int fd : kept) {
    if (fd < 0) continue;
    const auto keep = static_cast<unsigned>(fd);
    if (keep > next) CloseRange(next, keep - 1);
    next = std::max(next, keep + 1);
  }
  CloseRange(next, INT_MAX);
}

}  // namespace airplant
