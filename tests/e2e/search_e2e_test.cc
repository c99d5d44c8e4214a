// Searches through the real server and the client library.
#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/e2e_fixture.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class SearchEndToEnd : public EndToEnd {
 protected:
  // Removes the stored files of that name; their number.
  int RemoveBlobs(const std::string& sha256) {
    std::vector<std::filesystem::path> found;
    for (const auto& file : std::filesystem::recursive_directory_iterator(state_ + "/blobs")) {
      if (file.path().filename().string().find(sha256.substr(2)) != std::string::npos) {
        found.push_back(file.path());
      }
    }
    for (const std::filesystem::path& path : found) std::filesystem::remove(path);
    return static_cast<int>(found.size());
  }
};

TEST_F(SearchEndToEnd, FromUploadToResult) {
  v1::CreateJobRequest request = TinySearch();
  SetBudget(request.mutable_spec(), "size", "0.5x");
  const std::string job = Create(request);
  const std::vector<v1::JobEvent> events = Watch(job);
  double fraction = 0;
  std::set<v1::Stage> finished;
  std::vector<std::string> early;  // artifacts that were there before the sensitivities
  for (size_t i = 0; i < events.size(); ++i) {
    if (i > 0) {
      EXPECT_GT(events[i].sequence(), events[i - 1].sequence());
    }
    EXPECT_GE(events[i].fraction(), fraction);
    fraction = events[i].fraction();
    if (events[i].kind() == v1::JOB_EVENT_KIND_STAGE_FINISHED) finished.insert(events[i].stage());
    if (events[i].kind() == v1::JOB_EVENT_KIND_ARTIFACT_READY) {
      EXPECT_EQ(finished.count(v1::STAGE_SENSITIVITY), 0u);
      early.push_back(events[i].detail());
    }
  }
  ASSERT_EQ(early.size(), 1u);
  EXPECT_NE(early[0].find("first answer: predicted kl"), std::string::npos) << early[0];
  EXPECT_NE(early[0].find(", size "), std::string::npos) << early[0];
  bool is_kept = false;
  const v1::Job ended = Get(job);
  for (const v1::Artifact& artifact : ended.artifacts()) {
    is_kept |= artifact.name() == job + "/artifacts/first_answer.json";
  }
  EXPECT_TRUE(is_kept);
  EXPECT_EQ(finished.size(), 8u);
  EXPECT_EQ(events.back().state(), v1::JOB_STATE_SUCCEEDED) << Get(job).error().message();
  EXPECT_EQ(fraction, 1);

  const auto result = client_->GetResult(job);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->solution().status(), v1::SOLUTION_STATUS_OPTIMAL);
  EXPECT_EQ(result->layers_size(), 4);
  for (const auto& [metric, limit] : result->budgets()) {
    EXPECT_LE(result->solution().cost().at(metric), limit * (1 + 1e-9)) << metric;
  }
  EXPECT_TRUE(result->evaluation().held_out());
  EXPECT_EQ(result->evaluation().samples(), 597);
  EXPECT_NEAR(result->evaluation().float_accuracy(), 0.9631, 0.002);
  EXPECT_TRUE(nlohmann::json::accept(result->result_json()));
  ASSERT_GT(result->artifacts_size(), 0);
  for (const v1::Artifact& artifact : result->artifacts()) {
    const auto path = client_->DownloadArtifact(artifact, state_ + "/download");
    ASSERT_TRUE(path.ok()) << path.status();
    EXPECT_EQ(static_cast<int64_t>(std::filesystem::file_size(*path)), artifact.size_bytes());
  }

  const auto frontier = client_->GetFrontier(job);
  ASSERT_TRUE(frontier.ok()) << frontier.status();
  ASSERT_GT(frontier->points_size(), 1);
  for (int i = 1; i < frontier->points_size(); ++i) {
    EXPECT_LT(frontier->points(i).loss(), frontier->points(i - 1).loss());
    EXPECT_GT(frontier->points(i).cost().at(frontier->metric()),
              frontier->points(i - 1).cost().at(frontier->metric()));
  }
}

// Nothing is computed anew: neither the network nor the samples need be there any more.
TEST_F(SearchEndToEnd, ResolvesOtherBudgetsFromTheStoredTables) {
  const v1::CreateJobRequest search = TinySearch();
  const std::string job = Create(search);
  Watch(job);
  const int64_t last_event = Get(job).last_event();
  for (const std::string& name : {search.spec().model(), search.spec().calibration_dataset(),
                                  search.spec().evaluation_dataset()}) {
    ASSERT_EQ(RemoveBlobs(name.substr(name.find('/') + 1)), 1) << name;
  }
  v1::ReSolveRequest request;
  request.set_name(job);
  v1::Budget* budget = request.add_budgets();
  budget->set_metric("size");
  budget->set_limit("0.3x");
  const auto answer = client_->ReSolve(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->solution().status(), v1::SOLUTION_STATUS_OPTIMAL);
  budget->set_limit("0.0001x");
  EXPECT_EQ(client_->ReSolve(request)->solution().status(), v1::SOLUTION_STATUS_INFEASIBLE);
  budget->set_metric("beauty");
  EXPECT_TRUE(absl::IsInvalidArgument(client_->ReSolve(request).status()));
  EXPECT_EQ(Get(job).last_event(), last_event) << "the job itself does nothing";
}

TEST_F(SearchEndToEnd, ABudgetThatCannotBeMetIsAnAnswer) {
  v1::CreateJobRequest request = TinySearch();
  request.mutable_spec()->clear_budgets();
  SetBudget(request.mutable_spec(), "latency", "0.0001x");
  const std::string job = Create(request);
  Watch(job);
  EXPECT_EQ(Get(job).state(), v1::JOB_STATE_SUCCEEDED) << Get(job).error().message();
  EXPECT_EQ(Get(job).solution_status(), v1::SOLUTION_STATUS_INFEASIBLE);
  const auto result = client_->GetResult(job);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->solution().infeasible().conflict(), ElementsAre("latency_ns"));
  EXPECT_GT(result->solution().infeasible().minimum().at("latency_ns"),
            result->budgets().at("latency_ns"));
}

TEST_F(SearchEndToEnd, TheSameRequestIsOneJob) {
  v1::CreateJobRequest request = TinySearch();
  request.set_request_id("once");
  const std::string job = Create(request);
  EXPECT_EQ(Create(request), job);
  request.mutable_spec()->set_batch(2);
  const absl::Status status = client_->CreateJob(request).status();
  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("once"));
  server_->Kill();
  StartServer();
  request.mutable_spec()->clear_batch();
  EXPECT_EQ(Create(request), job);
}

TEST_F(SearchEndToEnd, TheSecondSearchReusesTheStagesOfTheFirst) {
  Watch(Create(TinySearch()));
  v1::CreateJobRequest request = TinySearch();
  request.mutable_spec()->clear_budgets();
  SetBudget(request.mutable_spec(), "size", "0.3x");
  std::set<v1::Stage> reused;
  for (const v1::JobEvent& event : Watch(Create(request))) {
    if (event.reused()) reused.insert(event.stage());
  }
  EXPECT_EQ(reused.count(v1::STAGE_CALIBRATE), 1u);
  EXPECT_EQ(reused.count(v1::STAGE_SENSITIVITY), 1u);
  EXPECT_EQ(reused.count(v1::STAGE_PROFILE), 1u);
  EXPECT_EQ(reused.count(v1::STAGE_SOLVE), 0u);
}

// In the order in which they run.
size_t PlaceOf(v1::Stage stage) {
  constexpr std::array kOrder = {v1::STAGE_IMPORT,      v1::STAGE_CALIBRATE, v1::STAGE_PROFILE,
                                 v1::STAGE_SENSITIVITY, v1::STAGE_SOLVE,     v1::STAGE_REFINE,
                                 v1::STAGE_VALIDATE,    v1::STAGE_EXPORT};
  return static_cast<size_t>(std::find(kOrder.begin(), kOrder.end(), stage) - kOrder.begin());
}

// Of a stage that would take very long: that the watch ends at all is the test.
TEST_F(SearchEndToEnd, CancelStopsAStageInTheMiddle) {
  for (const v1::Stage stage : {v1::STAGE_CALIBRATE, v1::STAGE_SENSITIVITY, v1::STAGE_PROFILE}) {
    v1::CreateJobRequest request = stage == v1::STAGE_PROFILE ? HeldSearch() : LongSearch();
    // Seeds of its own, so that nothing is reused.
    request.mutable_spec()->mutable_sensitivity()->set_seed(static_cast<uint64_t>(stage));
    const std::string job = Create(request);
    Watch(job, [stage](const v1::JobEvent& event) { return event.stage() == stage; });
    ASSERT_TRUE(client_->CancelJob(job).ok());
    for (const v1::JobEvent& event : Watch(job)) {
      const bool finished = event.kind() == v1::JOB_EVENT_KIND_STAGE_FINISHED;
      // Calibration may have been at its end.
      EXPECT_FALSE(finished &&
                   PlaceOf(event.stage()) >= std::max(PlaceOf(stage), PlaceOf(v1::STAGE_PROFILE)))
          << v1::Stage_Name(event.stage()) << " went on to its end";
    }
    EXPECT_EQ(Get(job).state(), v1::JOB_STATE_CANCELLED);
    EXPECT_TRUE(absl::IsFailedPrecondition(client_->GetResult(job).status()));
  }
}

TEST_F(SearchEndToEnd, DeletingARunningJobTakesForce) {
  const std::string job = Create(HeldSearch());
  held_->AwaitRequest();
  EXPECT_TRUE(absl::IsFailedPrecondition(client_->DeleteJob(job, /*force=*/false)));
  const absl::Status status = client_->DeleteJob(job, /*force=*/true);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(absl::IsNotFound(client_->GetJob(job).status()));
}

TEST_F(SearchEndToEnd, ListsJobsInPages) {
  std::set<std::string> created;
  for (int i = 0; i < 5; ++i) created.insert(Create(TinySearch()));
  std::set<std::string> listed;
  v1::ListJobsRequest request;
  request.set_page_size(2);
  do {
    const auto page = client_->ListJobs(request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->jobs_size(), 2);
    for (const v1::Job& job : page->jobs()) EXPECT_TRUE(listed.insert(job.name()).second);
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(listed, created);
  request.set_page_token("nonsense");
  EXPECT_TRUE(absl::IsInvalidArgument(client_->ListJobs(request).status()));
  request.clear_page_token();
  request.set_page_size(-1);
  EXPECT_TRUE(absl::IsInvalidArgument(client_->ListJobs(request).status()));
}

TEST_F(SearchEndToEnd, UploadsAreStoredOnce) {
  const std::string model = std::string(kTinyDigits) + "/model.onnx";
  const auto first = client_->UploadModel(model);
  ASSERT_TRUE(first.ok()) << first.status();
  bool sent_again = false;
  const auto second =
      client_->UploadModel(model, [&](double, absl::string_view) { sent_again = true; });
  EXPECT_EQ(*first, *second);
  EXPECT_FALSE(sent_again);
}

}  // namespace
}  // namespace halftone
