#ifndef HALFTONE_TESTS_E2E_E2E_FIXTURE_H_
#define HALFTONE_TESTS_E2E_E2E_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "client/connection.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/held_profiler.h"
#include "tests/e2e/server_process.h"
#include "tests/temporary_directory.h"

namespace halftone {

inline constexpr char kTinyDigits[] = HALFTONE_SOURCE_DIR "/tests/data/tiny-digits";

// A real server on a state directory of its own, and a client of it.
class EndToEnd : public testing::Test {
 protected:
  void SetUp() override { StartServer(); }

  void TearDown() override {
    client_.reset();
    server_.reset();
    held_.reset();
  }

  void StartServer(int64_t max_file_bytes = 0) {
    client_.reset();
    auto server = ServerProcess::Start({state_, max_file_bytes, full_disk_});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    auto client = Connection::ToServer(server_->address());
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
    if (held_ != nullptr) OfferHeld();
  }

  // The request of a search that takes about a second: tiny-digits on the simulated array.
  v1::CreateJobRequest TinySearch() {
    return Search(std::string(kTinyDigits) + "/model.onnx", std::string(kTinyDigits) + "/calib.npz",
                  std::string(kTinyDigits) + "/eval.npz");
  }

  // The same search on a target that measures nothing before held_->LetGo(): the job cannot end.
  v1::CreateJobRequest HeldSearch() {
    if (held_ == nullptr) {
      held_ = std::make_unique<HeldProfiler>();
      OfferHeld();
    }
    v1::CreateJobRequest request = TinySearch();
    request.mutable_spec()->set_target(HeldProfiler::kTarget);
    return request;
  }

  // One whose SENSITIVITY stage takes seconds to minutes on any machine, and the stages before it
  // little, with sanitizers too.
  v1::CreateJobRequest LongSearch() {
    const std::string networks = std::string(HALFTONE_SOURCE_DIR) + "/tests/data/networks";
    v1::CreateJobRequest request = Search(networks + "/vit.onnx", networks + "/calib.npz", "");
    request.mutable_spec()->mutable_sensitivity()->set_draws(64);
    return request;
  }

  v1::CreateJobRequest Search(const std::string& model, const std::string& data,
                              const std::string& evaluation) {
    v1::CreateJobRequest request;
    v1::SearchSpec* spec = request.mutable_spec();
    const auto model_name = client_->UploadModel(model);
    EXPECT_TRUE(model_name.ok()) << model_name.status();
    spec->set_model(model_name.value_or(""));
    const auto data_name = client_->UploadDataset(data);
    EXPECT_TRUE(data_name.ok()) << data_name.status();
    spec->set_calibration_dataset(data_name.value_or(""));
    if (!evaluation.empty()) {
      const auto evaluation_name = client_->UploadDataset(evaluation);
      EXPECT_TRUE(evaluation_name.ok()) << evaluation_name.status();
      spec->set_evaluation_dataset(evaluation_name.value_or(""));
    }
    spec->set_target("bitfusion");
    SetBudget(spec, "latency", "50%");
    return request;
  }

  // The request of a crosscheck of tiny-digits: a few seconds.
  v1::CreateJobRequest TinyCrosscheck() {
    const v1::SearchSpec search = TinySearch().spec();
    v1::CreateJobRequest request;
    v1::CrosscheckSpec* spec = request.mutable_crosscheck();
    spec->set_model(search.model());
    spec->set_calibration_dataset(search.calibration_dataset());
    spec->set_evaluation_dataset(search.evaluation_dataset());
    for (const char* precision : {"w2a4", "w3a3", "w4a4", "w4a8", "w6a6", "w8a8"}) {
      spec->add_precisions(precision);
    }
    for (const char* name : {"fisher", "output"}) spec->add_estimators(name);
    spec->set_assignments(20);
    spec->set_evaluation_samples(128);
    spec->mutable_sensitivity()->set_samples(32);
    return request;
  }

  static void SetBudget(v1::SearchSpec* spec, const std::string& metric, const std::string& limit) {
    v1::Budget* budget = spec->add_budgets();
    budget->set_metric(metric);
    budget->set_limit(limit);
  }

  std::string Create(const v1::CreateJobRequest& request) {
    const auto job = client_->CreateJob(request);
    EXPECT_TRUE(job.ok()) << job.status();
    return job.ok() ? job->name() : "";
  }

  // The job's events until `stop` says so, or its end.
  std::vector<v1::JobEvent> Watch(const std::string& job,
                                  const std::function<bool(const v1::JobEvent&)>& stop = {}) {
    std::vector<v1::JobEvent> events;
    const absl::Status status = client_->WatchJob(
        job,
        [&](const v1::JobEvent& event) {
          events.push_back(event);
          return !stop || !stop(event);
        },
        [](absl::Duration) {});
    EXPECT_TRUE(status.ok()) << status;
    return events;
  }

  v1::Job Get(const std::string& name) {
    const auto job = client_->GetJob(name);
    EXPECT_TRUE(job.ok()) << job.status();
    return job.ok() ? *job : v1::Job();
  }

  void OfferHeld() {
    const absl::Status offered = held_->RegisterAt(server_->address());
    ASSERT_TRUE(offered.ok()) << offered;
  }

  const TemporaryDirectory directory_;
  const std::string state_ = directory_.path();
  std::string
      full_disk_;  // FullDisk::path() of the disk that servers write to; empty: the machine's
  std::unique_ptr<HeldProfiler> held_;  // null before a HeldSearch
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<Connection> client_;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_E2E_E2E_FIXTURE_H_
