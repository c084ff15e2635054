#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace airplant {

enum class Algorithm { md5, sha1, sha256, sha512 };

// Hashing by the OpenSSL that the node binary carries and exports: no dependency, and the CPU's instructions used.
class Digest {
 public:
  explicit Digest(Algorithm algorithm) : context_(EVP_MD_CTX_new()) {
    // Fails only without memory, or for MD5 where OpenSSL is confined to FIPS.
    if (!context_ || EVP_DigestInit_ex(context_.get(), TypeOf(algorithm), nullptr) != 1) Failed();
  }

  void Update(const uint8_t* data, size_t size) {
    if (EVP_DigestUpdate(context_.get(), data, size) != 1) Failed();
  }

  // Lower-case hexadecimal. Ends the computation.
  std::string FinishHex() {
    std::array<uint8_t, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context_.get(), digest.data(), &size) != 1) Failed();
    std::string hex;
    for (unsigned i = 0; i < size; i++) {
      hex.push_back("0123456789abcdef"[digest[i] >> 4]);
      hex.push_back("0123456789abcdef"[digest[i] & 15]);
    }
    return hex;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };

  static const EVP_MD* TypeOf(Algorithm algorithm) {
    switch (algorithm) {
      case Algorithm::md5:
        return EVP_md5();
      case Algorithm::sha1:
        return EVP_sha1();
      case Algorithm::sha256:
        return EVP_sha256();
      default:
        return EVP_sha512();
    }
  }

  [[noreturn]] static void Failed() { throw std::runtime_error("OpenSSL cannot compute this hash"); }

  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace airplant
