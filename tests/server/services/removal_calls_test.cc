#include "server/services/removal_calls.h"

#include <string>

#include "base/hash.h"
#include "search/explorer.h"
#include "search/offer.h"
#include "search/stage_keys.h"
#include "server/convert/crosscheck.h"
#include "server/convert/resource_name.h"
#include "server/convert/spec.h"
#include "server/convert/status.h"
#include "server/services/explorations.h"
#include "server/services/job_references.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// Files know no other time than the machine's, which a collector is to find from its beginning.
class PresentFixture : public StateFixture {
 protected:
  PresentFixture() { clock.Jump(absl::Now() - clock.Now()); }
};

class RemovalCallsTest : public PresentFixture {
 protected:
  RemovalCallsTest() {
    spec_.set_model(ModelName(model_));
    spec_.set_calibration_dataset(DatasetName(data_));
    v1::Budget* budget = spec_.add_budgets();
    budget->set_metric("size");
    budget->set_limit("50%");
    context_.collector = &collector_;
    context_.explorations = &explorations_;
    EXPECT_TRUE(catalog->Add(ContentKind::kModel, model_, "", 5).ok());
    EXPECT_TRUE(catalog->Add(ContentKind::kDataset, data_, "", 4).ok());
  }

  std::string Delete(const std::string& name, absl::StatusCode code) {
    v1::DeleteModelRequest request;
    request.set_name(name);
    const absl::Status status = DeleteModel(context_, request, &removal_);
    EXPECT_EQ(status.code(), code) << status;
    v1::StatusDetails details;
    details.ParseFromString(ToGrpcStatus(status).error_details());
    v1::ErrorDetail detail;
    if (details.details_size() > 0) details.details(0).UnpackTo(&detail);
    return detail.reason();
  }
  JobReferences References(const std::string& id) {
    return ReferencesOf(*catalog, Job(id), *jobs->Spec(id));
  }

  const std::string model_ = *blobs->Store("model"), data_ = *blobs->Store("data");
  SqliteCostCache costs_{database.get(), &clock};
  Collector collector_{{jobs.get(), catalog.get(), &costs_, blobs.get(), &clock},
                       [this](const JobRecord& job, const std::string& spec) {
                         return ReferencesOf(*catalog, job, spec);
                       },
                       Retention()};
  Explorations explorations_;
  ServiceContext context_{};
  v1::SearchSpec spec_;
  v1::Removal removal_;
};

TEST_F(RemovalCallsTest, AModelGoesWithItsJobs) {
  const std::string id = CreateJob(SerializeSpec(spec_));
  EXPECT_EQ(Delete(ModelName(model_), absl::StatusCode::kFailedPrecondition), "UPLOAD_IN_USE");
  ASSERT_TRUE(jobs->RequestCancel(id).ok());
  clock.Advance(absl::Seconds(1));
  Delete(ModelName(model_), absl::StatusCode::kOk);
  EXPECT_THAT(removal_.names(), ElementsAre(ModelName(model_), JobName(id)));
  EXPECT_EQ(removal_.freed_bytes(), 5);
  EXPECT_EQ(Delete(ModelName(model_), absl::StatusCode::kNotFound), "MODEL_NOT_FOUND");
  EXPECT_EQ(Delete("models/x", absl::StatusCode::kInvalidArgument), "NAME_MALFORMED");
}

TEST_F(RemovalCallsTest, ADatasetLikewise) {
  v1::DeleteDatasetRequest request;
  request.set_name(DatasetName(data_));
  clock.Advance(absl::Seconds(1));
  ASSERT_TRUE(DeleteDataset(context_, request, &removal_).ok());
  EXPECT_THAT(removal_.names(), ElementsAre(DatasetName(data_)));
  EXPECT_TRUE(absl::IsNotFound(DeleteDataset(context_, request, &removal_)));
}

TEST_F(RemovalCallsTest, CollectsByTheServersLimitsUnlessOthersAreAskedFor) {
  clock.Advance(absl::Hours(2));
  v1::CollectGarbageRequest request;
  ASSERT_TRUE(CollectGarbage(context_, request, &removal_).ok());
  EXPECT_THAT(removal_.names(), IsEmpty());
  request.set_uploads("1h");
  ASSERT_TRUE(CollectGarbage(context_, request, &removal_).ok());
  EXPECT_THAT(removal_.names(), UnorderedElementsAre(ModelName(model_), DatasetName(data_)));
  EXPECT_EQ(removal_.freed_bytes(), 9);
}

TEST_F(RemovalCallsTest, NamesTheLimitThatIsNone) {
  using Request = v1::CollectGarbageRequest;
  for (const auto& [field, set] :
       {std::pair("jobs", &Request::mutable_jobs), std::pair("uploads", &Request::mutable_uploads),
        std::pair("stages", &Request::mutable_stages),
        std::pair("costs", &Request::mutable_costs)}) {
    Request request;
    *(request.*set)() = "soon";
    const absl::Status status = CollectGarbage(context_, request, &removal_);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(field) + ": 'soon'"));
  }
}

TEST_F(RemovalCallsTest, AJobRefersToTheUploadsOfItsSpec) {
  const std::string evaluation = Sha256Hex("evaluation"), target = Sha256Hex("target");
  // In the stored spec, what follows a name may be a digit.
  EXPECT_THAT(References(CreateJob(SerializeSpec(spec_))).uploads, ElementsAre(model_, data_));
  spec_.set_evaluation_dataset(DatasetName(evaluation));
  spec_.set_target(TargetFileName(target) + "?rows=8..64");
  EXPECT_THAT(References(CreateJob(SerializeSpec(spec_))).uploads,
              UnorderedElementsAre(model_, data_, evaluation, target));
  v1::CrosscheckSpec crosscheck;
  crosscheck.set_model(ModelName(model_));
  crosscheck.set_calibration_dataset(DatasetName(data_));
  EXPECT_THAT(References(CreateJob(SerializeCrosscheck(crosscheck))).uploads,
              UnorderedElementsAre(model_, data_));
}

TEST_F(RemovalCallsTest, AFinishedSearchRefersToItsTablesWhateverItsResultNames) {
  const SearchSpec spec = *SpecFromProto(spec_);
  Offer offer;
  offer.offered = offer.profiled = {Precision::Int(8, 8)};
  offer.reference = Precision::Int(8, 8);
  offer.machine = "m";
  ASSERT_TRUE(catalog->StoreStage(Stage::kImport, ExecutionKey(spec, offer), "said").ok());
  ASSERT_TRUE(catalog->StoreStage(Stage::kProfile, OfferKey(spec), OfferToBytes(offer)).ok());
  const std::string id = CreateJob(SerializeSpec(spec_));
  EXPECT_THAT(References(id).stage_keys, ElementsAre(Explorer::StoredUnder(id)));
  ASSERT_EQ(Claim(), id);
  ASSERT_TRUE(jobs->Succeed(claim, {}).ok());
  const std::vector<std::string> keys = References(id).stage_keys;
  const TableNames names = TableNamesOf(spec, offer, "said");
  for (const std::string& key :
       {Explorer::StoredUnder(id), OfferKey(spec), names.network.key, names.calibration.key,
        names.sensitivity.key, names.costs.key, names.execution.key}) {
    EXPECT_THAT(keys, Contains(key));
  }
}

TEST(SourcesTest, AreTheUploadsOfASpec) {
  SearchSpec spec;
  spec.model = "m";
  spec.calibration = "c";
  EXPECT_THAT(SourcesOf(spec), ElementsAre("m", "c"));
  spec.evaluation = "e";
  spec.target = "targets/" + std::string(64, 'a') + "?rows=8";
  EXPECT_THAT(SourcesOf(spec), ElementsAre("m", "c", "e", std::string(64, 'a')));
  CrosscheckSpec crosscheck;
  crosscheck.model = "m";
  crosscheck.calibration = "c";
  EXPECT_THAT(SourcesOf(crosscheck), ElementsAre("m", "c"));
}

}  // namespace
}  // namespace halftone
