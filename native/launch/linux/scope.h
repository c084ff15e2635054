#pragma once

namespace airplant {

// For a sandbox in the host's network namespace, whose abstract sockets it shares: only those made in the sandbox can be
// connected to from now on. Others can still connect to them. Needs no_new_privs; throws SetupFailure.
void ScopeAbstractSockets();

}  // namespace airplant
