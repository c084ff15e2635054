#pragma once

namespace airplant {

enum class LockMode { shared, exclusive };

// flock(2) without waiting; false when somebody else holds it. Throws SystemError.
bool TryLock(int fd, LockMode mode);

void Unlock(int fd);

}  // namespace airplant
