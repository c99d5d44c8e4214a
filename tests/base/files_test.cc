#include "base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "tests/temporary_directory.h"

namespace halftone {
namespace {

class FilesTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  const TemporaryDirectory directory_;
  const std::string folder_ = directory_.path();
};

TEST_F(FilesTest, ReadsBackWhatWasWritten) {
  const std::string content("a\0b\n", 4);
  ASSERT_TRUE(WriteFileAtomically(Path("file"), content).ok());
  EXPECT_EQ(*ReadFile(Path("file")), content);
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "new").ok());
  EXPECT_EQ(*ReadFile(Path("file")), "new");
}

TEST_F(FilesTest, LeavesNoTemporaryFileBehind) {
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "content").ok());
  ASSERT_EQ(::mkdir(Path("folder").c_str(), 0755), 0);
  EXPECT_FALSE(WriteFileAtomically(Path("folder"), "content").ok());
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder_)) ++entries;
  EXPECT_EQ(entries, 2);
}

TEST_F(FilesTest, ErrorsNameThePath) {
  const auto missing = ReadFile(Path("missing"));
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), testing::HasSubstr(Path("missing")));
  EXPECT_EQ(ReadFile(folder_).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(FilesTest, RefusesAFileOverTheLimit) {
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "12345").ok());
  EXPECT_EQ(ReadFile(Path("file"), 4).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(ReadFile(Path("file"), 5).ok());
}

TEST(ErrnoToStatus, TellsAFullDisk) {
  EXPECT_EQ(ErrnoToStatus(ENOSPC, "cannot write", "x").code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace halftone
