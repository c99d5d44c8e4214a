#ifndef HALFTONE_BASE_HASH_H_
#define HALFTONE_BASE_HASH_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace halftone {

// Streaming SHA-256 (FIPS 180-4), computed by OpenSSL. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(absl::string_view bytes);
  // Length-prefixed, so that ("ab","c") and ("a","bc") differ: for hashes of several fields.
  void UpdateField(absl::string_view bytes);
  void UpdateField(int64_t value);

  // The digest as 64 lower-case hexadecimal digits. May be called once, and nothing after it.
  std::string FinishHex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string Sha256Hex(absl::string_view bytes);

}  // namespace halftone

#endif  // HALFTONE_BASE_HASH_H_
