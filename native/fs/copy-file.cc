#include "fs/copy-file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>

#include "fs/syscalls.h"
#include "unique-fd.h"

namespace airplant {

static constexpr size_t kPiece = 8 * 1024 * 1024;  // between two looks at the cancellation
static constexpr size_t kBufferSize = 128 * 1024;

static CopyFailure CopyContent(int from, int to, off_t size, const Cancellation& cancellation);
static CopyFailure CopyRange(int from, int to, off_t length, const Cancellation& cancellation);
static ssize_t CopyThroughBuffer(int from, int to, size_t length);

CopyFailure CopyRegular(FileAt from, FileAt to, const Cancellation& cancellation) {
  const UniqueFd source(openat(from.parent, from.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!source) return {"open", errno};
  struct stat st;
  if (fstat(source.Get(), &st) < 0) return {"fstat", errno};
  if (!S_ISREG(st.st_mode)) return {"fstat", EBUSY};

  const mode_t mode = st.st_mode & S_IXUSR ? 0777 : 0666;
  const UniqueFd target(
      openat(to.parent, to.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!target) return {"open", errno};
  CopyFailure failure;
  try {
    failure = CopyContent(source.Get(), target.Get(), st.st_size, cancellation);
  } catch (...) {
    unlinkat(to.parent, to.name, 0);
    throw;
  }
  if (failure.call != nullptr) unlinkat(to.parent, to.name, 0);
  return failure;
}

CopyFailure CopySymlink(FileAt from, FileAt to) {
  char target[PATH_MAX];
  const ssize_t length = readlinkat(from.parent, from.name, target, sizeof target - 1);
  if (length < 0) return {"readlink", errno};
  target[length] = '\0';
  if (symlinkat(target, to.parent, to.name) < 0) return {"symlink", errno};
  return {};
}

std::string TemporaryName() {
  unsigned char random[16] = {};
  // Cannot fail for so few bytes; and a name that is taken is only an EEXIST.
  if (getentropy(random, sizeof random) < 0) return ".airplant-" + std::to_string(getpid());
  std::string name = ".airplant-";
  for (const unsigned char byte : random) {
    name.push_back("0123456789abcdef"[byte >> 4]);
    name.push_back("0123456789abcdef"[byte & 15]);
  }
  return name;
}

static CopyFailure CopyContent(int from, int to, off_t size, const Cancellation& cancellation) {
  off_t at = 0;
  while (at < size) {
    // ENXIO: no data from here on. A file system that knows no holes calls everything data, or EINVAL.
    const off_t found = lseek(from, at, SEEK_DATA);
    if (found < 0 && errno == ENXIO) break;
    const bool holes_known = found >= 0;
    const off_t start = holes_known ? found : at;
    const off_t stop = holes_known ? lseek(from, start, SEEK_HOLE) : size;
    if (stop < 0) return {"lseek", errno};
    const off_t end = std::min(stop, size);
    if (start >= end) break;
    if (lseek(from, start, SEEK_SET) < 0 || lseek(to, start, SEEK_SET) < 0) return {"lseek", errno};
    const CopyFailure failure = CopyRange(from, to, end - start, cancellation);
    if (failure.call != nullptr) return failure;
    at = end;
  }
  if (ftruncate(to, size) < 0) return {"ftruncate", errno};
  return {};
}

static CopyFailure CopyRange(int from, int to, off_t length, const Cancellation& cancellation) {
  bool in_kernel = true;
  while (length > 0) {
    cancellation.Check();
    const auto piece = static_cast<size_t>(std::min<off_t>(length, kPiece));
    const ssize_t copied = in_kernel ? sys_copy_file_range(from, to, piece) : CopyThroughBuffer(from, to, piece);
    if (copied > 0) {
      length -= copied;
    } else if (copied < 0 && errno == EINTR) {
      continue;
    } else if (in_kernel && (copied == 0 || (errno != ENOSPC && errno != EDQUOT && errno != EIO))) {
      // Missing, forbidden by a filter, or unable between these file systems (some say so by copying nothing).
      in_kernel = false;
    } else if (copied == 0) {
      return {"read", EBUSY};  // shrank meanwhile
    } else {
      return {"copy", errno};
    }
  }
  return {};
}

static ssize_t CopyThroughBuffer(int from, int to, size_t length) {
  const std::unique_ptr<char[]> buffer(new char[kBufferSize]);
  const ssize_t got = read(from, buffer.get(), std::min(length, kBufferSize));
  if (got <= 0) return got;
  for (ssize_t done = 0; done < got;) {
    const ssize_t written = write(to, buffer.get() + done, static_cast<size_t>(got - done));
    if (written < 0 && errno != EINTR) return -1;
    if (written > 0) done += written;
  }
  return got;
}

}  // namespace airplant
