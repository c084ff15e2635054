#include <sys/personality.h>

#include "launch/backend.h"
#include "launch/common/failure.h"
#include "launch/linux/control-group.h"
#include "launch/linux/privileges.h"

namespace airplant {

void PreparePlain(const SandboxSpec& spec) {
  EnterControlGroup(OpenControlGroup(spec.control_group), spec.control_group);
  if (spec.session != Session::sealed) return;
  RefuseNewPrivileges();
  Check(personality(spec.personality), "personality");
}

}  // namespace airplant
