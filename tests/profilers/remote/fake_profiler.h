#ifndef HALFTONE_TESTS_PROFILERS_REMOTE_FAKE_PROFILER_H_
#define HALFTONE_TESTS_PROFILERS_REMOTE_FAKE_PROFILER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/progress.h"
#include "grpcpp/grpcpp.h"
#include "halftone/v1/profiler_service.grpc.pb.h"
#include "profilers/remote/protocol.h"
#include "tests/await.h"

namespace halftone {

// A profiler on a port of this machine that answers what a test wants it to.
class FakeProfiler final : public v1::ProfilerService::Service {
 public:
  using Writer = grpc::ServerWriter<v1::ProfileResponse>;
  // The answer after the greeting; `wanted` are the rows that were asked for.
  using Script = std::function<grpc::Status(const std::vector<v1::LayerCost>& wanted,
                                            grpc::ServerContext& context, Writer& writer)>;

  // The detail of every message that has rows.
  static constexpr char kRow[] = "row";

  explicit FakeProfiler(std::string device = "board one") {
    description_.set_protocol_version(kProfilerProtocolVersion);
    description_.set_description("a fake");
    description_.mutable_device()->set_name(std::move(device));
    description_.mutable_device()->set_isa("fake isa");
    description_.mutable_device()->set_library("fake library 1");
    for (const char* precision : {"w8a8", "w4a4", "w2a2"}) description_.add_precisions(precision);
    grpc::ServerBuilder builder;
    builder.RegisterService(this);
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    server_ = builder.BuildAndStart();
  }
  ~FakeProfiler() override { Kill(); }

  // Every call is broken off, and nothing answers any more.
  void Kill() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  v1::DescribeResponse& description() { return description_; }
  void set_script(Script script) {
    absl::MutexLock lock(&mutex_);
    script_ = std::move(script);
  }
  std::vector<v1::ProfileRequest> requests() const {
    absl::MutexLock lock(&mutex_);
    return requests_;
  }

  // Until it was asked to profile.
  void AwaitRequest() const {
    const auto asked = [this]()
                           ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !requests_.empty(); };
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&asked));
  }

  // A sound row. Latencies tell devices apart: that of "board two" is twice that of "board one".
  v1::LayerCost Row(const std::string& layer, const std::string& precision) const {
    v1::LayerCost row;
    row.set_layer(layer);
    row.set_precision(precision);
    row.set_latency_ns(description_.device().name() == "board two" ? 2000 : 1000);
    row.set_implementation("fake");
    return row;
  }

  static v1::ProfileResponse Response(std::vector<v1::LayerCost> rows, bool done = false) {
    v1::ProfileResponse response;
    if (!rows.empty()) response.set_detail(kRow);
    for (v1::LayerCost& row : rows) *response.add_layers() = std::move(row);
    response.set_done(done);
    return response;
  }

  // All rows, one a message, and the end.
  static grpc::Status AnswerAll(const std::vector<v1::LayerCost>& wanted, grpc::ServerContext&,
                                Writer& writer) {
    for (const v1::LayerCost& row : wanted) writer.Write(Response({row}));
    writer.Write(Response({}, true));
    return grpc::Status::OK;
  }

  // So many rows, and then the status.
  static Script AnswerSome(size_t rows, const grpc::Status& status) {
    return [=](const std::vector<v1::LayerCost>& wanted, grpc::ServerContext&, Writer& writer) {
      for (size_t i = 0; i < rows && i < wanted.size(); ++i) writer.Write(Response({wanted[i]}));
      return status;
    };
  }

  // So many rows, and then nothing until the call ends.
  static Script AnswerSomeAndHang(size_t rows) {
    return [=](const std::vector<v1::LayerCost>& wanted, grpc::ServerContext& context,
               Writer& writer) {
      for (size_t i = 0; i < rows && i < wanted.size(); ++i) writer.Write(Response({wanted[i]}));
      Await([&] { return context.IsCancelled(); });
      return grpc::Status::CANCELLED;
    };
  }

  grpc::Status Describe(grpc::ServerContext*, const v1::DescribeRequest*,
                        v1::DescribeResponse* response) override {
    *response = description_;
    return described_;
  }

  grpc::Status Profile(grpc::ServerContext* context, const v1::ProfileRequest* request,
                       Writer* writer) override {
    Script script;
    {
      absl::MutexLock lock(&mutex_);
      requests_.push_back(*request);
      script = script_;
    }
    v1::ProfileResponse greeting;
    *greeting.mutable_device() = description_.device();
    if (greets_) writer->Write(greeting);
    std::vector<v1::LayerCost> wanted;
    for (const auto& layer : request->layers()) {
      for (const std::string& precision : request->precisions()) {
        bool known = false;
        for (const v1::LayerPrecision& row : request->known()) {
          known = known || (row.layer() == layer.name() && row.precision() == precision);
        }
        if (!known) wanted.push_back(Row(layer.name(), precision));
      }
    }
    return script(wanted, *context, *writer);
  }

  // How it answers to be asked for its description. To be set before it is asked.
  void set_described(grpc::Status described) { described_ = std::move(described); }

  // Whether the first message tells the device. To be set before it is asked.
  void set_greets(bool greets) { greets_ = greets; }

 private:
  v1::DescribeResponse description_;
  grpc::Status described_;
  bool greets_ = true;
  int port_ = 0;
  mutable absl::Mutex mutex_;
  Script script_ ABSL_GUARDED_BY(mutex_) = AnswerAll;
  std::vector<v1::ProfileRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> server_;
};

// Counts the rows that have come from a FakeProfiler that tells one a message, where they are
// received. Thread-safe.
class AwaitedRows {
 public:
  // Await() is for so many.
  explicit AwaitedRows(int wanted = 0) : wanted_(wanted) {}

  // The progress to receive them with.
  Progress progress() {
    Progress progress;
    progress.report = [this](double, absl::string_view detail) {
      absl::MutexLock lock(&mutex_);
      if (detail == FakeProfiler::kRow) ++come_;
    };
    return progress;
  }
  void Await() {
    absl::MutexLock lock(&mutex_);
    const auto there = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return come_ >= wanted_; };
    mutex_.Await(absl::Condition(&there));
  }
  // Waits for one more than the last time.
  void AwaitNext() {
    {
      absl::MutexLock lock(&mutex_);
      ++wanted_;
    }
    Await();
  }

 private:
  absl::Mutex mutex_;
  int wanted_ ABSL_GUARDED_BY(mutex_);
  int come_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_PROFILERS_REMOTE_FAKE_PROFILER_H_
