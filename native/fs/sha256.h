#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace airplant {

// SHA-256 by the OpenSSL that the node binary carries and exports: no dependency, and the CPU's instructions used.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) {
    // Fails only without memory, or where a FIPS-only OpenSSL is misconfigured.
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) Failed();
  }

  void Update(const uint8_t* data, size_t size) {
    if (EVP_DigestUpdate(context_.get(), data, size) != 1) Failed();
  }

  // Lower-case hexadecimal. Ends the computation.
  std::string FinishHex() {
    std::array<uint8_t, 32> digest;
    if (EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) != 1) Failed();
    std::string hex;
    for (const uint8_t byte : digest) {
      hex.push_back("0123456789abcdef"[byte >> 4]);
      hex.push_back("0123456789abcdef"[byte & 15]);
    }
    return hex;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };

  [[noreturn]] static void Failed() { throw std::runtime_error("OpenSSL cannot compute SHA-256"); }

  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace airplant
