#include "launch/backend.h"
#include "launch/common/execute.h"
#include "launch/common/supervise.h"

namespace airplant {

void RunPlain(const SandboxSpec& spec, const Launch& launch) {
  const auto reach = spec.session == Session::interactive ? KillReach::child : KillReach::group;
  Supervise(launch, reach, [&] {
    PreparePlain(spec);
    Execute(spec, launch);
  });
}

}  // namespace airplant
