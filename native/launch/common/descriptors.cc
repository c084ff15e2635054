#include "launch/common/descriptors.h"

#include <algorithm>
#include <climits>
#include <vector>

#include "launch/platform.h"

namespace airplant {

void CloseAllExcept(std::initializer_list<int> kept) {
  std::vector<int> sorted(kept);
  std::sort(sorted.begin(), sorted.end());
  unsigned next = 0;
  for (const int fd : sorted) {
    if (fd < 0) continue;
    const auto keep = static_cast<unsigned>(fd);
    if (keep > next) CloseRange(next, keep - 1);
    next = std::max(next, keep + 1);
  }
  CloseRange(next, INT_MAX);
}

}  // namespace airplant
