// Crosschecks through a real server: the job's life, its result, and what a kill leaves of it.
#include <cstdio>
#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/e2e_fixture.h"

namespace halftone {
namespace {

using testing::HasSubstr;
using CrosscheckEndToEnd = EndToEnd;

// One that takes long enough to be interrupted.
v1::CreateJobRequest Long(v1::CreateJobRequest request) {
  request.mutable_crosscheck()->set_assignments(200);
  request.mutable_crosscheck()->clear_precisions();
  request.mutable_crosscheck()->clear_evaluation_samples();
  request.mutable_crosscheck()->mutable_sensitivity()->set_samples(500);
  return request;
}

TEST_F(CrosscheckEndToEnd, RunsAndTellsWhatItFound) {
  const std::string job = Create(TinyCrosscheck());
  const std::vector<v1::JobEvent> events = Watch(job);
  ASSERT_EQ(events.back().state(), v1::JOB_STATE_SUCCEEDED) << Get(job).error().message();
  double fraction = 0;
  for (const v1::JobEvent& event : events) {
    EXPECT_GE(event.fraction(), fraction - 1e-9);
    fraction = event.fraction();
  }
  EXPECT_EQ(fraction, 1);
  const v1::Job ended = Get(job);
  EXPECT_TRUE(ended.has_crosscheck());
  EXPECT_EQ(ended.solution_status(), v1::SOLUTION_STATUS_UNSPECIFIED);

  const auto result = client_->GetResult(job);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->crosscheck().assignments(), 20);
  ASSERT_EQ(result->crosscheck().estimators_size(), 2);
  EXPECT_GT(result->crosscheck().estimators(0).spearman(), 0.7);
  const auto document = nlohmann::json::parse(result->result_json());
  EXPECT_EQ(document["assignments"].size(), 20u);

  std::set<std::string> files;
  for (const v1::Artifact& artifact : result->artifacts()) {
    const auto path = client_->DownloadArtifact(artifact, state_ + "/downloads");
    ASSERT_TRUE(path.ok()) << path.status();
    files.insert(std::filesystem::path(*path).filename());
  }
  EXPECT_THAT(files, testing::ElementsAre("crosscheck.html", "crosscheck.json", "crosscheck.svg"));
  const auto jobs = client_->ListJobs({});
  ASSERT_TRUE(jobs.ok());
  EXPECT_TRUE(jobs->jobs(0).has_crosscheck());
}

TEST_F(CrosscheckEndToEnd, WhatOnlySearchesHaveIsRefused) {
  const std::string job = Create(TinyCrosscheck());
  const absl::Status frontier = client_->GetFrontier(job).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(frontier)) << frontier;
  EXPECT_THAT(std::string(frontier.message()), HasSubstr("crosscheck"));
  v1::ReSolveRequest resolve;
  resolve.set_name(job);
  const absl::Status solved = client_->ReSolve(resolve).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(solved)) << solved;
  EXPECT_THAT(std::string(solved.message()), HasSubstr("crosscheck"));
}

TEST_F(CrosscheckEndToEnd, BadRequestsAreRefusedAtOnce) {
  v1::CreateJobRequest request = TinyCrosscheck();
  request.mutable_crosscheck()->add_estimators("magic");
  absl::Status status = client_->CreateJob(request).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("crosscheck.estimators[2]"));
  request = TinyCrosscheck();
  request.mutable_crosscheck()->set_evaluation_dataset("datasets/" + std::string(64, '0'));
  status = client_->CreateJob(request).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("evaluation_dataset"));
  request = TinyCrosscheck();
  request.mutable_crosscheck()->set_target("bitfusion");
  status = client_->CreateJob(request).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("crosscheck.target: target 'bitfusion' does not run networks here"));
  // The same request id for a search and a crosscheck.
  request = TinyCrosscheck();
  request.set_request_id("both");
  const std::string job = Create(request);
  EXPECT_EQ(Create(request), job);
  v1::CreateJobRequest search = TinySearch();
  search.set_request_id("both");
  EXPECT_TRUE(absl::IsAlreadyExists(client_->CreateJob(search).status()));
}

// The events of the job's second run, after the server was killed when `is_there` said so.
class CrosscheckKilled : public EndToEnd {
 protected:
  std::vector<v1::JobEvent> EventsAfterKill(
      const std::string& job, const std::function<bool(const v1::JobEvent&)>& is_there) {
    Watch(job, is_there);
    server_->Kill();
    StartServer();
    std::vector<v1::JobEvent> events = Watch(job);
    EXPECT_EQ(events.back().state(), v1::JOB_STATE_SUCCEEDED) << Get(job).error().message();
    EXPECT_EQ(Get(job).attempts(), 2);
    auto restart = events.begin();
    while (restart != events.end() && restart->detail().find("interrupted") == std::string::npos) {
      ++restart;
    }
    events.erase(events.begin(), restart);
    return events;
  }
};

TEST_F(CrosscheckKilled, EvaluatedAssignmentsAreNotRepeated) {
  v1::CreateJobRequest request = Long(TinyCrosscheck());
  request.mutable_crosscheck()->set_assignments(600);  // some seconds
  const std::string job = Create(request);
  const auto events = EventsAfterKill(job, [](const v1::JobEvent& event) {
    return event.stage() == v1::STAGE_VALIDATE && event.stage_fraction() > 0.5;
  });
  int first = 0;  // "assignment 312 of 600"
  for (const v1::JobEvent& event : events) {
    if (event.kind() == v1::JOB_EVENT_KIND_STAGE_STARTED && event.stage() < v1::STAGE_SENSITIVITY) {
      EXPECT_TRUE(event.reused()) << v1::Stage_Name(event.stage());
    }
    if (first == 0) std::sscanf(event.detail().c_str(), "assignment %d of", &first);
  }
  // But for those of the last second, which on a busy machine may be most of them.
  EXPECT_GT(first, 1);
  EXPECT_EQ(client_->GetResult(job)->crosscheck().assignments(), 600);
}

TEST_F(CrosscheckKilled, FinishedEstimatorsAreNotRepeated) {
  v1::CreateJobRequest request = Long(TinyCrosscheck());
  v1::CrosscheckSpec* spec = request.mutable_crosscheck();
  // Probes enough to be killed among them on any machine.
  spec->set_estimators(1, "hessian-trace");
  spec->mutable_sensitivity()->set_probes(400);
  spec->mutable_sensitivity()->set_tolerance(1e-9);
  const std::string job = Create(request);
  const auto events = EventsAfterKill(job, [](const v1::JobEvent& event) {
    return event.detail().rfind("hessian-trace: ", 0) == 0;
  });
  for (const v1::JobEvent& event : events) {
    EXPECT_NE(event.detail().rfind("fisher: ", 0), 0u) << event.detail();
    EXPECT_NE(event.detail().rfind("assignment", 0), 0u) << event.detail();
  }
  EXPECT_EQ(client_->GetResult(job)->crosscheck().estimators_size(), 2);
}

TEST_F(CrosscheckEndToEnd, IsCancelledAmongItsAssignments) {
  v1::CreateJobRequest request = Long(TinyCrosscheck());
  request.mutable_crosscheck()->set_assignments(10'000);  // as many as there may be: minutes
  const std::string job = Create(request);
  Watch(job, [](const v1::JobEvent& event) {
    return event.stage() == v1::STAGE_VALIDATE && event.detail().rfind("assignment", 0) == 0;
  });
  ASSERT_TRUE(client_->CancelJob(job).ok());
  const std::vector<v1::JobEvent> events = Watch(job);
  EXPECT_EQ(events.back().state(), v1::JOB_STATE_CANCELLED);
  EXPECT_LT(Get(job).stage_fraction(), 1);
}

}  // namespace
}  // namespace halftone
