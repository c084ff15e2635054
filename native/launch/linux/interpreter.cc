#include "launch/linux/interpreter.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "unique-fd.h"

namespace airplant {

static std::string InterpreterOf(int file);
template <class Header, class Segment>
static std::string LoaderOf(int file);
static std::string ReadAt(int file, uint64_t offset, size_t size);

// As many as the kernel follows.
static constexpr int kMostInterpreters = 5;
static constexpr size_t kLongestLine = 256;

std::string MissingInterpreter(const std::string& path) {
  std::string program = path;
  for (int i = 0; i < kMostInterpreters; i++) {
    struct stat status{};
    // A FIFO is not waited for: nothing but a regular file is opened.
    if (stat(program.c_str(), &status) != 0) return i == 0 ? "" : program;
    if (!S_ISREG(status.st_mode)) return "";
    const UniqueFd file(open(program.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file) return "";
    program = InterpreterOf(file.Get());
    if (program.empty() || program[0] != '/') return "";
  }
  return "";
}

static std::string InterpreterOf(int file) {
  const std::string head = ReadAt(file, 0, kLongestLine);
  if (head.starts_with("#!")) {
    const size_t begin = head.find_first_not_of(" \t", 2);
    if (begin == std::string::npos) return "";
    return head.substr(begin, head.find_first_of(" \t\r\n", begin) - begin);
  }
  if (head.size() <= EI_DATA || memcmp(head.data(), ELFMAG, SELFMAG) != 0) return "";
  // Programs of this machine have its byte order.
  if (head[EI_CLASS] == ELFCLASS64) return LoaderOf<Elf64_Ehdr, Elf64_Phdr>(file);
  return LoaderOf<Elf32_Ehdr, Elf32_Phdr>(file);
}

template <class Header, class Segment>
static std::string LoaderOf(int file) {
  Header header{};
  const std::string bytes = ReadAt(file, 0, sizeof header);
  if (bytes.size() < sizeof header) return "";
  memcpy(&header, bytes.data(), sizeof header);
  if (header.e_phentsize != sizeof(Segment)) return "";
  const std::string table = ReadAt(file, header.e_phoff, header.e_phnum * sizeof(Segment));
  for (size_t at = 0; at + sizeof(Segment) <= table.size(); at += sizeof(Segment)) {
    Segment segment{};
    memcpy(&segment, table.data() + at, sizeof segment);
    if (segment.p_type != PT_INTERP) continue;
    const std::string name = ReadAt(file, segment.p_offset, std::min<uint64_t>(segment.p_filesz, PATH_MAX));
    return name.substr(0, name.find('\0'));
  }
  return "";
}

static std::string ReadAt(int file, uint64_t offset, size_t size) {
  std::string bytes(size, '\0');
  const ssize_t got = pread(file, bytes.data(), size, static_cast<off_t>(offset));
  bytes.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return bytes;
}

}  // namespace airplant
