#include "server/services/search_calls.h"

#include <functional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/field_path.h"
#include "base/files.h"
#include "base/thread_limit.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "profilers/builtin.h"
#include "server/convert/spec.h"
#include "tests/server/jobs/state_fixture.h"

namespace halftone {
namespace {

using testing::HasSubstr;

constexpr size_t kDefaultLimitOfClients = size_t{4} << 20;

class SearchCallsTest : public StateFixture {
 protected:
  SearchCallsTest() { context_.jobs = jobs.get(); }

  v1::ListJobsResponse List(int page_size, const std::string& token = "") {
    v1::ListJobsRequest request;
    request.set_page_size(page_size);
    request.set_page_token(token);
    v1::ListJobsResponse response;
    const absl::Status status = ListJobs(context_, request, &response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }

  ServiceContext context_{};
};

v1::SearchSpec LargeSpec() {
  v1::SearchSpec spec;
  spec.set_model("models/x");
  for (int i = 0; i < 2250; ++i) {
    (*spec.mutable_pins())[absl::StrCat(std::string(4000, 'x'), i)] = "w8a8";
  }
  return spec;
}

TEST_F(SearchCallsTest, ListsAreSmallWhateverSpecsAre) {
  const std::string spec = SerializeSpec(LargeSpec());
  ASSERT_GT(spec.size(), 9'000'000u);
  for (int i = 0; i < 3; ++i) CreateJob(spec);
  const v1::ListJobsResponse response = List(1000);
  EXPECT_EQ(response.jobs_size(), 3);
  EXPECT_EQ(response.jobs(0).spec().model(), "models/x");
  EXPECT_LT(response.ByteSizeLong(), 10'000u);
  EXPECT_EQ(response.next_page_token(), "");
}

TEST_F(SearchCallsTest, NoSpecIsReadForABasicView) {
  const v1::SearchSpec spec = LargeSpec();
  const std::string id =
      jobs->Create({"", "", SerializeSpec(spec), SerializeSpec(Summary(spec))})->id;
  {
    absl::MutexLock lock(&database->mutex);
    ASSERT_TRUE(database->connection.Execute("UPDATE job_specs SET spec = x'ff'").ok());
  }
  EXPECT_EQ(List(10).jobs(0).spec().model(), "models/x");
  v1::GetJobRequest get;
  get.set_name("jobs/" + id);
  v1::Job job;
  ASSERT_TRUE(GetJob(context_, get, &job).ok());
  EXPECT_EQ(job.spec().model(), "models/x");
  v1::CancelJobRequest cancel;
  cancel.set_name(get.name());
  ASSERT_TRUE(CancelJob(context_, cancel, &job).ok());
  EXPECT_EQ(job.state(), v1::JOB_STATE_CANCELLED);
  get.set_view(v1::JOB_VIEW_FULL);
  EXPECT_TRUE(absl::IsDataLoss(GetJob(context_, get, &job)));
}

TEST_F(SearchCallsTest, PagesEndByBytesAndNothingIsLost) {
  v1::SearchSpec spec;
  spec.set_target(std::string(4000, 'x'));
  std::set<std::string> created;
  for (int i = 0; i < 400; ++i) created.insert("jobs/" + CreateJob(SerializeSpec(spec)));
  std::set<std::string> listed;
  int pages = 0;
  std::string token;
  do {
    const v1::ListJobsResponse page = List(1000, token);
    EXPECT_LT(page.ByteSizeLong(), kDefaultLimitOfClients / 3);
    for (const v1::Job& job : page.jobs()) EXPECT_TRUE(listed.insert(job.name()).second);
    token = page.next_page_token();
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(pages, 2);
  EXPECT_EQ(listed, created);
}

TEST_F(SearchCallsTest, PagesEndByNumber) {
  for (int i = 0; i < 25; ++i) CreateJob("");
  const v1::ListJobsResponse first = List(12);
  EXPECT_EQ(first.jobs_size(), 12);
  const v1::ListJobsResponse second = List(13, first.next_page_token());
  EXPECT_EQ(second.jobs_size(), 13);
  EXPECT_EQ(second.next_page_token(), "");
}

TEST_F(SearchCallsTest, AJobIsShownInTheViewThatIsAskedFor) {
  v1::GetJobRequest request;
  request.set_name("jobs/" + CreateJob(SerializeSpec(LargeSpec())));
  v1::Job job;
  ASSERT_TRUE(GetJob(context_, request, &job).ok());
  EXPECT_LT(job.ByteSizeLong(), 1000u);
  request.set_view(v1::JOB_VIEW_FULL);
  ASSERT_TRUE(GetJob(context_, request, &job).ok());
  EXPECT_EQ(job.spec().pins_size(), 2250u);
  request.set_view(static_cast<v1::JobView>(7));
  const absl::Status status = GetJob(context_, request, &job);
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("view: 7"));
}

class NewSearchTest : public SearchCallsTest {
 protected:
  NewSearchTest() {
    EXPECT_TRUE(RegisterBuiltinProfilers(profilers_, nullptr).ok());
    context_.blobs = blobs.get();
    context_.catalog = catalog.get();
    context_.profilers = &profilers_;
    spec_.set_model("models/" + Upload(ContentKind::kModel, "model.onnx"));
    spec_.set_calibration_dataset("datasets/" + Upload(ContentKind::kDataset, "calib.npz"));
    spec_.set_target("bitfusion");
  }

  std::string Upload(ContentKind kind, const std::string& file) {
    const absl::StatusOr<std::string> bytes =
        ReadFile(std::string(HALFTONE_SOURCE_DIR) + "/tests/data/tiny-digits/" + file);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    const std::string sha256 = *blobs->Store(*bytes);
    EXPECT_TRUE(catalog->Add(kind, sha256, file, static_cast<int64_t>(bytes->size())).ok());
    return sha256;
  }

  // The field for which the spec is refused; "" where it is queued.
  std::string Refused(const v1::SearchSpec& spec) {
    v1::CreateJobRequest request;
    *request.mutable_spec() = spec;
    v1::Job job;
    const absl::Status status = halftone::CreateJob(context_, request, &job);
    EXPECT_TRUE(status.ok() || absl::IsInvalidArgument(status)) << status;
    EXPECT_EQ(List(10).jobs_size(), status.ok() ? 1 : 0);
    return FieldOf(status);
  }

  ProfilerRegistry profilers_;
  v1::SearchSpec spec_;
};

TEST_F(NewSearchTest, WhatIsKnownToFailIsNotQueued) {
  const auto with = [&](const std::function<void(v1::SearchSpec&)>& change) {
    v1::SearchSpec spec = spec_;
    change(spec);
    return spec;
  };
  EXPECT_EQ(Refused(with([](auto& spec) { (*spec.mutable_pins())["nobody"] = "w8a8"; })),
            "spec.pins['nobody']");
  EXPECT_EQ(Refused(with([](auto& spec) { (*spec.mutable_pins())["/fc/Gemm"] = "f32"; })),
            "spec.pins['/fc/Gemm']");
  EXPECT_EQ(
      Refused(with([](auto& spec) { spec.mutable_rules()->add_groups()->add_layers("nobody"); })),
      "spec.rules.groups[0]");
  EXPECT_EQ(Refused(with([](auto& spec) { spec.mutable_rules()->add_groups(); })),
            "spec.rules.groups[0].layers");
  EXPECT_EQ(Refused(with([](auto& spec) { spec.mutable_rules()->set_first_layer("99"); })),
            "spec.rules.first_layer");
  EXPECT_EQ(Refused(with(
                [](auto& spec) { (*spec.mutable_rules()->mutable_loss_factors())["nobody"] = 2; })),
            "spec.rules.loss_factors['nobody']");
  EXPECT_EQ(Refused(with([](auto& spec) {
              spec.add_budgets()->set_metric("latency");
              spec.mutable_budgets(0)->set_limit("1e308x");
            })),
            "spec.budgets[0]");
  EXPECT_EQ(Refused(with([](auto& spec) { spec.add_objectives("size"); })), "spec.objectives");
  EXPECT_EQ(Refused(with([](auto& spec) { spec.set_threads(MostThreads() + 1); })), "spec.threads");
  EXPECT_EQ(Refused(with([](auto& spec) {
              spec.set_target("cpu");
              spec.set_frontier_metric("energy");
            })),
            "spec.frontier_metric");
  EXPECT_EQ(Refused(with([](auto& spec) { spec.set_frontier_metric("activation-memory"); })),
            "spec.frontier_metric");
  EXPECT_EQ(Refused(with([](auto& spec) {
              spec.set_target("bitfusion?rows=8..16");
              (*spec.mutable_pins())["nobody"] = "w8a8";
            })),
            "spec.pins['nobody']");
  EXPECT_EQ(Refused(with([](auto& spec) {
              (*spec.mutable_pins())["/fc/*"] = "w8a8";
              spec.mutable_rules()->set_first_layer("8");
              spec.set_strategy("evolutionary");
              spec.add_objectives("size");
            })),
            "");
}

TEST_F(NewSearchTest, AJobWithoutItsTablesYetSaysHowFarItIs) {
  v1::CreateJobRequest request;
  *request.mutable_spec() = spec_;
  v1::Job job;
  ASSERT_TRUE(halftone::CreateJob(context_, request, &job).ok());
  v1::ReSolveRequest what_if;
  what_if.set_name(job.name());
  v1::ReSolveResponse response;
  const absl::Status status = ReSolveJob(context_, what_if, &response, {});
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("has no result: it is QUEUED"));
}

TEST_F(NewSearchTest, ANameWithControlCharactersIsRefused) {
  v1::CreateJobRequest request;
  *request.mutable_spec() = spec_;
  request.set_display_name("\x1b[2J");
  v1::Job job;
  const absl::Status status = halftone::CreateJob(context_, request, &job);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(FieldOf(status), "display_name");
  request.set_display_name("réseau");
  EXPECT_TRUE(halftone::CreateJob(context_, request, &job).ok());
}

TEST_F(NewSearchTest, LayersOfALostModelAreLeftToTheJob) {
  ASSERT_TRUE(blobs->Remove(spec_.model().substr(7)).ok());
  (*spec_.mutable_pins())["nobody"] = "w8a8";
  EXPECT_EQ(Refused(spec_), "");
}

}  // namespace
}  // namespace halftone
