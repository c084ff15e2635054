#pragma once

#include <sys/types.h>

namespace airplant {

// Makes the directory and everything in it, however deep, belong to one user and group, except for files of the effective
// user with several hard links, which may lie elsewhere too: these stay as they are. Goes by descriptors and single names,
// follows no symlink and crosses no mount; modes stay, except that the kernel takes set-id bits away from files. This
// process needs CAP_CHOWN and CAP_DAC_OVERRIDE over all the files. Throws SetupFailure with `step`.
void ChownTree(int directory, uid_t uid, gid_t gid, const char* step);

}  // namespace airplant
