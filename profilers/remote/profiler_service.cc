#include "profilers/remote/profiler_service.h"

#include <algorithm>
#include <exception>
#include <new>
#include <set>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "grpcpp/server_context.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "profilers/remote/protocol.h"

namespace halftone {
namespace {

constexpr absl::Duration kCheckInterval = absl::Milliseconds(50);
constexpr absl::Duration kLifeInterval = absl::Seconds(10);
constexpr absl::Duration kProgressInterval = absl::Milliseconds(100);
constexpr int kMaxWaiting = 8;
constexpr int kMaxBatch = 4096;
constexpr int kMaxThreads = 1024;
constexpr int kMaxPrecisions = 1024;
constexpr int kCostsPerMessage = 512;
// Of the progress: the rows, then edges and whole networks.
constexpr double kShareOfRows = 0.7;

// The network as Halftone's own profilers see it.
absl::StatusOr<Graph> ReadModel(const v1::ProfileRequest& request) {
  HT_ASSIGN_OR_RETURN(const Graph graph, ImportOnnx(request.model_onnx(), {}));
  return BindLayers(graph, request.batch());
}

absl::Status CheckRange(absl::string_view field, int value, int least, int most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", value, " is not in ", least, " to ", most));
}

// The precisions that Describe tells of: all forms that there are, as far as the target takes them.
std::vector<Precision> SupportedPrecisions(const CostProfiler& profiler) {
  const auto bf16 = NumberFormat{NumberFormat::Kind::kBFloat16, 16};
  std::vector<NumberFormat> formats = {NumberFormat(), bf16};
  for (int bits = 1; bits <= 16; ++bits) formats.push_back(NumberFormat::Integer(bits));
  std::vector<Precision> supported;
  for (const NumberFormat& weights : formats) {
    for (const NumberFormat& activations : formats) {
      const Precision precision{weights, activations};
      const bool has_name = Precision::Parse(precision.ToString()).ok();
      if (has_name && profiler.Supports(precision)) supported.push_back(precision);
    }
  }
  return supported;
}

}  // namespace

// One call of Profile. The thread that computes and the one that watches share the stream.
class ProfilerServiceImpl::Call {
 public:
  Call(ProfilerServiceImpl* service, grpc::ServerContext* context,
       const v1::ProfileRequest& request, grpc::ServerWriter<v1::ProfileResponse>* writer)
      : service_(service), context_(context), request_(request), writer_(writer) {}

  absl::Status Run() {
    std::thread watcher([this] { Watch(); });
    const absl::Status status = AnswerGuarded();
    ended_.Notify();
    watcher.join();
    if (service_->stopping_) return absl::UnavailableError("the profiler is going away");
    return status;
  }

 private:
  // Sees to the end of the call and to signs of life.
  void Watch() {
    while (!ended_.WaitForNotificationWithTimeout(kCheckInterval)) {
      if (context_->IsCancelled() || service_->stopping_) cancellation_.Cancel();
      bool silent = false;
      {
        absl::MutexLock lock(&mutex_);
        silent = SteadyClock::Real().Now() - last_write_ >= kLifeInterval;
      }
      if (silent) Write(v1::ProfileResponse());
    }
  }

  void Write(const v1::ProfileResponse& response) {
    absl::MutexLock lock(&mutex_);
    last_write_ = SteadyClock::Real().Now();
    if (!writer_->Write(response)) cancellation_.Cancel();
  }

  // What a library throws ends this call alone.
  absl::Status AnswerGuarded() {
    try {
      return Answer();
    } catch (const std::bad_alloc&) {
      return absl::ResourceExhaustedError("this needs more memory than the profiler has");
    } catch (const std::exception& error) {
      return absl::InternalError(absl::StrCat("unexpected exception: ", error.what()));
    }
  }

  absl::Status Answer() {
    HT_RETURN_IF_ERROR(ReadRequest());
    SendDevice();
    HT_RETURN_IF_ERROR(AwaitTurn());
    const auto free = absl::MakeCleanup([this] {
      absl::MutexLock lock(&service_->busy_mutex_);
      service_->busy_ = false;
    });
    return Profile();
  }

  absl::Status ReadRequest() {
    HT_RETURN_IF_ERROR(CheckProtocolVersion(request_.protocol_version(), "the caller"));
    HT_RETURN_IF_ERROR(CheckRange("batch", request_.batch(), 1, kMaxBatch));
    HT_RETURN_IF_ERROR(CheckRange("threads", request_.threads(), 0, kMaxThreads));
    HT_RETURN_IF_ERROR(CheckRange("precisions", request_.precisions_size(), 1, kMaxPrecisions));
    HT_RETURN_IF_ERROR(ReadPrecisions());
    if (request_.cold_caches() && !service_->profiler_->EmptiesCaches()) {
      return absl::UnimplementedError(absl::StrCat(
          "cold_caches: target '", service_->profiler_->target(), "' empties no caches"));
    }
    HT_ASSIGN_OR_RETURN(graph_, ReadModel(request_));
    HT_ASSIGN_OR_RETURN(layers_, FindLayers(graph_));
    for (const v1::ProfiledLayer& layer : request_.layers()) {
      if (layers_.Find(layer.name()) == nullptr) {
        return absl::NotFoundError(
            absl::StrCat("layers: the model has no layer ", Quoted(layer.name())));
      }
      asked_.insert(layer.name());
    }
    for (const v1::LayerPrecision& known : request_.known()) {
      known_.emplace(known.layer(), known.precision());
    }
    return absl::OkStatus();
  }

  absl::Status ReadPrecisions() {
    for (const std::string& text : request_.precisions()) {
      const absl::StatusOr<Precision> precision = Precision::Parse(text);
      HT_RETURN_IF_ERROR(Annotate(precision.status(), "precisions"));
      if (!service_->profiler_->Supports(*precision)) {
        return absl::UnimplementedError(
            absl::StrCat("target '", service_->profiler_->target(), "' does not run ", text));
      }
      precisions_.push_back(*precision);
    }
    return absl::OkStatus();
  }

  int Threads() const {
    return request_.threads() > 0 ? request_.threads() : service_->options_.threads;
  }

  absl::Status AwaitTurn() {
    absl::MutexLock lock(&service_->busy_mutex_);
    if (service_->waiting_ >= kMaxWaiting) {
      return absl::ResourceExhaustedError(
          absl::StrCat(service_->waiting_, " calls wait for this profiler already"));
    }
    ++service_->waiting_;
    const auto is_free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(service_->busy_mutex_) {
      return !service_->busy_;
    };
    absl::Status status = cancellation_.Check();
    while (status.ok() &&
           !service_->busy_mutex_.AwaitWithTimeout(absl::Condition(&is_free), kCheckInterval)) {
      status = cancellation_.Check();
    }
    --service_->waiting_;
    if (status.ok()) service_->busy_ = true;
    return status;
  }

  absl::Status Profile() {
    std::vector<Precision> missing;
    for (const Precision& precision : precisions_) {
      if (!IsKnown(precision)) missing.push_back(precision);
    }
    for (size_t i = 0; i < missing.size(); ++i) {
      const double step = kShareOfRows / static_cast<double>(missing.size());
      const double begin = step * static_cast<double>(i);
      HT_ASSIGN_OR_RETURN(const CostTable table,
                          ProfileIn({missing[i]}, request_.refresh(), begin, begin + step));
      SendRows(table);
    }
    HT_ASSIGN_OR_RETURN(const CostTable table, ProfileIn(precisions_, false, kShareOfRows, 1));
    SendRest(table);
    return cancellation_.Check();
  }

  absl::StatusOr<CostTable> ProfileIn(const std::vector<Precision>& precisions, bool refresh,
                                      double begin, double end) {
    ProfileRequest request;
    request.graph = &graph_;
    request.layers = &layers_;
    request.precisions = precisions;
    request.batch = request_.batch();
    request.threads = Threads();
    request.refresh = refresh;
    request.cold_caches = request_.cold_caches();
    Progress progress;
    progress.cancellation = cancellation_;
    progress.report = [&](double fraction, absl::string_view detail) {
      SendProgress(begin + (end - begin) * fraction, detail);
    };
    return service_->profiler_->Profile(request, progress);
  }

  // Whether the caller has all rows in that precision.
  bool IsKnown(const Precision& precision) const {
    return std::all_of(asked_.begin(), asked_.end(), [&](const std::string& layer) {
      return known_.count({layer, precision.ToString()}) > 0;
    });
  }

  void SendDevice() {
    v1::ProfileResponse response;
    *response.mutable_device() = DeviceToProto(service_->Device(Threads()));
    response.set_detail("waiting for the device");
    Write(response);
  }

  void SendProgress(double fraction, absl::string_view detail) {
    {
      absl::MutexLock lock(&mutex_);
      if (SteadyClock::Real().Now() - last_write_ < kProgressInterval) return;
    }
    v1::ProfileResponse response;
    response.set_fraction(fraction);
    response.set_detail(std::string(detail));
    Write(response);
  }

  // The rows that were asked for and are not with the caller.
  void SendRows(const CostTable& table) {
    v1::ProfileResponse response;
    for (const CostRow& row : table.rows) {
      if (asked_.count(row.layer) == 0) continue;
      if (known_.count({row.layer, row.precision.ToString()}) > 0) continue;
      *response.add_layers() = RowToProto(row);
      if (response.layers_size() < kCostsPerMessage) continue;
      Write(response);
      response.Clear();
    }
    if (response.layers_size() > 0) Write(response);
  }

  void SendRest(const CostTable& table) {
    v1::ProfileResponse response;
    for (const EdgeRow& edge : table.edges) {
      if (asked_.count(edge.from) == 0 || asked_.count(edge.to) == 0) continue;
      *response.add_edges() = EdgeToProto(edge);
      if (response.edges_size() < kCostsPerMessage) continue;
      Write(response);
      response.Clear();
    }
    for (const NetworkRow& row : table.network) {
      if (!row.measured_ns) continue;
      v1::NetworkCost* network = response.add_network();
      network->set_precision(row.precision.ToString());
      network->set_measured_ns(*row.measured_ns);
    }
    response.set_fraction(1);
    response.set_fixed_latency_ns(table.fixed_latency_ns);
    response.set_done(true);
    Write(response);
  }

  ProfilerServiceImpl* const service_;
  grpc::ServerContext* const context_;
  const v1::ProfileRequest& request_;
  Cancellation cancellation_;
  absl::Notification ended_;

  Graph graph_;
  LayerSet layers_;
  std::vector<Precision> precisions_;
  std::set<std::string> asked_;  // layers
  std::set<std::pair<std::string, std::string>> known_;

  absl::Mutex mutex_;
  grpc::ServerWriter<v1::ProfileResponse>* const writer_ ABSL_PT_GUARDED_BY(mutex_);
  SteadyTime last_write_ ABSL_GUARDED_BY(mutex_) = SteadyClock::Real().Now();
};

ProfilerServiceImpl::ProfilerServiceImpl(CostProfiler* profiler, Options options)
    : profiler_(profiler), options_(std::move(options)) {}

DeviceInfo ProfilerServiceImpl::Device(int threads) const {
  DeviceInfo device = profiler_->Describe();
  if (threads > 0) device.threads = threads;
  if (!options_.configuration.empty()) {
    absl::StrAppend(&device.library, " (", options_.configuration, ")");
  }
  return device;
}

grpc::Status ProfilerServiceImpl::Describe(grpc::ServerContext*, const v1::DescribeRequest* request,
                                           v1::DescribeResponse* response) {
  const absl::Status version = CheckProtocolVersion(request->protocol_version(), "the caller");
  if (!version.ok()) return ToGrpc(version);
  response->set_protocol_version(kProfilerProtocolVersion);
  response->set_description(options_.description);
  *response->mutable_device() = DeviceToProto(Device(options_.threads));
  for (const Precision& precision : SupportedPrecisions(*profiler_)) {
    response->add_precisions(precision.ToString());
  }
  response->set_empties_caches(profiler_->EmptiesCaches());
  return grpc::Status::OK;
}

grpc::Status ProfilerServiceImpl::Profile(grpc::ServerContext* context,
                                          const v1::ProfileRequest* request,
                                          grpc::ServerWriter<v1::ProfileResponse>* writer) {
  return ToGrpc(Call(this, context, *request, writer).Run());
}

}  // namespace halftone
