#include "launch/linux/mount-table.h"

#include <sys/mount.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "launch/common/failure.h"

namespace airplant {

static std::string_view NextWord(std::string_view& line, char separator = ' ');
static int ToNumber(std::string_view word);
static std::string Unescape(std::string_view word);
static unsigned long ToFlags(std::string_view options);

std::vector<MountLine> ParseMountTable(std::string_view text) {
  std::vector<MountLine> table;
  while (!text.empty()) {
    std::string_view line = NextWord(text, '\n');
    // id parent major:minor root path options …
    MountLine& mount = table.emplace_back();
    mount.id = ToNumber(NextWord(line));
    mount.parent = ToNumber(NextWord(line));
    NextWord(line);
    NextWord(line);
    mount.path = Unescape(NextWord(line));
    mount.flags = ToFlags(NextWord(line));
  }
  return table;
}

std::vector<MountLine> ReachableSubtree(const std::vector<MountLine>& table, int root) {
  std::multimap<int, const MountLine*> children;
  for (const MountLine& mount : table) children.emplace(mount.parent, &mount);

  std::vector<MountLine> lines;
  std::vector<const MountLine*> waiting;
  for (const MountLine& mount : table) {
    if (mount.id == root) waiting.push_back(&mount);
  }
  while (!waiting.empty()) {
    const MountLine* mount = waiting.back();
    waiting.pop_back();
    const auto [first, last] = children.equal_range(mount->id);
    const auto covers = [&](const auto& child) { return child.second->path == mount->path; };
    const auto cover = std::find_if(first, last, covers);
    if (cover != last) {
      waiting.push_back(cover->second);
      continue;
    }
    lines.push_back(*mount);
    for (auto child = first; child != last; ++child) waiting.push_back(child->second);
  }
  return lines;
}

int MountId(const Proc& proc, int fd, const char* step) {
  const std::string text = proc.Read(("self/fdinfo/" + std::to_string(fd)).c_str(), step);
  constexpr std::string_view kLabel = "mnt_id:";
  const size_t at = text.find(kLabel);
  if (at == std::string::npos) Fail(step, "/proc/self/fdinfo", ENOTSUP);
  const size_t number = text.find_first_not_of(" \t", at + kLabel.size());
  return ToNumber(std::string_view(text).substr(number));
}

static std::string_view NextWord(std::string_view& line, char separator) {
  const size_t end = line.find(separator);
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return word;
}

static int ToNumber(std::string_view word) {
  int number = -1;
  std::from_chars(word.data(), word.data() + word.size(), number);
  return number;
}

// Space, tab, newline and backslash are written as three octal digits.
static std::string Unescape(std::string_view word) {
  std::string path;
  for (size_t i = 0; i < word.size(); i++) {
    if (word[i] == '\\' && i + 3 < word.size()) {
      path.push_back(static_cast<char>((word[i + 1] - '0') << 6 | (word[i + 2] - '0') << 3 | (word[i + 3] - '0')));
      i += 3;
    } else {
      path.push_back(word[i]);
    }
  }
  return path;
}

static unsigned long ToFlags(std::string_view options) {
  constexpr std::pair<std::string_view, unsigned long> kNames[] = {
      {"ro", MS_RDONLY},           {"nosuid", MS_NOSUID},         {"nodev", MS_NODEV},
      {"noexec", MS_NOEXEC},       {"noatime", MS_NOATIME},       {"nodiratime", MS_NODIRATIME},
      {"relatime", MS_RELATIME},   {"nosymfollow", 256 /* MS_NOSYMFOLLOW, Linux 5.10 */},
  };
  unsigned long flags = 0;
  while (!options.empty()) {
    const std::string_view option = NextWord(options, ',');
    for (const auto& [name, flag] : kNames) {
      if (option == name) flags |= flag;
    }
  }
  return flags;
}

}  // namespace airplant
