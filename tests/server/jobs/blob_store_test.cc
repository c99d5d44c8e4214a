#include "server/jobs/blob_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/time/clock.h"
#include "base/hash.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

int CountFiles(const std::string& directory) {
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    count += entry.is_regular_file();
  }
  return count;
}

class BlobStoreTest : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  std::unique_ptr<BlobStore> store_ = *BlobStore::Create(directory_.path());
};

TEST_F(BlobStoreTest, KeepsContentOnce) {
  const absl::StatusOr<std::string> first = store_->Store("bits");
  const absl::StatusOr<std::string> second = store_->Store("bits");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*first, Sha256Hex("bits"));
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(*store_->Load(*first), "bits");
  EXPECT_EQ(*store_->Size(*first), 4);
  EXPECT_EQ(CountFiles(directory_.path()), 1);
}

TEST_F(BlobStoreTest, ChunksMakeTheSameBlob) {
  std::unique_ptr<BlobWriter> writer = *store_->NewWriter();
  ASSERT_TRUE(writer->Append("bi").ok());
  ASSERT_TRUE(writer->Append("ts").ok());
  EXPECT_EQ(writer->size(), 4);
  EXPECT_EQ(writer->Seal(), Sha256Hex("bits"));
  EXPECT_EQ(*writer->Content(), "bits");
  EXPECT_TRUE(absl::IsNotFound(store_->Size(writer->Seal()).status()));
  ASSERT_TRUE(writer->Commit().ok());
  EXPECT_EQ(*store_->Load(Sha256Hex("bits")), "bits");
}

TEST_F(BlobStoreTest, WriterWithoutCommitLeavesNothing) {
  {
    std::unique_ptr<BlobWriter> writer = *store_->NewWriter();
    ASSERT_TRUE(writer->Append("half").ok());
    EXPECT_EQ(CountFiles(directory_.path()), 1);
  }
  EXPECT_EQ(CountFiles(directory_.path()), 0);
}

TEST_F(BlobStoreTest, RemovesWhatAKilledWriterLeft) {
  std::ofstream(directory_.path() + "/partial/abc") << "half";
  ASSERT_TRUE(store_->RemovePartial().ok());
  EXPECT_EQ(CountFiles(directory_.path()), 0);
}

TEST_F(BlobStoreTest, WhatAKilledCollectionPutAsideIsThereAgain) {
  const std::string sha256 = *store_->Store("bits");
  fs::rename(store_->PathOf(sha256), directory_.path() + "/partial/" + sha256);
  ASSERT_TRUE(store_->RemovePartial().ok());
  EXPECT_EQ(*store_->Load(sha256), "bits");
  EXPECT_TRUE(fs::is_empty(directory_.path() + "/partial"));
}

TEST_F(BlobStoreTest, DamageIsNoticed) {
  const std::string sha256 = *store_->Store("bits");
  std::ofstream(store_->PathOf(sha256)) << "bit";
  const absl::Status status = store_->Load(sha256).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  // Stored again, it is whole again.
  ASSERT_TRUE(store_->Store("bits").ok());
  EXPECT_EQ(*store_->Load(sha256), "bits");
}

TEST_F(BlobStoreTest, DamageOfTheSameSizeIsRememberedUntilItIsStoredAgain) {
  const std::string sha256 = *store_->Store("bits");
  EXPECT_EQ(store_->CheckIntact(sha256), absl::OkStatus());
  std::ofstream(store_->PathOf(sha256)) << "bats";
  // Nobody has read it yet.
  EXPECT_EQ(store_->CheckIntact(sha256), absl::OkStatus());
  EXPECT_TRUE(absl::IsDataLoss(store_->Load(sha256).status()));
  EXPECT_TRUE(absl::IsDataLoss(store_->CheckIntact(sha256)));
  ASSERT_TRUE(store_->Store("bits").ok());
  EXPECT_EQ(store_->CheckIntact(sha256), absl::OkStatus());
  EXPECT_EQ(*store_->Load(sha256), "bits");
  fs::remove(store_->PathOf(sha256));
  EXPECT_TRUE(absl::IsNotFound(store_->CheckIntact(sha256)));
}

TEST_F(BlobStoreTest, StoringHealsDamageThatNobodyHasNoticed) {
  const std::string sha256 = *store_->Store("bits");
  std::ofstream(store_->PathOf(sha256)) << "bats";
  ASSERT_TRUE(store_->Store("bits").ok());
  EXPECT_EQ(*store_->Load(sha256), "bits");
}

TEST_F(BlobStoreTest, ADirectoryIsNoBlob) {
  const std::string sha256 = *store_->Store("bits"), path = store_->PathOf(sha256);
  fs::remove(path);
  fs::create_directory(path);
  for (const absl::Status& status : {store_->Load(sha256).status(), store_->Size(sha256).status(),
                                     store_->Store("bits").status()}) {
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), testing::Not(HasSubstr(directory_.path())));
  }
  EXPECT_EQ(*store_->RemoveUnused(sha256, absl::Now() + absl::Hours(1)), 0);
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(BlobStoreTest, AFileIsNoFolderOfBlobs) {
  const std::string sha256 = *store_->Store("bits");
  std::ofstream(directory_.path() + "/zz") << "no folder";
  EXPECT_THAT(*store_->List(), testing::ElementsAre(sha256));
}

TEST_F(BlobStoreTest, FoldersThatWereTakenAwayAreMadeAnew) {
  fs::remove_all(directory_.path());
  const absl::StatusOr<std::string> sha256 = store_->Store("bits");
  ASSERT_TRUE(sha256.ok()) << sha256.status();
  EXPECT_EQ(*store_->Load(*sha256), "bits");
}

TEST_F(BlobStoreTest, WhatWasTakenAwayIsLostAndNotUnknown) {
  std::unique_ptr<BlobWriter> writer = *store_->NewWriter();
  ASSERT_TRUE(writer->Append("bits").ok());
  fs::remove_all(directory_.path());
  for (const absl::Status& status : {writer->Content().status(), writer->Commit()}) {
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("send it again"));
  }
  fs::remove_all(directory_.path());
  EXPECT_TRUE(absl::IsDataLoss(store_->List().status())) << store_->List().status();
  std::ofstream(directory_.path()) << "no folder";
  for (const absl::Status& status :
       {store_->NewWriter().status(), store_->Store("bits").status(), store_->List().status()}) {
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), testing::Not(HasSubstr(directory_.path())));
  }
}

TEST_F(BlobStoreTest, RefusesNamesThatAreNoHash) {
  EXPECT_TRUE(absl::IsNotFound(store_->Load("../../../etc/passwd").status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Load("").status()));
  EXPECT_TRUE(absl::IsNotFound(store_->Load(Sha256Hex("never stored")).status()));
}

TEST_F(BlobStoreTest, FullDiskIsResourceExhausted) {
  // Every file that the writer creates in a directory without space for it ends the same way; the
  // device shows it without filling a disk.
  TemporaryDirectory full;
  std::unique_ptr<BlobStore> store = *BlobStore::Create(full.path());
  std::unique_ptr<BlobWriter> writer = *store->NewWriter();
  fs::path partial;
  for (const auto& entry : fs::directory_iterator(full.path() + "/partial")) partial = entry.path();
  const int device = ::open("/dev/full", O_WRONLY);
  ASSERT_GE(device, 0);
  // Put the device in the place of the writer's file.
  bool replaced = false;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    if (fs::read_symlink(entry.path(), error) == partial) {
      replaced = ::dup2(device, std::stoi(entry.path().filename().string())) >= 0;
    }
  }
  ::close(device);
  ASSERT_TRUE(replaced);
  const absl::Status status = writer->Append("bits");
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(HasSubstr("No space left"), HasSubstr("halftone gc")));
}

// Has a blob be written so long ago.
void DateBack(const std::string& path, absl::Duration age) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - absl::ToChronoSeconds(age));
}

TEST_F(BlobStoreTest, ListsItsBlobs) {
  const std::string one = *store_->Store("one"), two = *store_->Store("two");
  const auto writer = store_->NewWriter();
  EXPECT_THAT(*store_->List(), testing::UnorderedElementsAre(one, two));
}

TEST_F(BlobStoreTest, RemovesOnlyWhatNobodyStoredSince) {
  const std::string sha256 = *store_->Store("bits");
  const absl::Time an_hour_ago = absl::Now() - absl::Hours(1);
  EXPECT_EQ(*store_->RemoveUnused(sha256, an_hour_ago), 0);
  DateBack(store_->PathOf(sha256), absl::Hours(2));
  // To store it again is a use, though nothing is written.
  ASSERT_TRUE(store_->Store("bits").ok());
  EXPECT_EQ(*store_->RemoveUnused(sha256, an_hour_ago), 0);
  EXPECT_EQ(*store_->Load(sha256), "bits");
  DateBack(store_->PathOf(sha256), absl::Hours(2));
  EXPECT_EQ(*store_->RemoveUnused(sha256, an_hour_ago), 4);
  EXPECT_EQ(CountFiles(directory_.path()), 0);
  EXPECT_EQ(*store_->RemoveUnused(sha256, an_hour_ago), 0);
}

TEST_F(BlobStoreTest, WhatIsToBeKeptIsKeptUntilThen) {
  const std::string sha256 = *store_->Store("bits");
  const absl::Time until = absl::Now() + absl::Hours(24);
  ASSERT_TRUE(store_->KeepUntil(sha256, until).ok());
  EXPECT_EQ(*store_->RemoveUnused(sha256, until - absl::Seconds(1)), 0);
  EXPECT_EQ(*store_->RemoveUnused(sha256, until + absl::Seconds(1)), 4);
  EXPECT_TRUE(absl::IsNotFound(store_->KeepUntil(sha256, until)));
}

}  // namespace
}  // namespace halftone
