#ifndef HALFTONE_TESTS_GOLDEN_H_
#define HALFTONE_TESTS_GOLDEN_H_

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "gtest/gtest.h"

namespace halftone {

// Where two texts part: the line's number, and both lines.
inline std::string FirstDifference(const std::string& expected, const std::string& actual) {
  const std::vector<std::string> before = absl::StrSplit(expected, '\n');
  const std::vector<std::string> after = absl::StrSplit(actual, '\n');
  size_t line = 0;
  while (line < before.size() && line < after.size() && before[line] == after[line]) ++line;
  const auto shown = [&](const std::vector<std::string>& lines) {
    return line < lines.size() ? "'" + lines[line] + "'" : "the end";
  };
  return absl::StrCat("line ", line + 1, " was ", shown(before), "\nand is ", shown(after));
}

// The text is that of tests/data/golden/NAME, byte for byte. With HALFTONE_UPDATE_GOLDEN=1 in the
// environment the file becomes the text instead: look at what git says of it before you keep it.
inline void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/golden/", name);
  const char* update = std::getenv("HALFTONE_UPDATE_GOLDEN");
  if (update != nullptr && std::string(update) == "1") {
    const absl::Status written = WriteFileAtomically(path, text);
    ASSERT_TRUE(written.ok()) << written;
    return;
  }
  const absl::StatusOr<std::string> golden = ReadFile(path);
  ASSERT_TRUE(golden.ok()) << golden.status();
  EXPECT_TRUE(*golden == text) << name << ": " << FirstDifference(*golden, text)
                               << "\nIf that is meant, run with HALFTONE_UPDATE_GOLDEN=1.";
}

}  // namespace halftone

#endif  // HALFTONE_TESTS_GOLDEN_H_
