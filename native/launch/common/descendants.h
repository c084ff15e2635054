#pragma once

namespace airplant {

// Makes this process the parent of whatever its descendants leave behind, however they left: a new session or process
// group makes no difference. Only Linux can do that.
void AdoptOrphans();

// Kills all descendants of a process that adopts orphans, and returns when they are gone. What may not be killed, since a
// set-user-id program made it somebody else's, is let go. Without adoption there are only children to kill.
void KillDescendants();

}  // namespace airplant
