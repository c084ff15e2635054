/**
 * True for what programs look for and do without: they go on whether it is there or not. It says nothing of why a build
 * failed unless the builder itself complains of it.
 */
export function isNoise(path: string): boolean {
  return patterns.some((pattern) => pattern.test(path));
}

const patterns: readonly RegExp[] = [
  // Loaders and C libraries.
  /^\/etc\/ld[.-]/,
  /\/glibc-hwcaps(\/|$)/,
  /\/(tls|haswell|x86_64|avx512_1)\/[^/]*\.so[^/]*$/,
  /\/(gconv|locale|locales|i18n|zoneinfo)(\/|$)/,
  /\/locale-archive$/,
  /\.mo$/,
  /^\/etc\/(localtime|nsswitch\.conf|host\.conf|gai\.conf|malloc\.conf|suid-debug|default\/.*|selinux(\/.*)?|system-fips)$/,
  /^unix:\/(var\/)?run\/nscd\/socket$/,
  /\/nscd\/(socket|nscd\.pid)$/,
  /^\/proc\/(sys|self|thread-self|\d+|cpuinfo|meminfo|stat|mounts|filesystems|version|cgroups)(\/|$)/,
  /^\/sys\/(fs\/cgroup|fs\/selinux|kernel\/mm|devices\/system)(\/|$)/,
  // Terminals, shells and other programs of every build.
  /\/(terminfo|termcap)(\/|$)/,
  /^\/etc\/(termcap|inputrc|profile|bashrc|bash\.bashrc|busybox\.conf|manpath\.config|gitconfig|DIR_COLORS)$/,
  /\/\.(inputrc|terminfo|bashrc|bash_profile|profile|gitconfig|config\/git\/config|netrc|curlrc|wgetrc|pythonrc|npmrc|hgrc)(\/.*)?$/,
  /\/(openssl\.cnf|ssl\/certs|pki\/tls)(\/|$)/,
  /\/(pyvenv\.cfg|python\d*\.zip|sitecustomize|usercustomize|__pycache__|pybuilddir\.txt)/,
  /\/sitecustomize\.p[lm]$/,
  /^\/dev\/(tty|console|urandom|pts(\/.*)?)$/,
];
