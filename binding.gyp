{
  "variables": {
    "platform": "<!(node -p process.platform)",
    # 1: with the address and undefined behaviour sanitisers, for tests (AIRPLANT_SANITIZE of native/build.mjs).
    "sanitize%": 0
  },
  "target_defaults": {
    "cflags_cc": ["-std=c++20", "-Wall", "-Wextra", "-Wno-unused-parameter", "-fno-strict-aliasing"],
    "cflags_cc!": ["-std=gnu++17", "-fno-rtti"],
    "defines": ["_FILE_OFFSET_BITS=64"],
    "include_dirs": ["native"],
    "conditions": [
      [
        "sanitize==1",
        {
          "cflags": ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g"],
          "ldflags": ["-fsanitize=address,undefined"]
        }
      ]
    ],
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
        "native/js/read-spec.cc",
        "native/js/text.cc",
        "native/fs/archive.cc",
        "native/fs/block-pipe.cc",
        "native/fs/canonicalise.cc",
        "native/fs/copy-file.cc",
        "native/fs/copy-tree.cc",
        "native/fs/create-at.cc",
        "native/fs/exports.cc",
        "native/fs/file-hash.cc",
        "native/fs/hash-arguments.cc",
        "native/fs/hash-part-index.cc",
        "native/fs/hash-rewriter.cc",
        "native/fs/link-inodes.cc",
        "native/fs/link-trees.cc",
        "native/fs/location.cc",
        "native/fs/lock.cc",
        "native/fs/masking-nar-writer.cc",
        "native/fs/move-tree.cc",
        "native/fs/nar-writer.cc",
        "native/fs/open-directory.cc",
        "native/fs/output.cc",
        "native/fs/reference-scanner.cc",
        "native/fs/remove-tree.cc",
        "native/fs/rewriting-nar-writer.cc",
        "native/fs/special-files.cc",
        "native/fs/tree-rewriter.cc",
        "native/fs/tree-walk.cc",
        "native/fs/<(platform)/attributes.cc",
        "native/fs/<(platform)/directory-reader.cc",
        "native/fs/<(platform)/syscalls.cc",
        "native/launch/exports.cc",
        "native/launch/pty.cc",
        "native/launch/request.cc",
        "native/launch/start-launcher.cc",
        "native/spec-message.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      # The last: an exception while the worker thread that called us is being terminated is nobody's any more.
      "defines": ["NAPI_VERSION=9", "NAPI_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags_cc!": ["-fno-exceptions"],
      "cflags!": ["-fno-exceptions"],
      "xcode_settings": { "GCC_ENABLE_CPP_EXCEPTIONS": "YES" },
      "conditions": [
        [
          "OS=='linux'",
          { "sources": ["native/launch/linux/platform.cc", "native/launch/linux/syscalls.cc"] }
        ],
        ["OS=='mac'", { "sources": ["native/launch/darwin/platform.cc"] }]
      ]
    },
    {
      "target_name": "airplant-launcher",
      "type": "executable",
      "sources": [
        "native/builtin/attributes.cc",
        "native/builtin/buildenv.cc",
        "native/builtin/files.cc",
        "native/builtin/link-farm.cc",
        "native/builtin/run-builtin.cc",
        "native/builtin/unpack-channel.cc",
        "native/launcher/control.cc",
        "native/launcher/main.cc",
        "native/launcher/run.cc",
        "native/launcher/sandbox-process.cc",
        "native/launcher/server.cc",
        "native/launch/common/descriptors.cc",
        "native/launch/common/execute.cc",
        "native/launch/common/records.cc",
        "native/launch/common/supervise.cc",
        "native/launch/fallback/plain.cc",
        "native/launch/<(platform)/descendants.cc",
        "native/fs/location.cc",
        "native/fs/open-directory.cc",
        "native/fs/remove-tree.cc",
        "native/fs/<(platform)/directory-reader.cc",
        "native/fs/<(platform)/syscalls.cc",
        "native/spec-message.cc"
      ],
      "cflags_cc!": ["-fno-exceptions"],
      "cflags!": ["-fno-exceptions"],
      "xcode_settings": { "GCC_ENABLE_CPP_EXCEPTIONS": "YES" },
      "conditions": [
        [
          "OS=='linux'",
          {
            "sources": [
              "native/launch/linux/bind.cc",
              "native/launch/linux/builder-files.cc",
              "native/launch/linux/chown-tree.cc",
              "native/launch/linux/control-group.cc",
              "native/launch/linux/entries.cc",
              "native/launch/linux/interpreter.cc",
              "native/launch/linux/isolated.cc",
              "native/launch/linux/map-writer.cc",
              "native/launch/linux/mount-table.cc",
              "native/launch/linux/namespaces.cc",
              "native/launch/linux/network-helper.cc",
              "native/launch/linux/network.cc",
              "native/launch/linux/observer.cc",
              "native/launch/linux/open-resolved.cc",
              "native/launch/linux/outlived-mounts.cc",
              "native/launch/linux/path-calls.cc",
              "native/launch/linux/platform.cc",
              "native/launch/linux/privileges.cc",
              "native/launch/linux/proc.cc",
              "native/launch/linux/process-one.cc",
              "native/launch/linux/restrict.cc",
              "native/launch/linux/reversed-copy.cc",
              "native/launch/linux/root.cc",
              "native/launch/linux/routes.cc",
              "native/launch/linux/scope.cc",
              "native/launch/linux/seccomp-program.cc",
              "native/launch/linux/seccomp-rules.cc",
              "native/launch/linux/seccomp.cc",
              "native/launch/linux/send-descriptors.cc",
              "native/launch/linux/syscalls.cc",
              "native/launch/linux/target-tree.cc",
              "native/launch/linux/unsealed.cc"
            ],
            "conditions": [["sanitize==0", { "ldflags": ["<!@(node native/link-flags.mjs)"] }]]
          }
        ],
        [
          "OS=='mac'",
          { "sources": ["native/launch/darwin/isolated.cc", "native/launch/darwin/platform.cc"] }
        ]
      ]
    },
    {
      # Preloaded into the programs of a build that is checked (native/clock): without a C library, and without sanitisers.
      "target_name": "airplant-clock",
      "conditions": [
        [
          "OS=='linux' and (target_arch=='x64' or target_arch=='arm64')",
          {
            "type": "loadable_module",
            "sources": ["native/clock/later-clock.c"],
            "cflags!": ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],
            "cflags": ["-std=gnu11", "-Wall", "-Wextra", "-ffreestanding", "-fno-stack-protector"],
            "ldflags!": ["-fsanitize=address,undefined", "-rdynamic"],
            "ldflags": ["-nostdlib"],
            "libraries": []
          },
          { "type": "none" }
        ]
      ]
    },
    {
      # The same with a clock that is right.
      "target_name": "airplant-still-clock",
      "conditions": [
        [
          "OS=='linux' and (target_arch=='x64' or target_arch=='arm64')",
          {
            "type": "loadable_module",
            "sources": ["native/clock/later-clock.c"],
            "defines": ["AIRPLANT_STILL_CLOCK"],
            "cflags!": ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],
            "cflags": ["-std=gnu11", "-Wall", "-Wextra", "-ffreestanding", "-fno-stack-protector"],
            "ldflags!": ["-fsanitize=address,undefined", "-rdynamic"],
            "ldflags": ["-nostdlib"],
            "libraries": []
          },
          { "type": "none" }
        ]
      ]
    }
  ]
}
