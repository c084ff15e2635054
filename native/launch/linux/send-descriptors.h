#pragma once

#include <initializer_list>

#include "unique-fd.h"

namespace airplant {

// Sends a byte with descriptors, up to four, over a socket. -1, with errno, on failure.
int SendDescriptors(int socket, std::initializer_list<int> descriptors);

// Waits for such a message with exactly so many. False if another came, or none before the other end was closed.
bool ReceiveDescriptors(int socket, std::initializer_list<UniqueFd*> descriptors);

}  // namespace airplant
