#include "fs/tree-walk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace airplant {

int TreeVisitor::OpenDirectory(const TreeEntry& entry) {
  return openat(entry.parent, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void TreeVisitor::Fail(int error, const char* syscall, const char* detail) const {
  throw SystemError(error, syscall, walk_->CurrentPath(), detail);
}

std::string TreeVisitor::PathOf() const { return walk_->CurrentPath(); }

TreeWalk::TreeWalk(TreeVisitor& visitor, const Cancellation& cancellation)
    : visitor_(visitor), cancellation_(cancellation), frames_(kMaxDepth) {
  visitor.walk_ = this;
}

void TreeWalk::Run(const Location& root) {
  root_ = &root;
  Visit({root.parent.Get(), root.name.c_str(), 0}, FileType::unknown);
  while (depth_ > 0) {
    Frame& frame = frames_[depth_ - 1];
    if (frame.next < frame.items.size()) {
      const Item& item = frame.items[frame.next];
      const size_t before = depth_;
      Visit({frame.fd.Get(), frame.names.c_str() + item.name, depth_}, item.type);
      // A directory stays the current item of its parent until it is left.
      if (depth_ == before) frame.next++;
    } else {
      leaving_ = true;
      visitor_.LeaveDirectory(EntryOf(depth_ - 1), frame.fd.Get());
      leaving_ = false;
      frame.fd.Reset();
      if (--depth_ > 0) frames_[depth_ - 1].next++;
    }
  }
}

void TreeWalk::Visit(const TreeEntry& entry, FileType type) {
  cancellation_.Check();
  if (entry.depth >= kMaxDepth) visitor_.Fail(ENAMETOOLONG, "lstat", "more than 64 files inside one another");
  if (type == FileType::unknown) {
    struct stat st;
    if (fstatat(entry.parent, entry.name, &st, AT_SYMLINK_NOFOLLOW) < 0) visitor_.Fail(errno, "lstat");
    type = FileTypeOf(st.st_mode);
  }
  switch (type) {
    case FileType::regular:
      return visitor_.Regular(entry);
    case FileType::symlink:
      return visitor_.Symlink(entry);
    case FileType::directory:
      return Descend(entry);
    default:
      visitor_.Fail(kUnsupportedFileType, "lstat", "neither a regular file nor a directory nor a symlink");
  }
}

void TreeWalk::Descend(const TreeEntry& entry) {
  Frame& frame = frames_[depth_];
  frame.fd.Reset(visitor_.OpenDirectory(entry));
  if (!frame.fd) visitor_.Fail(errno, "open");
  visitor_.EnterDirectory(entry, frame.fd.Get());
  List(frame);
  depth_++;
}

void TreeWalk::List(Frame& frame) {
  frame.names.clear();
  frame.items.clear();
  frame.next = 0;
  if (!reader_.Open(frame.fd.Get())) visitor_.Fail(errno, "lseek");
  DirectoryEntry entry;
  int result;
  while ((result = reader_.Next(&entry)) > 0) {
    cancellation_.Check();
    if (visitor_.Passes(entry.inode)) continue;
    const size_t length = strlen(entry.name);
    if (length > kMaxName) visitor_.Fail(ENAMETOOLONG, "readdir", "a name in it is longer than 255 bytes");
    frame.items.push_back({frame.names.size(), visitor_.NameOf({entry.name, length}).size(), entry.type});
    frame.names.append(entry.name, length + 1);
  }
  if (result < 0) visitor_.Fail(errno, "readdir");
  const auto name_of = [names = frame.names.data()](const Item& item) {
    return std::string_view(names + item.name, item.length);
  };
  std::sort(frame.items.begin(), frame.items.end(),
            [&](const Item& a, const Item& b) { return name_of(a) < name_of(b); });
  const auto twice = std::adjacent_find(frame.items.begin(), frame.items.end(),
                                        [&](const Item& a, const Item& b) { return name_of(a) == name_of(b); });
  if (twice != frame.items.end()) visitor_.Fail(EEXIST, "readdir", "two names in it stand for the same one");
}

TreeEntry TreeWalk::EntryOf(size_t depth) const {
  if (depth == 0) return {root_->parent.Get(), root_->name.c_str(), 0};
  const Frame& frame = frames_[depth - 1];
  return {frame.fd.Get(), frame.names.c_str() + frame.items[frame.next].name, depth};
}

std::string TreeWalk::CurrentPath() const {
  std::string path = root_->path;
  const size_t components = leaving_ ? depth_ - 1 : depth_;
  for (size_t depth = 1; depth <= components; depth++) path += std::string("/") + EntryOf(depth).name;
  return path;
}

}  // namespace airplant
