#pragma once

namespace airplant {

// Answers requests on the control socket (launch/protocol.h) until it is closed. Descriptors 0, 1 and 2 are /dev/null.
[[noreturn]] void Serve(int control);

}  // namespace airplant
