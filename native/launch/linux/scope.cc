#include "launch/linux/scope.h"

#include "launch/common/failure.h"
#include "launch/linux/syscalls.h"

namespace airplant {

void ScopeAbstractSockets() { Check(sys_landlock_scope_abstract_sockets(), "scope-abstract-sockets"); }

}  // namespace airplant
