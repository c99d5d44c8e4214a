#ifndef HALFTONE_TESTS_TEMPORARY_DIRECTORY_H_
#define HALFTONE_TESTS_TEMPORARY_DIRECTORY_H_

#include <cstdlib>
#include <filesystem>
#include <string>

#include "gtest/gtest.h"

namespace halftone {

// A directory that goes with the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string path = testing::TempDir() + "/halftone.XXXXXX";
    path_ = ::mkdtemp(path.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_TEMPORARY_DIRECTORY_H_
