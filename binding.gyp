{
  "variables": {
    "platform": "<!(node -p process.platform)"
  },
  "target_defaults": {
    "cflags_cc": ["-std=c++20", "-Wall", "-Wextra", "-Wno-unused-parameter", "-fno-strict-aliasing"],
    "cflags_cc!": ["-std=gnu++17", "-fno-rtti"],
    "defines": ["_FILE_OFFSET_BITS=64"],
    "include_dirs": ["native"],
    "xcode_settings": {
      "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
      "MACOSX_DEPLOYMENT_TARGET": "11.0",
      "OTHER_CFLAGS": ["-Wall", "-Wextra"]
    }
  },
  "targets": [
    {
      "target_name": "airplant",
      "sources": [
        "native/addon.cc",
        "native/js/background.cc",
        "native/js/errors.cc",
        "native/js/text.cc",
        "native/fs/archive.cc",
        "native/fs/block-pipe.cc",
        "native/fs/canonicalise.cc",
        "native/fs/copy-file.cc",
        "native/fs/copy-tree.cc",
        "native/fs/create-at.cc",
        "native/fs/exports.cc",
        "native/fs/location.cc",
        "native/fs/lock.cc",
        "native/fs/move-tree.cc",
        "native/fs/nar-writer.cc",
        "native/fs/open-directory.cc",
        "native/fs/output.cc",
        "native/fs/reference-scanner.cc",
        "native/fs/remove-tree.cc",
        "native/fs/tree-walk.cc",
        "native/fs/<(platform)/attributes.cc",
        "native/fs/<(platform)/directory-reader.cc",
        "native/fs/<(platform)/syscalls.cc",
        "native/launch/exports.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=9", "NAPI_CPP_EXCEPTIONS"],
      "cflags_cc!": ["-fno-exceptions"],
      "cflags!": ["-fno-exceptions"],
      "xcode_settings": { "GCC_ENABLE_CPP_EXCEPTIONS": "YES" }
    },
    {
      "target_name": "airplant-launcher",
      "type": "executable",
      "sources": ["native/launcher/main.cc"],
      "cflags_cc!": ["-fno-exceptions"],
      "cflags!": ["-fno-exceptions"]
    }
  ]
}
