#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace airplant {

// A digest by the OpenSSL that the node binary carries and exports: no dependency, and the CPU's instructions used.
class Digest {
 public:
  // `algorithm` as OpenSSL names it: md5, sha1, sha256, sha512.
  explicit Digest(const std::string& algorithm) : context_(EVP_MD_CTX_new()) {
    const EVP_MD* method = EVP_get_digestbyname(algorithm.c_str());
    // Fails only without memory, or where the OpenSSL at hand does not do the algorithm (a FIPS build and md5).
    if (!context_ || !method || EVP_DigestInit_ex(context_.get(), method, nullptr) != 1) Failed();
  }

  void Update(const uint8_t* data, size_t size) {
    if (EVP_DigestUpdate(context_.get(), data, size) != 1) Failed();
  }

  // Lower-case hexadecimal. Ends the computation.
  std::string FinishHex() {
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context_.get(), digest, &size) != 1) Failed();
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

  [[noreturn]] static void Failed() { throw std::runtime_error("OpenSSL cannot compute this hash"); }

  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace airplant
