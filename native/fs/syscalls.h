#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>

// System calls that not every platform or kernel has. As system calls do, they return -1 and set errno; a missing
// one is ENOSYS, so that doing without is ordinary control flow.
namespace airplant {

enum class RenameMode { replace, no_replace, exchange };

int sys_renameat2(int from_dir, const char* from, int to_dir, const char* to, RenameMode mode);

// Opens the directory `name` of `parent` for reading, refusing symlinks, `..` and mount points.
int sys_open_beneath(int parent, const char* name);

// Opens a directory only to look up names in it: needs no read permission where the platform can do that.
int sys_open_search(const char* path);

// Copies inside the kernel from and to the descriptors' positions.
ssize_t sys_copy_file_range(int from, int to, size_t length);

struct timespec ModificationTime(const struct stat& st);
struct timespec ChangeTime(const struct stat& st);

// send(2) on a socket that neither waits nor raises SIGPIPE.
ssize_t sys_send_now(int fd, const void* data, size_t size);

// Opens the pipe behind `fd`, which must be able to write to it, so that writing never waits, whoever else uses `fd`.
int sys_open_unblocked_pipe(int fd);

// Advice: the file will be read once from front to back.
void sys_advise_sequential(int fd);

}  // namespace airplant
