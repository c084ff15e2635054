#pragma once

#include <initializer_list>

namespace airplant {

// Sends a byte with descriptors, up to four, over a socket. -1, with errno, on failure.
int SendDescriptors(int socket, std::initializer_list<int> descriptors);

}  // namespace airplant
