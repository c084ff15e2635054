#!/bin/sh
# A pre-build hook for macOS, in the dialect that Nix understands too: builds see Apple's command line tools, where they
# are installed. The first argument is the path of the derivation; where there is a root directory to fill, as on Linux,
# it is the second. To use it:
#
#     pre-build-hook = /path/to/macos.sh
tools=$(xcode-select --print-path 2>/dev/null)
echo extra-sandbox-paths
if [ -d "$tools" ]; then echo "$tools"; fi
echo
