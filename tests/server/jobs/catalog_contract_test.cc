// What Catalog promises, for every implementation.
#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/hash.h"
#include "server/jobs/sourced_store.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;

constexpr absl::Duration kDay = absl::Hours(24);

// A catalog on a directory, as one process would open it. The parts outlive the catalog.
struct OpenCatalog {
  std::shared_ptr<void> parts;
  std::unique_ptr<Catalog> catalog;
};

struct Implementation {
  const char* name;
  std::function<OpenCatalog(const std::string& directory, const Clock* clock)> open;
};

void PrintTo(const Implementation& implementation, std::ostream* out) {
  *out << implementation.name;
}

OpenCatalog OpenSqlite(const std::string& directory, const Clock* clock) {
  struct Parts {
    std::unique_ptr<StateDatabase> database;
    std::unique_ptr<BlobStore> blobs;
  };
  auto parts = std::make_shared<Parts>();
  parts->database = *StateDatabase::Open(directory);
  parts->blobs = *BlobStore::Create(directory + "/blobs");
  OpenCatalog opened;
  opened.catalog =
      std::make_unique<SqliteCatalog>(parts->database.get(), parts->blobs.get(), clock);
  opened.parts = std::move(parts);
  return opened;
}

class CatalogContractTest : public testing::TestWithParam<Implementation> {
 protected:
  CatalogContractTest() : first_(Open()), second_(Open()) {
    for (const std::string& sha256 : {model_, data_, other_}) Upload(sha256);
  }

  OpenCatalog Open() { return GetParam().open(directory_.path(), &clock_); }
  Catalog& first() { return *first_.catalog; }
  Catalog& second() { return *second_.catalog; }

  void Upload(const std::string& sha256) {
    const auto added = first().Add(ContentKind::kDataset, sha256, "name", 4);
    EXPECT_TRUE(added.ok()) << added.status();
  }
  // The record of the only stage output.
  StageRecord OnlyStage() {
    const absl::StatusOr<std::vector<StageRecord>> stages = second().Stages();
    EXPECT_TRUE(stages.ok() && stages->size() == 1) << stages.status();
    return stages.ok() && !stages->empty() ? stages->front() : StageRecord();
  }

  TemporaryDirectory directory_;
  FakeClock clock_;
  const std::string model_ = Sha256Hex("1"), data_ = Sha256Hex("2"), other_ = Sha256Hex("3");
  OpenCatalog first_, second_;
};

TEST_P(CatalogContractTest, AnUploadIsKnownByItsKindAndItsFirstName) {
  const std::string sha256 = Sha256Hex("model");
  const absl::Time added = clock_.Now();
  ASSERT_TRUE(first().Add(ContentKind::kModel, sha256, "a.onnx", 5).ok());
  clock_.Advance(kDay);
  const auto again = second().Add(ContentKind::kModel, sha256, "b.onnx", 5);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->display_name, "a.onnx");
  EXPECT_EQ(again->size_bytes, 5);
  EXPECT_EQ(again->create_time, added);
  const absl::Status other = first().Find(ContentKind::kDataset, sha256).status();
  EXPECT_TRUE(absl::IsNotFound(other)) << other;
  EXPECT_THAT(std::string(other.message()), HasSubstr("datasets/" + sha256));
}

TEST_P(CatalogContractTest, ListsTheNewestFirstInPages) {
  const auto page = second().List(ContentKind::kDataset, 2, "");
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->contents.size(), 2u);
  EXPECT_EQ(page->contents[0].sha256, other_);
  EXPECT_EQ(page->contents[1].sha256, data_);
  const auto rest = second().List(ContentKind::kDataset, 2, page->next_page_token);
  ASSERT_EQ(rest->contents.size(), 1u);
  EXPECT_EQ(rest->contents[0].sha256, model_);
  EXPECT_EQ(rest->next_page_token, "");
  for (const char* of_no_page : {"x", "0", "-1"}) {
    EXPECT_TRUE(
        absl::IsInvalidArgument(first().List(ContentKind::kDataset, 2, of_no_page).status()))
        << of_no_page;
  }
  EXPECT_THAT(first().List(ContentKind::kModel, 2, "")->contents, IsEmpty());
}

TEST_P(CatalogContractTest, AnUploadGoesOnlyIfItWasNotUsedSince) {
  const absl::Time uploaded = clock_.Now();
  const auto remove = [&](absl::Time since) {
    return *first().RemoveUnused(ContentKind::kDataset, data_, since);
  };
  EXPECT_FALSE(remove(uploaded));
  clock_.Advance(kDay);
  ASSERT_TRUE(second().Find(ContentKind::kDataset, data_).ok());
  EXPECT_FALSE(remove(clock_.Now()));
  clock_.Advance(kDay);
  Upload(data_);
  EXPECT_FALSE(remove(clock_.Now()));
  clock_.Advance(kDay);
  ASSERT_TRUE(second().List(ContentKind::kDataset, 10, "").ok());
  EXPECT_FALSE(*first().RemoveUnused(ContentKind::kModel, data_, clock_.Now()));
  EXPECT_TRUE(remove(clock_.Now()));
  EXPECT_TRUE(absl::IsNotFound(second().Find(ContentKind::kDataset, data_).status()));
  EXPECT_FALSE(remove(clock_.Now()));
}

TEST_P(CatalogContractTest, AStagesOutputIsFoundByItsStageAndKey) {
  ASSERT_TRUE(first().StoreStage(Stage::kImport, "key", "old").ok());
  ASSERT_TRUE(first().StoreStage(Stage::kImport, "key", "new").ok());
  EXPECT_EQ(*second().LoadStage(Stage::kImport, "key"), "new");
  EXPECT_TRUE(absl::IsNotFound(second().LoadStage(Stage::kSolve, "key").status()));
  EXPECT_TRUE(absl::IsNotFound(second().LoadStage(Stage::kImport, "yek").status()));
  const StageRecord record = OnlyStage();
  EXPECT_EQ(record.stage, Stage::kImport);
  EXPECT_EQ(record.key, "key");
  EXPECT_EQ(record.sha256, Sha256Hex("new"));
  EXPECT_EQ(record.sources, std::nullopt);
}

TEST_P(CatalogContractTest, AStagesOutputGoesOnlyIfItWasNotUsedSince) {
  ASSERT_TRUE(first().StoreStage(Stage::kImport, "key", "bytes").ok());
  const auto remove = [&](absl::Time since) {
    return *first().RemoveUnusedStage(Stage::kImport, "key", since);
  };
  EXPECT_FALSE(remove(clock_.Now()));
  clock_.Advance(kDay);
  ASSERT_TRUE(second().LoadStage(Stage::kImport, "key").ok());
  EXPECT_EQ(OnlyStage().use_time, clock_.Now());
  EXPECT_FALSE(remove(clock_.Now()));
  clock_.Advance(kDay);
  EXPECT_FALSE(*first().RemoveUnusedStage(Stage::kSolve, "key", clock_.Now()));
  EXPECT_TRUE(remove(clock_.Now()));
  EXPECT_TRUE(absl::IsNotFound(second().LoadStage(Stage::kImport, "key").status()));
}

TEST_P(CatalogContractTest, AnOutputDependsOnWhatAllHaveInCommonWhoComeToItsKey) {
  ASSERT_TRUE(first().StoreDerived(Stage::kImport, "key", "bytes", {model_, data_}).ok());
  Sources sorted = {model_, data_};
  std::sort(sorted.begin(), sorted.end());
  EXPECT_THAT(OnlyStage().sources, Optional(sorted));
  ASSERT_TRUE(second().LoadStage(Stage::kImport, "key").ok());
  ASSERT_TRUE(second().StoreStage(Stage::kImport, "key", "bytes").ok());
  EXPECT_THAT(OnlyStage().sources, Optional(sorted));
  ASSERT_TRUE(second().LoadDerived(Stage::kImport, "key", {other_, model_}).ok());
  EXPECT_THAT(OnlyStage().sources, Optional(ElementsAre(model_)));
  ASSERT_TRUE(second().StoreDerived(Stage::kImport, "key", "bytes", {data_}).ok());
  EXPECT_THAT(OnlyStage().sources, Optional(IsEmpty()));
}

TEST_P(CatalogContractTest, SourcesThatAreNotKnownBecomeKnown) {
  ASSERT_TRUE(first().StoreStage(Stage::kImport, "key", "bytes").ok());
  SourcedStore store(&second(), {model_});
  ASSERT_TRUE(store.LoadStage(Stage::kImport, "key").ok());
  EXPECT_THAT(OnlyStage().sources, Optional(ElementsAre(model_)));
}

TEST_P(CatalogContractTest, NothingIsStoredThatComesFromWhatWasDeleted) {
  clock_.Advance(kDay);
  ASSERT_TRUE(*second().RemoveUnused(ContentKind::kDataset, data_, clock_.Now()));
  SourcedStore store(&first(), {model_, data_});
  const absl::Status refused = store.StoreStage(Stage::kImport, "key", "bytes");
  EXPECT_TRUE(absl::IsNotFound(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr(data_));
  EXPECT_THAT(*first().Stages(), IsEmpty());
}

TEST_P(CatalogContractTest, AllIsThereAfterARestart) {
  const std::string blob = *first().StoreBlob("artifact");
  ASSERT_TRUE(first().StoreDerived(Stage::kImport, "key", "bytes", {model_}).ok());
  first_ = Open();
  EXPECT_EQ(*first().LoadBlob(blob), "artifact");
  EXPECT_EQ(*first().LoadStage(Stage::kImport, "key"), "bytes");
  EXPECT_TRUE(first().Find(ContentKind::kDataset, data_).ok());
}

INSTANTIATE_TEST_SUITE_P(Catalogs, CatalogContractTest,
                         testing::Values(Implementation{"Sqlite", OpenSqlite}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace halftone
