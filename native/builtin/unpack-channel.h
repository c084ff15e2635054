#pragma once

#include <string>
#include <vector>

#include "builtin/attributes.h"

namespace airplant {

// builtin:unpack-channel: unpacks the archive `src` into the directory `out`; the one file or directory in it is called
// `channelName` there. Attributes: these three. Arguments after the builder's name: the program `tar`, and the directories
// where it finds those that decompress, as PATH has them.
void UnpackChannel(const Attributes& attributes, const std::vector<std::string>& arguments);

}  // namespace airplant
