#include "server/jobs/directory_lock.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

using testing::HasSubstr;

TEST(DirectoryLockTest, OneHolderAtATime) {
  TemporaryDirectory directory;
  auto first = DirectoryLock::Acquire(directory.path());
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status second = DirectoryLock::Acquire(directory.path()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(second)) << second;
  EXPECT_THAT(std::string(second.message()), HasSubstr(directory.path()));
  EXPECT_THAT(std::string(second.message()), HasSubstr(absl::StrCat("process ", ::getpid())));
  first->reset();
  EXPECT_TRUE(DirectoryLock::Acquire(directory.path()).ok());
}

TEST(DirectoryLockTest, HoldsWithoutItsFile) {
  TemporaryDirectory directory;
  const auto first = DirectoryLock::Acquire(directory.path());
  ASSERT_TRUE(first.ok()) << first.status();
  std::filesystem::remove(directory.path() + "/lock");
  const absl::Status second = DirectoryLock::Acquire(directory.path()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(second)) << second;
}

TEST(DirectoryLockTest, MakesTheDirectory) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/a/b/c";
  EXPECT_TRUE(DirectoryLock::Acquire(path).ok());
  EXPECT_TRUE(std::filesystem::is_directory(path));
}

TEST(DirectoryLockTest, AFileInTheWayIsNamed) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  std::ofstream(path) << "x";
  const absl::Status status = DirectoryLock::Acquire(path).status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(path));
}

}  // namespace
}  // namespace halftone
