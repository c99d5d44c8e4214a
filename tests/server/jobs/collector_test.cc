#include "server/jobs/collector.h"

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/hash.h"
#include "server/jobs/collection_schedule.h"
#include "server/jobs/sourced_store.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr absl::Duration kDay = absl::Hours(24);

// A job's spec is, in these tests, the sha256 of its uploads with spaces between.
class CollectorTest : public StateFixture {
 protected:
  CollectorTest() {
    // Files know no other time than the machine's.
    clock.Jump(absl::Now() - clock.Now());
  }

  Collector MakeCollector(Retention retention = {}) {
    return Collector(
        {jobs.get(), catalog.get(), &costs_, blobs.get(), &clock},
        [](const JobRecord& job, const std::string& spec) {
          return JobReferences{Sha256sIn(spec), {Sha256Hex("told " + job.id)}};
        },
        retention);
  }
  Removal Collect(const Retention& retention) {
    Collector collector = MakeCollector();
    const absl::StatusOr<Removal> removal = collector.Collect(retention);
    EXPECT_TRUE(removal.ok()) << removal.status();
    return removal.value_or(Removal());
  }
  // All that is out of use for an hour.
  static Retention Nothing() {
    constexpr Keep kNothing = {absl::ZeroDuration(), 0};
    return {kNothing, kNothing, kNothing, kNothing};
  }
  static Retention All() { return {Keep(), Keep(), Keep(), Keep()}; }

  std::string Upload(const std::string& bytes, ContentKind kind = ContentKind::kModel) {
    const std::string sha256 = *blobs->Store(bytes);
    EXPECT_TRUE(catalog->Add(kind, sha256, "", static_cast<int64_t>(bytes.size())).ok());
    return sha256;
  }
  // Queues, claims and ends a job.
  std::string RunJob(const Sources& uploads, const std::string& result,
                     const std::map<std::string, std::string>& artifacts = {}) {
    const std::string id = CreateJob(absl::StrJoin(uploads, " "));
    EXPECT_EQ(Claim(), id);
    JobOutcome outcome;
    outcome.result_sha256 = *blobs->Store(result);
    for (const auto& [name, bytes] : artifacts) {
      outcome.artifacts[name] = {*blobs->Store(bytes), static_cast<int64_t>(bytes.size())};
    }
    EXPECT_TRUE(jobs->Succeed(claim, outcome).ok());
    return id;
  }
  bool HasBlob(const std::string& bytes) { return blobs->Size(Sha256Hex(bytes)).ok(); }
  bool HasJob(const std::string& id) { return jobs->Get(id).ok(); }
  bool HasStage(const std::string& key) {
    const std::vector<StageRecord> stages = *catalog->Stages();
    return std::any_of(stages.begin(), stages.end(),
                       [&](const StageRecord& record) { return record.key == key; });
  }

  SqliteCostCache costs_{database.get(), &clock};
};

TEST_F(CollectorTest, KeepsAllThatIsWithinItsAge) {
  const std::string model = Upload("model");
  const std::string id = RunJob({}, "result");
  ASSERT_TRUE(catalog->StoreStage(Stage::kSolve, "key", "output").ok());
  ASSERT_TRUE(costs_.Store("kernel", "12 ns").ok());
  Retention retention = All();
  retention.jobs.age = retention.uploads.age = retention.stages.age = retention.costs.age =
      2 * kDay;
  clock.Advance(2 * kDay - absl::Seconds(1));
  const Removal nothing = Collect(retention);
  EXPECT_EQ(nothing.bytes, 0);
  EXPECT_EQ(nothing.recently_used, 0) << "it is within its age";
  EXPECT_TRUE(HasJob(id) && HasBlob("model") && HasBlob("result") && HasStage("key"));
  EXPECT_TRUE(costs_.Load("kernel").ok());  // noted as a use
  clock.Advance(absl::Seconds(1));
  const Removal removal = Collect(retention);
  EXPECT_THAT(removal.names, UnorderedElementsAre("jobs/" + id, "models/" + model));
  EXPECT_EQ(removal.stage_outputs, 1);
  EXPECT_EQ(removal.blobs, 3);
  EXPECT_EQ(removal.bytes, 5 + 6 + 6);
  EXPECT_TRUE(costs_.Load("kernel").ok());
  clock.Advance(2 * kDay);
  EXPECT_EQ(Collect(retention).measured_costs, 1);
  EXPECT_TRUE(absl::IsNotFound(costs_.Load("kernel").status()));
  EXPECT_THAT(*blobs->List(), IsEmpty());
}

// Of two models that have a file in common.
TEST_F(CollectorTest, KeepsTheFilesOfModels) {
  const auto upload = [&](const std::string& own) {
    return Upload("a.bin 6 " + *blobs->Store("shared") + "\nnet.onnx 3 " + *blobs->Store(own) +
                  "\n");
  };
  const std::string first = upload("one"), second = upload("two");
  ASSERT_TRUE(blobs->Store("stray").ok());
  clock.Advance(2 * kDay);
  EXPECT_EQ(Collect(All()).blobs, 1) << "the stray one";
  EXPECT_TRUE(HasBlob("one") && HasBlob("two") && HasBlob("shared"));
  Collector collector = MakeCollector();
  const auto removal = collector.Forget(ContentKind::kModel, first);
  ASSERT_TRUE(removal.ok()) << removal.status();
  EXPECT_EQ(removal->blobs, 2) << "its own and the list of its files";
  EXPECT_FALSE(HasBlob("one"));
  EXPECT_TRUE(HasBlob("two") && HasBlob("shared"));
  EXPECT_THAT(Collect(Nothing()).names, ElementsAre("models/" + second));
  EXPECT_THAT(*blobs->List(), IsEmpty());
}

TEST_F(CollectorTest, SkipsWhatIsNoFile) {
  const std::string id = RunJob({}, "result");
  ASSERT_TRUE(catalog->StoreStage(Stage::kExport, "key", "output").ok());
  Upload("model");
  for (const char* bytes : {"result", "output", "stray"}) {
    const std::string path = blobs->PathOf(Sha256Hex(bytes));
    std::filesystem::remove(path);
    std::filesystem::create_directories(path);
  }
  clock.Advance(2 * kDay);
  EXPECT_EQ(Collect(All()).blobs, 0);
  EXPECT_EQ(Collect(Nothing()).blobs, 1);
  EXPECT_FALSE(HasJob(id) || HasStage("key") || HasBlob("model"));
}

TEST_F(CollectorTest, OfTooManyBytesTheLongestOutOfUseGo) {
  std::vector<std::string> ids, models;
  for (const char* digit : {"1", "2", "3"}) {
    models.push_back(Upload(std::string(100, *digit)));
    ids.push_back(RunJob({}, std::string(30, *digit), {{"a", std::string(70, *digit) + "a"}}));
    ASSERT_TRUE(catalog->StoreStage(Stage::kSolve, digit, std::string(99, *digit)).ok());
    ASSERT_TRUE(costs_.Store(digit, std::string(99, *digit)).ok());
    clock.Advance(2 * kDay);
  }
  ASSERT_TRUE(catalog->Find(ContentKind::kModel, models[0]).ok());
  ASSERT_TRUE(catalog->LoadStage(Stage::kSolve, "1").ok());
  ASSERT_TRUE(costs_.Load("1").ok());
  clock.Advance(2 * kDay);
  Retention retention = All();
  retention.jobs.bytes = 203;
  retention.uploads.bytes = retention.stages.bytes = retention.costs.bytes = 200;
  const Removal removal = Collect(retention);
  EXPECT_THAT(removal.names, UnorderedElementsAre("jobs/" + ids[0], "models/" + models[1]));
  EXPECT_TRUE(HasStage("1") && !HasStage("2") && HasStage("3"));
  EXPECT_TRUE(costs_.Load("1").ok() && !costs_.Load("2").ok() && costs_.Load("3").ok());
  EXPECT_EQ(removal.bytes, 101 + 100 + 99 + 100);
}

TEST_F(CollectorTest, AKeptJobKeepsWhatItsResultNames) {
  const std::string model = Upload("model"), other = Upload("other");
  ASSERT_TRUE(catalog->StoreDerived(Stage::kProfile, Sha256Hex("costs"), "costs", {model}).ok());
  ASSERT_TRUE(catalog->StoreDerived(Stage::kImport, Sha256Hex("key"), "network", {model}).ok());
  ASSERT_TRUE(catalog->StoreStage(Stage::kSolve, "unneeded", "solution").ok());
  const std::string id =
      RunJob({model},
             absl::StrCat(R"({"tables":{"costs":{"sha256":")", Sha256Hex("costs"),
                          R"("},"network":{"key":")", Sha256Hex("key"), R"("}}})"),
             {{"report.html", "report"}});
  ASSERT_TRUE(
      catalog->StoreDerived(Stage::kRefine, Sha256Hex("told " + id) + "/0", "told", {model}).ok());
  clock.Advance(400 * kDay);
  Retention retention = Nothing();
  retention.jobs = Keep();
  const Removal removal = Collect(retention);
  EXPECT_THAT(removal.names, ElementsAre("models/" + other));
  EXPECT_EQ(removal.stage_outputs, 1);
  for (const char* bytes : {"model", "costs", "network", "report", "told"}) {
    EXPECT_TRUE(HasBlob(bytes)) << bytes;
  }
  EXPECT_FALSE(HasBlob("solution") || HasBlob("other"));
  EXPECT_TRUE(HasStage(Sha256Hex("key")));
  EXPECT_THAT(Collect(Nothing()).names, UnorderedElementsAre("jobs/" + id, "models/" + model));
  EXPECT_THAT(*blobs->List(), IsEmpty());
  EXPECT_THAT(*catalog->Stages(), IsEmpty());
}

TEST_F(CollectorTest, WhatALiveJobNeedsStays) {
  const std::string model = Upload("model"), data = Upload("data", ContentKind::kDataset);
  ASSERT_TRUE(catalog->StoreStage(Stage::kImport, "reused", "network").ok());
  ASSERT_TRUE(catalog->StoreStage(Stage::kImport, "other", "of another").ok());
  clock.Advance(2 * kDay);
  const std::string running = CreateJob(model), queued = CreateJob(data);
  ASSERT_EQ(Claim(), running);
  ASSERT_TRUE(catalog->LoadStage(Stage::kImport, "reused").ok());
  ASSERT_TRUE(catalog->StoreStage(Stage::kSensitivity, "made", "sensitivities").ok());
  const std::string artifact = *catalog->StoreBlob("artifact");
  clock.Advance(400 * kDay);
  // Also while the job waits to be taken up again.
  for (const char* state : {"running", "interrupted"}) {
    const Removal removal = Collect(Nothing());
    EXPECT_THAT(removal.names, IsEmpty()) << state;
    for (const char* bytes : {"model", "data", "network", "sensitivities"}) {
      EXPECT_TRUE(HasBlob(bytes)) << state << ", " << bytes;
    }
    EXPECT_FALSE(HasStage("other"));
    ASSERT_TRUE(jobs->RecoverInterrupted().ok());
  }
  ASSERT_TRUE(jobs->RequestCancel(running).ok());
  ASSERT_TRUE(jobs->RequestCancel(queued).ok());
  clock.Advance(kDay);
  EXPECT_EQ(Collect(Nothing()).names.size(), 4u);
  EXPECT_THAT(*blobs->List(), IsEmpty());
}

TEST_F(CollectorTest, AnUploadUnderWayStays) {
  const auto writer = blobs->NewWriter();
  ASSERT_TRUE((*writer)->Append("model").ok());
  clock.Advance(absl::Minutes(59));
  Collect(Nothing());
  ASSERT_TRUE((*writer)->Commit().ok());
  // It has its name, and the catalog does not know it yet.
  EXPECT_EQ(Collect(Nothing()).blobs, 0);
  ASSERT_TRUE(catalog->Add(ContentKind::kModel, Sha256Hex("model"), "", 5).ok());
  // No job names it yet.
  clock.Advance(absl::Minutes(59));
  Removal removal = Collect(Nothing());
  EXPECT_THAT(removal.names, IsEmpty());
  EXPECT_EQ(removal.recently_used, 1);
  EXPECT_TRUE(HasBlob("model"));
  clock.Advance(absl::Minutes(2));
  removal = Collect(Nothing());
  EXPECT_EQ(removal.names.size(), 1u);
  EXPECT_EQ(removal.recently_used, 0);
}

TEST_F(CollectorTest, AnExportThatIsKeptKeepsItsArtifacts) {
  const std::string artifact = *catalog->StoreBlob("artifact");
  const std::string list = absl::StrCat(R"({"quantized.onnx":")", artifact, R"("})");
  ASSERT_TRUE(catalog->StoreStage(Stage::kExport, "key", list).ok());
  clock.Advance(2 * kDay);
  EXPECT_EQ(Collect(All()).blobs, 0);
  EXPECT_EQ(Collect(Nothing()).blobs, 2);
}

TEST_F(CollectorTest, ForgetsAnUploadWithAllThatWasMadeFromIt) {
  const std::string secret = Upload("secret"), model = Upload("model");
  const std::string data = Upload("data", ContentKind::kDataset);
  const std::string gone = RunJob({secret, data}, "secret result", {{"a", "secret artifact"}});
  const std::string kept = RunJob({model, data}, absl::StrCat("'", Sha256Hex("of old"), "'"));
  SourcedStore of_secret(catalog.get(), {secret, data}), of_model(catalog.get(), {model, data});
  ASSERT_TRUE(of_secret.StoreStage(Stage::kImport, "secret", "secret network").ok());
  ASSERT_TRUE(of_secret.StoreStage(Stage::kProfile, "both", "offer").ok());
  ASSERT_TRUE(of_model.LoadStage(Stage::kProfile, "both").ok());
  ASSERT_TRUE(of_model.StoreStage(Stage::kImport, "model", "network").ok());
  // Stored by an earlier version, which noted no sources.
  ASSERT_TRUE(catalog->StoreStage(Stage::kSolve, "needed", "of old").ok());
  ASSERT_TRUE(catalog->StoreStage(Stage::kSolve, "unknown", "secret?").ok());
  clock.Advance(absl::Minutes(1));
  Collector collector = MakeCollector();
  const absl::StatusOr<Removal> removal = collector.Forget(ContentKind::kModel, secret);
  ASSERT_TRUE(removal.ok()) << removal.status();
  EXPECT_THAT(removal->names, ElementsAre("models/" + secret, "jobs/" + gone));
  EXPECT_EQ(removal->stage_outputs, 2);
  EXPECT_EQ(removal->blobs, 5);
  for (const char* bytes :
       {"secret", "secret result", "secret artifact", "secret network", "secret?"}) {
    EXPECT_FALSE(HasBlob(bytes)) << bytes;
  }
  for (const char* bytes : {"model", "data", "offer", "network", "of old"}) {
    EXPECT_TRUE(HasBlob(bytes)) << bytes;
  }
  EXPECT_TRUE(HasJob(kept) && HasStage("both") && HasStage("needed"));
  EXPECT_TRUE(absl::IsNotFound(collector.Forget(ContentKind::kModel, secret).status()));
}

TEST_F(CollectorTest, ForgetsNothingThatALiveJobNeeds) {
  const std::string data = Upload("data", ContentKind::kDataset);
  const std::string ended = RunJob({data}, "result");
  const std::string live = CreateJob(data);
  clock.Advance(kDay);
  Collector collector = MakeCollector();
  for (const char* state : {"QUEUED", "RUNNING"}) {
    const absl::Status refused = collector.Forget(ContentKind::kDataset, data).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(
        std::string(refused.message()),
        testing::AllOf(HasSubstr("jobs/" + live), HasSubstr(state), HasSubstr("datasets/" + data)));
    EXPECT_TRUE(HasJob(ended) && HasBlob("data") && HasBlob("result"));
    Claim();
  }
  ASSERT_TRUE(jobs->MarkCancelled(claim).ok());
  EXPECT_EQ(collector.Forget(ContentKind::kDataset, data)->names.size(), 3u);
  EXPECT_THAT(*blobs->List(), IsEmpty());
}

TEST_F(CollectorTest, ALeapOfTheTimeOfDayMakesNothingOld) {
  Collector collector = MakeCollector({.uploads = {.age = absl::Hours(24 * 7)}});
  Upload("model");
  clock.Advance(absl::Hours(2));
  clock.Jump(absl::Hours(24 * 400));
  ASSERT_TRUE(collector.Collect(collector.retention()).ok());
  EXPECT_TRUE(HasBlob("model"));
  clock.Jump(-absl::Hours(24 * 400));
  clock.Advance(absl::Hours(24 * 8));
  ASSERT_TRUE(collector.Collect(collector.retention()).ok());
  EXPECT_FALSE(HasBlob("model")) << "when it is really old";
}

TEST_F(CollectorTest, ALeapThatLastsIsBelieved) {
  Collector collector = MakeCollector({.uploads = {.age = absl::Hours(24 * 7)}});
  Upload("model");
  clock.Jump(absl::Hours(24 * 400));
  ASSERT_TRUE(collector.Collect(collector.retention()).ok());
  EXPECT_TRUE(HasBlob("model"));
  clock.Advance(TrustedTime::kPatience);
  ASSERT_TRUE(collector.Collect(collector.retention()).ok());
  EXPECT_FALSE(HasBlob("model"));
}

TEST_F(CollectorTest, WorksAtTheFirstTickAndThenByTheSteadyClock) {
  Collector collector = MakeCollector(Nothing());
  CollectionSchedule schedule(&collector, &clock, absl::Hours(3));
  const auto is_collected = [&] {
    Upload("model");
    clock.Advance(absl::Hours(1) + absl::Seconds(1));
    schedule.Tick();
    return !HasBlob("model");
  };
  EXPECT_TRUE(is_collected());
  clock.Jump(absl::Hours(1));
  EXPECT_FALSE(is_collected());
  EXPECT_FALSE(is_collected());
  EXPECT_TRUE(is_collected());
}

TEST(Sha256sInTest, FindsThemInAnyText) {
  const std::string one(64, 'a'), two(64, '0');
  EXPECT_THAT(Sha256sIn(absl::StrCat("models/", one, "\x12", "2/", two, "2\"")),
              ElementsAre(one, two));
  EXPECT_THAT(Sha256sIn(one.substr(1)), IsEmpty());
  EXPECT_THAT(Sha256sIn(std::string(64, 'A')), IsEmpty());
}

}  // namespace
}  // namespace halftone
