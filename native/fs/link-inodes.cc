#include "fs/link-inodes.h"

#include <fcntl.h>

#include <cerrno>

#include "fs/directory-reader.h"
#include "system-error.h"
#include "unique-fd.h"

namespace airplant {

void LoadLinkInodes(const std::string& path, LinkInodes& inodes) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && errno == ENOENT) return;
  DirectoryReader reader;
  if (!fd || !reader.Open(fd.Get())) throw SystemError(errno, "open", path);
  DirectoryEntry entry;
  int result;
  while ((result = reader.Next(&entry)) > 0) inodes.Add(entry.inode);
  if (result < 0) throw SystemError(errno, "readdir", path);
}

}  // namespace airplant
