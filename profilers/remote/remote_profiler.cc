#include "profilers/remote/remote_profiler.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "nn/onnx/export.h"
#include "profilers/remote/cost_ledger.h"
#include "profilers/remote/direct_pool.h"
#include "profilers/remote/protocol.h"

namespace halftone {
namespace {

constexpr absl::Duration kStoreInterval = absl::Seconds(1);

bool Runs(const RemoteOffer& offer, const Precision& precision) {
  const std::vector<Precision>& precisions = offer.description.precisions;
  return std::find(precisions.begin(), precisions.end(), precision) != precisions.end();
}

// Whether it can be asked for all of the request.
bool Runs(const RemoteOffer& offer, const ProfileRequest& request) {
  if (request.cold_caches && !offer.description.empties_caches) return false;
  return std::all_of(request.precisions.begin(), request.precisions.end(),
                     [&](const Precision& precision) { return Runs(offer, precision); });
}

v1::ProfiledLayer ToProto(const Layer& layer) {
  v1::ProfiledLayer message;
  message.set_name(layer.name);
  message.set_op(layer.op);
  for (const int64_t size : layer.src_shape.dims()) message.add_src_shape(size);
  for (const int64_t size : layer.weights_shape.dims()) message.add_weights_shape(size);
  for (const int64_t size : layer.dst_shape.dims()) message.add_dst_shape(size);
  message.set_macs(layer.macs);
  message.set_parameters(layer.parameters);
  message.set_groups(layer.groups);
  return message;
}

absl::StatusOr<v1::ProfileRequest> MakeMessage(const ProfileRequest& request) {
  v1::ProfileRequest message;
  message.set_protocol_version(kProfilerProtocolVersion);
  HT_ASSIGN_OR_RETURN(ExportedOnnx model, ExportQuantizedOnnx(*request.graph, {}));
  message.set_model_onnx(std::move(model.bytes));
  if (message.model_onnx().size() > kMaxSentModelBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("the model has ", message.model_onnx().size(),
                                                     " bytes, and profilers elsewhere take ",
                                                     kMaxSentModelBytes));
  }
  for (const Layer& layer : request.layers->layers) *message.add_layers() = ToProto(layer);
  for (const Precision& precision : request.precisions) {
    message.add_precisions(precision.ToString());
  }
  message.set_batch(request.batch);
  message.set_threads(request.threads);
  message.set_refresh(request.refresh);
  message.set_cold_caches(request.cold_caches);
  return message;
}

// One Profile call, over as many profilers as it takes.
class Profiling {
 public:
  Profiling(const std::string& target, const ProfileRequest& request, RemotePool& pool,
            CostCache* cache, const RemoteOptions& options, const Progress& progress)
      : target_(target),
        request_(request),
        pool_(pool),
        cache_(cache),
        options_(options),
        progress_(progress),
        ledger_(request) {}

  absl::StatusOr<CostTable> Run() {
    HT_RETURN_IF_ERROR(progress_.Step(0, "writing the model"));
    HT_ASSIGN_OR_RETURN(message_, MakeMessage(request_));
    model_hash_ = Sha256Hex(message_.model_onnx());
    return Awaited(request_.waiting, [&] { return AskUntilDone(); });
  }

 private:
  absl::StatusOr<CostTable> AskUntilDone() {
    while (true) {
      HT_ASSIGN_OR_RETURN(const std::vector<std::string> ids, Candidates());
      HT_RETURN_IF_ERROR(progress_.Step(last_fraction_, "waiting for the profiler to be free"));
      absl::StatusOr<std::unique_ptr<RemoteLease>> lease =
          pool_.Acquire(ids, progress_.cancellation);
      if (absl::IsUnavailable(lease.status())) {
        given_up_.insert(ids.begin(), ids.end());
        continue;
      }
      HT_RETURN_IF_ERROR(lease.status());
      TakeDevice((*lease)->offer().description.device);
      if (!ledger_.IsComplete()) {
        HT_ASSIGN_OR_RETURN(const bool done, Ask(**lease));
        if (!done) continue;
      }
      HT_RETURN_IF_ERROR(progress_.Step(1, "profiled"));
      return ledger_.ToTable(target_, measured_on_);
    }
  }

  // The profilers that may be asked now: of equal device with the one whose rows are here, if there
  // are any.
  absl::StatusOr<std::vector<std::string>> Candidates() const {
    std::vector<std::string> all, equal;
    for (const RemoteOffer& offer : pool_.List()) {
      if (given_up_.count(offer.id) > 0 || !Runs(offer, request_)) continue;
      all.push_back(offer.id);
      if (DeviceIdentity(offer.description.device) == identity_) equal.push_back(offer.id);
    }
    if (!equal.empty()) return equal;
    if (!all.empty()) return all;
    if (deaths_.empty()) {
      return absl::UnavailableError(absl::StrCat("target '", target_, "': no profiler is there"));
    }
    return absl::UnavailableError(
        absl::StrCat("target '", target_, "': ", absl::StrJoin(deaths_, "; "),
                     "; no other profiler is there. What was delivered is kept for the next time"));
  }

  // The ledger becomes that of `device`: as it is, if its rows are of an equal one.
  void TakeDevice(const DeviceInfo& device) {
    const std::string identity = DeviceIdentity(device);
    if (identity == identity_) return;
    identity_ = identity;
    device_ = device;
    measured_on_ = device;
    if (request_.threads > 0) measured_on_.threads = request_.threads;
    ledger_ = CostLedger(request_);
    if (cache_ == nullptr || request_.refresh) return;
    const absl::StatusOr<std::string> stored = cache_->Load(Key());
    if (stored.ok()) ledger_.Restore(*stored);
  }

  std::string Key() const {
    return absl::StrCat("remote/1/", identity_, "/", model_hash_, "/", request_.batch, "/",
                        request_.threads, request_.cold_caches ? "/cold" : "");
  }

  // Failing to keep them costs the rows of a later death, not this answer.
  void StoreRows() const {
    if (cache_ == nullptr || ledger_.IsDisturbed()) return;
    cache_->Store(Key(), ledger_.Serialize()).IgnoreError();
  }

  // Reads one answer; false when the profiler died.
  absl::StatusOr<bool> Ask(RemoteLease& lease) {
    const CostLedger before = ledger_;
    const std::string who =
        absl::StrCat("target '", target_, "': profiler at ", lease.offer().address);
    message_.clear_known();
    for (const auto& [layer, precision] : ledger_.Known()) {
      v1::LayerPrecision* known = message_.add_known();
      known->set_layer(layer);
      known->set_precision(precision.ToString());
    }
    ledger_.BeginStream();
    greeted_ = done_ = false;
    const StreamEnd end = lease.client().Profile(
        message_, progress_.cancellation.clock(), options_.max_silence,
        [&](const v1::ProfileResponse& response) { return Receive(response, lease); },
        [&] {
          HT_RETURN_IF_ERROR(progress_.cancellation.Check());
          return lease.Check();
        });
    // A death after the last word is none.
    if (done_ && (end.kind == StreamEnd::Kind::kDone || end.kind == StreamEnd::Kind::kDied)) {
      StoreRows();
      return true;
    }
    const size_t rows = ledger_.Known().size();
    absl::Status status = end.status;
    if (end.kind == StreamEnd::Kind::kDone) {
      status = absl::DataLossError("it ended its answer without saying that it is done");
    }
    if (absl::IsDataLoss(status)) {
      // An answer that is wrong in one place is not to be trusted in the others.
      ledger_ = before;
      StoreRows();
      // It may quote what the profiler sent.
      return absl::DataLossError(absl::StrCat(who, ": ", LogLine(status.message())));
    }
    StoreRows();
    HT_RETURN_IF_ERROR(progress_.cancellation.Check());
    if (end.kind == StreamEnd::Kind::kRefused) return Annotate(status, who);
    given_up_.insert(lease.offer().id);
    deaths_.push_back(absl::StrCat("the profiler at ", lease.offer().address, " died with ", rows,
                                   " of ", ledger_.wanted(), " rows delivered (", status.message(),
                                   ")"));
    return false;
  }

  absl::Status Receive(const v1::ProfileResponse& response, RemoteLease& lease) {
    lease.NoteLife();
    if (!greeted_) HT_RETURN_IF_ERROR(Greet(response));
    if (done_) return absl::DataLossError("it says more after it said that it is done");
    const Origin origin = {
        absl::StrCat(target_, " at ", lease.offer().address, ": ", measured_on_.name),
        FormatUtc(absl::Now()), measured_on_.library};
    HT_RETURN_IF_ERROR(ledger_.Add(response, origin));
    if (response.layers_size() > 0 && SteadyClock::Real().Now() - last_stored_ > kStoreInterval) {
      StoreRows();
      last_stored_ = SteadyClock::Real().Now();
    }
    if (response.done()) {
      HT_RETURN_IF_ERROR(ledger_.EndStream(response.fixed_latency_ns()));
      done_ = true;
    }
    // The comparison is false for what is not a number.
    if (response.fraction() >= last_fraction_ && response.fraction() <= 1) {
      last_fraction_ = response.fraction();
    }
    return progress_.Step(last_fraction_, response.detail().substr(0, 200));
  }

  // The profiler that answers has to be the one that described itself.
  absl::Status Greet(const v1::ProfileResponse& response) {
    if (!response.has_device()) {
      return absl::DataLossError("its first message does not tell the device");
    }
    const absl::StatusOr<DeviceInfo> device = DeviceFromProto(response.device());
    if (!device.ok()) return absl::DataLossError(device.status().message());
    DeviceInfo expected = device_;
    if (request_.threads > 0) expected.threads = device->threads;
    if (DeviceIdentity(*device) != DeviceIdentity(expected)) {
      return absl::DataLossError(absl::StrCat("it describes itself as '", DeviceText(device_),
                                              "', but the rows are of '", DeviceText(*device),
                                              "'"));
    }
    measured_on_ = *device;
    greeted_ = true;
    return absl::OkStatus();
  }

  const std::string& target_;
  const ProfileRequest& request_;
  RemotePool& pool_;
  CostCache* const cache_;
  const RemoteOptions& options_;
  const Progress& progress_;

  v1::ProfileRequest message_;
  std::string model_hash_;
  std::set<std::string> given_up_;   // ids
  std::vector<std::string> deaths_;  // in words

  CostLedger ledger_;
  std::string identity_;  // of device_, whose rows the ledger has
  DeviceInfo device_, measured_on_;
  bool greeted_ = false, done_ = false;
  double last_fraction_ = 0;
  SteadyTime last_stored_;
};

class RemoteProfiler final : public CostProfiler {
 public:
  RemoteProfiler(std::string target, std::shared_ptr<RemotePool> pool, CostCache* cache,
                 const RemoteOptions& options)
      : target_(std::move(target)), pool_(std::move(pool)), cache_(cache), options_(options) {}

  std::string target() const override { return target_; }

  DeviceInfo Describe() const override {
    const std::vector<RemoteOffer> offers = pool_->List();
    return offers.empty() ? DeviceInfo() : offers[0].description.device;
  }

  bool Supports(const Precision& precision) const override {
    const std::vector<RemoteOffer> offers = pool_->List();
    return std::any_of(offers.begin(), offers.end(),
                       [&](const RemoteOffer& offer) { return Runs(offer, precision); });
  }

  bool EmptiesCaches() const override {
    const std::vector<RemoteOffer> offers = pool_->List();
    return std::any_of(offers.begin(), offers.end(),
                       [](const RemoteOffer& offer) { return offer.description.empties_caches; });
  }

  absl::StatusOr<CostTable> Profile(const ProfileRequest& request,
                                    const Progress& progress) override {
    if (request.batch < 1) {
      return absl::InvalidArgumentError(absl::StrCat("batch ", request.batch, " is below 1"));
    }
    if (request.precisions.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "target '", target_, "': no precision is asked for: name those that it runs"));
    }
    if (!pool_->List().empty()) HT_RETURN_IF_ERROR(CheckIsRun(request));
    return Profiling(target_, request, *pool_, cache_, options_, progress).Run();
  }

 private:
  absl::Status CheckIsRun(const ProfileRequest& request) const {
    for (const Precision& precision : request.precisions) {
      if (Supports(precision)) continue;
      return absl::UnimplementedError(
          absl::StrCat("target '", target_, "' does not run ", precision.ToString()));
    }
    if (request.cold_caches && !EmptiesCaches()) {
      return absl::UnimplementedError(absl::StrCat("target '", target_, "' empties no caches"));
    }
    return absl::OkStatus();
  }

  const std::string target_;
  const std::shared_ptr<RemotePool> pool_;
  CostCache* const cache_;
  const RemoteOptions options_;
};

}  // namespace

std::unique_ptr<CostProfiler> MakeRemoteProfiler(std::string target,
                                                 std::shared_ptr<RemotePool> pool, CostCache* cache,
                                                 const RemoteOptions& options) {
  return std::make_unique<RemoteProfiler>(std::move(target), std::move(pool), cache, options);
}

absl::StatusOr<std::unique_ptr<CostProfiler>> ConnectRemoteProfiler(const std::string& target,
                                                                    CostCache* cache,
                                                                    const RemoteOptions& options) {
  HT_ASSIGN_OR_RETURN(const HostPort address,
                      ParseHostPort(absl::StripPrefix(target, kProfilerScheme)));
  HT_ASSIGN_OR_RETURN(std::shared_ptr<RemotePool> pool,
                      DirectPool::Connect(address.ToString(), options.connect_timeout));
  return MakeRemoteProfiler(target, std::move(pool), cache, options);
}

absl::Status RegisterRemoteAddresses(ProfilerRegistry& registry, CostCache* cache) {
  return registry.RegisterAddresses(kProfilerScheme, [cache](const std::string& target) {
    return ConnectRemoteProfiler(target, cache, RemoteOptions());
  });
}

}  // namespace halftone
