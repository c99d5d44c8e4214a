#include "client/result_copies.h"

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/temporary_directory.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class ResultCopiesTest : public testing::Test {
 protected:
  // A file as the artifacts of a job are.
  std::string AddFile(const std::string& folder) {
    std::filesystem::create_directories(folder);
    const std::string path = folder + "/report.html";
    EXPECT_TRUE(WriteFileAtomically(path, "private").ok());
    return path;
  }

  const TemporaryDirectory directory_;
  const std::string state_ = directory_.path();
};

TEST_F(ResultCopiesTest, GoWithTheirJobAndLeaveOthers) {
  const ResultCopies copies(state_);
  const std::string gone = AddFile(copies.FolderOf("jobs/a1"));
  const std::string kept = AddFile(copies.FolderOf("jobs/b7"));
  const auto removed = copies.Remove({"models/aa", "jobs/a1", "jobs/never-copied"});
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_THAT(*removed, ElementsAre(state_ + "/results/a1"));
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(gone).parent_path()));
  EXPECT_TRUE(std::filesystem::exists(kept));
}

TEST_F(ResultCopiesTest, NoNameLeadsElsewhere) {
  const ResultCopies copies(state_);
  const std::string beside = AddFile(state_ + "/blobs");
  const std::string within = AddFile(copies.FolderOf("jobs/a1"));
  const auto removed =
      copies.Remove({"jobs/..", "jobs/.", "jobs/", "", "a1", "jobs/../blobs", "jobs/a1/..",
                     absl::StrCat("jobs/", state_, "/blobs"), "jobs/A1"});
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_THAT(*removed, IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(beside));
  EXPECT_TRUE(std::filesystem::exists(within));
}

TEST_F(ResultCopiesTest, ALinkIsNotFollowed) {
  const std::string elsewhere = AddFile(state_ + "/mine");
  std::filesystem::create_directories(state_ + "/results");
  std::filesystem::create_directory_symlink(state_ + "/mine", state_ + "/results/a1");
  const ResultCopies copies(state_);
  EXPECT_THAT(copies.OwnJobs(), IsEmpty());
  EXPECT_TRUE(copies.Remove({"jobs/a1"}).ok());
  EXPECT_TRUE(std::filesystem::exists(elsewhere));
}

TEST_F(ResultCopiesTest, TellsOwnJobsFromThoseOfServers) {
  const ResultCopies copies(state_);
  EXPECT_THAT(copies.OwnJobs(), IsEmpty());
  EXPECT_TRUE(copies.NoteSource("jobs/a1", "host:1").ok()) << "nothing to note";
  for (const char* job : {"jobs/a1", "jobs/b7", "jobs/c3"}) AddFile(copies.FolderOf(job));
  AddFile(state_ + "/results/Notes of mine");
  EXPECT_TRUE(copies.NoteSource("jobs/a1", "host:1").ok());
  EXPECT_TRUE(copies.NoteSource("jobs/b7", "").ok());
  EXPECT_THAT(copies.OwnJobs(), UnorderedElementsAre("jobs/b7", "jobs/c3"));
  EXPECT_TRUE(copies.NoteSource("jobs/a1", "").ok());
  EXPECT_THAT(copies.OwnJobs(), UnorderedElementsAre("jobs/a1", "jobs/b7", "jobs/c3"));
  EXPECT_TRUE(copies.NoteSource("jobs/a1", "host:1").ok());
  EXPECT_THAT(*copies.Remove({"jobs/a1"}), ElementsAre(state_ + "/results/a1"))
      << "whoever's it is, it goes when its job is said to go";
}

}  // namespace
}  // namespace halftone
