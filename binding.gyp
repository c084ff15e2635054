{
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
        "native/fs/exports.cc",
        "native/fs/lock.cc",
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
