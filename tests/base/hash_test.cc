#include "base/hash.h"

#include <gtest/gtest.h>

#include <string>

namespace halftone {
namespace {

// FIPS 180-4, example and empty message.
TEST(Sha256, MatchesThePublishedDigests) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, StreamingEqualsOneShot) {
  const std::string text(100'000, 'x');
  Sha256 hash;
  for (size_t begin = 0; begin < text.size(); begin += 777) hash.Update(text.substr(begin, 777));
  EXPECT_EQ(hash.FinishHex(), Sha256Hex(text));
}

TEST(Sha256, FieldsDoNotRunTogether) {
  Sha256 first, second;
  first.UpdateField("ab");
  first.UpdateField("c");
  second.UpdateField("a");
  second.UpdateField("bc");
  EXPECT_NE(first.FinishHex(), second.FinishHex());
}

}  // namespace
}  // namespace halftone
