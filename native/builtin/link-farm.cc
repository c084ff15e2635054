#include "builtin/link-farm.h"

#include <sys/stat.h>

#include <cstdio>

#include "builtin/attributes.h"
#include "builtin/files.h"

namespace airplant {

static bool IsLeftOut(const std::string& path);

void LinkFarm::Add(const std::string& source, const std::string& target, int priority) {
  const auto names = ListDirectory(source);
  if (!names) {
    fprintf(stderr, "warning: not including '%s' in the user environment because it's not a directory\n",
            source.c_str());
    return;
  }
  for (const std::string& name : *names) {
    if (name[0] != '.') AddEntry(source + "/" + name, target + "/" + name, priority);
  }
}

void LinkFarm::AddEntry(const std::string& source, const std::string& target, int priority) {
  struct stat found{};
  if (stat(source.c_str(), &found) != 0) {
    if (errno != ENOENT && errno != ENOTDIR) throw SystemFailure("getting status of", source);
    fprintf(stderr, "warning: skipping dangling symlink '%s'\n", target.c_str());
  } else if (IsLeftOut(source)) {
    return;
  } else if (S_ISDIR(found.st_mode)) {
    AddDirectory(source, target, priority);
  } else {
    AddFile(source, target, priority);
  }
}

void LinkFarm::AddDirectory(const std::string& source, const std::string& target, int priority) {
  const auto there = TypeIfThere(target);
  if (!there) return Link(source, target, priority);
  if (*there == S_IFDIR) return Add(source, target, priority);

  // So far it was in one package only, and a symlink to it did.
  const std::string other = RealPath(target);
  if (TypeIfThere(other) != S_IFDIR) {
    throw BuiltinFailure("collision between '" + source + "' and non-directory '" + other + "'");
  }
  RemoveFile(target);
  MakeDirectory(target);
  Add(other, target, priorities_[target]);
  Add(source, target, priority);
}

void LinkFarm::AddFile(const std::string& source, const std::string& target, int priority) {
  const auto there = TypeIfThere(target);
  if (!there) return Link(source, target, priority);
  if (*there == S_IFDIR) {
    throw BuiltinFailure("collision between non-directory '" + source + "' and directory '" + target + "'");
  }
  const int previous = priorities_[target];
  if (previous == priority) {
    // As Nix words it: people search for it.
    throw BuiltinFailure("packages '" + source + "' and '" + ReadSymlink(target) + "' have the same priority " +
                         std::to_string(priority) +
                         "; use 'nix-env --set-flag priority NUMBER INSTALLED_PKGNAME' to change the priority of one of "
                         "the conflicting packages (0 being the highest priority)");
  }
  if (previous < priority) return;
  RemoveFile(target);
  Link(source, target, priority);
}

void LinkFarm::Link(const std::string& source, const std::string& target, int priority) {
  MakeSymlink(source, target);
  priorities_[target] = priority;
}

// What many packages have and no profile needs, as Nix leaves it out.
static bool IsLeftOut(const std::string& path) {
  for (const std::string end : {"/propagated-build-inputs", "/nix-support", "/perllocal.pod", "/info/dir", "/log",
                                "/manifest.nix", "/manifest.json"}) {
    if (path.size() >= end.size() && path.compare(path.size() - end.size(), end.size(), end) == 0) return true;
  }
  return false;
}

}  // namespace airplant
