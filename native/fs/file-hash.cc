#include "fs/file-hash.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "fs/digest.h"
#include "fs/nar-text.h"
#include "fs/syscalls.h"
#include "unique-fd.h"

namespace airplant {

namespace {

constexpr size_t kBufferSize = 128 * 1024;

// A file longer than this is worth telling the kernel about.
constexpr off_t kLargeFile = 1024 * 1024;

void Update(Digest& digest, std::string_view bytes) {
  digest.Update(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

void Pad(Digest& digest, uint64_t length) { Update(digest, std::string_view("\0\0\0\0\0\0\0", (8 - length % 8) % 8)); }

// The least significant five bits come last (ts/formats/nixbase32.ts).
std::string Base32(const std::string& hex) {
  const auto nibble = [](char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; };
  uint8_t bytes[32];
  for (int i = 0; i < 32; i++) bytes[i] = static_cast<uint8_t>(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
  std::string text;
  for (int digit = 51; digit >= 0; digit--) {
    const int bit = digit * 5, byte = bit / 8, shift = bit % 8;
    unsigned value = bytes[byte] >> shift;
    if (byte + 1 < 32) value |= static_cast<unsigned>(bytes[byte + 1]) << (8 - shift);
    text.push_back("0123456789abcdfghijklmnpqrsvwxyz"[value & 31]);
  }
  return text;
}

const char* UpdateContents(Digest& digest, int fd, off_t size, const Cancellation& cancellation) {
  static thread_local std::unique_ptr<uint8_t[]> buffer(new uint8_t[kBufferSize]);
  if (size > kLargeFile) sys_advise_sequential(fd);
  for (off_t left = size; left > 0;) {
    ssize_t got;
    do got = read(fd, buffer.get(), std::min<uint64_t>(kBufferSize, static_cast<uint64_t>(left)));
    while (got < 0 && errno == EINTR);
    if (got < 0) return "read";
    if (got == 0) {
      errno = EBUSY;
      return "read";
    }
    digest.Update(buffer.get(), static_cast<size_t>(got));
    left -= got;
    if (left > 0) cancellation.Check();
  }
  return nullptr;
}

}  // namespace

FileHash HashFile(int parent, const char* name, const struct stat& st, const Cancellation& cancellation) {
  Digest digest("sha256");
  Update(digest, kMagic);
  if (S_ISLNK(st.st_mode)) {
    char target[PATH_MAX];
    const ssize_t length = readlinkat(parent, name, target, sizeof target);
    if (length < 0) return {{}, "readlink"};
    Update(digest, kSymlink);
    Update(digest, Encode({{target, static_cast<size_t>(length)}}));
  } else {
    const UniqueFd fd(openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd) return {{}, "open"};
    Update(digest, st.st_mode & S_IXUSR ? kExecutable : kRegular);
    std::string length;
    AppendLength(length, static_cast<uint64_t>(st.st_size));
    Update(digest, length);
    if (const char* failure = UpdateContents(digest, fd.Get(), st.st_size, cancellation)) return {{}, failure};
    struct stat after;
    if (fstat(fd.Get(), &after) < 0) return {{}, "fstat"};
    if (after.st_size != st.st_size || after.st_ino != st.st_ino) {
      errno = EBUSY;
      return {{}, "fstat"};
    }
    Pad(digest, static_cast<uint64_t>(st.st_size));
  }
  Update(digest, kClose);
  return {Base32(digest.FinishHex()), nullptr};
}

}  // namespace airplant
