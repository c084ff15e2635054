#include "launch/platform.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "launch/linux/syscalls.h"
#include "spec.h"
#include "system-error.h"

namespace airplant {

static bool CloseListed(unsigned first, unsigned last);

FdPair MakeSocketPair() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) throw SystemError(errno, "socketpair", {});
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

FdPair MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) throw SystemError(errno, "pipe2", {});
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

UniqueFd MakeAnonymousFile(const std::string& bytes) {
  UniqueFd file(memfd_create("airplant-request", MFD_CLOEXEC));
  if (!file) throw SystemError(errno, "memfd_create", {});
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t written = pwrite(file.Get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw SystemError(errno, "pwrite", {});
    done += static_cast<size_t>(written);
  }
  return file;
}

// By the master's descriptor rather than by a name, which another process's /dev could give another meaning; kernels
// before 4.13 only know names.
UniqueFd OpenPtySlave(int master) {
  UniqueFd slave(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (slave) return slave;
  char name[64];
  if (ptsname_r(master, name, sizeof name) != 0) throw SystemError(errno, "ptsname", {});
  slave = UniqueFd(open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave) throw SystemError(errno, "open", name);
  return slave;
}

void CloseRange(unsigned first, unsigned last) {
  if (first > last || sys_close_range(first, last) == 0) return;
  if (CloseListed(first, last)) return;
  const long limit = sysconf(_SC_OPEN_MAX);
  for (unsigned fd = first; fd <= last && static_cast<long>(fd) < limit; fd++) close(static_cast<int>(fd));
}

static constexpr size_t kWordBits = 8 * sizeof(unsigned long);
static constexpr size_t kProcessorMaskSize = kMostProcessors / kWordBits;

// The kernel leaves out what does not exist or is not allowed. Where it refuses altogether, a builder is slower, not
// another.
void UseAllProcessors() {
  unsigned long mask[kProcessorMaskSize];
  memset(mask, 0xff, sizeof mask);
  sched_setaffinity(0, sizeof mask, reinterpret_cast<cpu_set_t*>(mask));
}

bool UseOnlyProcessors(const std::vector<uint32_t>& numbers) {
  unsigned long mask[kProcessorMaskSize] = {};
  for (const uint32_t number : numbers) {
    if (number < kMostProcessors) mask[number / kWordBits] |= 1UL << (number % kWordBits);
  }
  return sched_setaffinity(0, sizeof mask, reinterpret_cast<cpu_set_t*>(mask)) == 0;
}

int SendFlags() { return MSG_NOSIGNAL; }
int ReceiveFlags() { return MSG_CMSG_CLOEXEC; }

int LandlockAbi() { return sys_landlock_abi(); }

uint64_t MaxResidentBytes(const rusage& usage) { return static_cast<uint64_t>(usage.ru_maxrss) * 1024; }

// Closes what /proc/self/fd lists, without allocating; false where there is no such directory.
static bool CloseListed(unsigned first, unsigned last) {
  const int directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return false;
  alignas(dirent64) char buffer[4096];
  bool again = true;
  while (again) {
    // Closing while listing may skip entries, so the list is read until a round finds nothing to close.
    again = false;
    lseek(directory, 0, SEEK_SET);
    long size;
    while ((size = syscall(SYS_getdents64, directory, buffer, sizeof buffer)) > 0) {
      for (long at = 0; at < size;) {
        const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
        at += entry->d_reclen;
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
        unsigned fd = 0;
        for (const char* digit = entry->d_name; *digit != '\0'; digit++) {
          fd = fd * 10 + static_cast<unsigned>(*digit - '0');
        }
        if (fd < first || fd > last || fd == static_cast<unsigned>(directory)) continue;
        close(static_cast<int>(fd));
        again = true;
      }
    }
  }
  close(directory);
  return true;
}

}  // namespace airplant
