#pragma once

namespace airplant {

// Brings up the loopback interface of a new network namespace; the kernel gives it 127.0.0.1 and ::1.
void BringLoopbackUp();

}  // namespace airplant
