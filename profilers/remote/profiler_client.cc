#include "profilers/remote/profiler_client.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/printable.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "grpcpp/grpcpp.h"
#include "profilers/remote/protocol.h"

namespace halftone {
namespace {

constexpr int kMaxResponseBytes = 16 << 20;
constexpr size_t kMaxDescriptionBytes = 1024;
constexpr int kMaxPrecisions = 1024;
constexpr auto kCheckInterval = std::chrono::milliseconds(50);

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxResponseBytes);
  arguments.SetMaxSendMessageSize(-1);
  // A profiler that comes back at the same address does not inherit an old connection's backoff.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // The scheme is written out, so that no part of the address can be taken for another one.
  return grpc::CreateCustomChannel(absl::StrCat("dns:///", address),
                                   grpc::InsecureChannelCredentials(), arguments);
}

absl::StatusOr<ProfilerDescription> Read(const v1::DescribeResponse& response) {
  ProfilerDescription description;
  if (response.description().size() > kMaxDescriptionBytes) {
    return absl::DataLossError("description: is too long");
  }
  description.description = PrintableLine(response.description());
  const absl::StatusOr<DeviceInfo> device = DeviceFromProto(response.device());
  if (!device.ok()) return absl::DataLossError(device.status().message());
  description.device = *device;
  if (response.precisions_size() > kMaxPrecisions) {
    return absl::DataLossError("precisions: there are too many");
  }
  for (const std::string& text : response.precisions()) {
    const absl::StatusOr<Precision> precision = Precision::Parse(text.substr(0, 100));
    if (!precision.ok()) {
      return absl::DataLossError(absl::StrCat("precisions: ", precision.status().message()));
    }
    description.precisions.push_back(*precision);
  }
  description.empties_caches = response.empties_caches();
  return description;
}

// One call of Profile, whose events come through a queue, so that waiting for them can be cut
// short. The destructor ends the call.
class Stream {
 public:
  Stream(v1::ProfilerService::Stub* stub, const v1::ProfileRequest& request)
      : reader_(stub->PrepareAsyncProfile(&context_, request, &queue_)) {
    reader_->StartCall(nullptr);
    ++pending_;
  }

  ~Stream() {
    context_.TryCancel();
    void* tag = nullptr;
    bool ok = false;
    while (pending_ > 0 && queue_.Next(&tag, &ok)) --pending_;
    queue_.Shutdown();
    while (queue_.Next(&tag, &ok)) {
    }
  }

  enum class Event { kNothing, kDone, kFailed };
  // Waits a moment for what was started to be done.
  Event Wait() {
    void* tag = nullptr;
    bool ok = false;
    const auto deadline = std::chrono::system_clock::now() + kCheckInterval;
    if (queue_.AsyncNext(&tag, &ok, deadline) != grpc::CompletionQueue::GOT_EVENT) {
      return Event::kNothing;
    }
    --pending_;
    return ok ? Event::kDone : Event::kFailed;
  }

  void StartRead(v1::ProfileResponse* response) {
    reader_->Read(response, nullptr);
    ++pending_;
  }
  void StartFinish(grpc::Status* status) {
    reader_->Finish(status, nullptr);
    ++pending_;
  }

 private:
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  int pending_ = 0;
  std::unique_ptr<grpc::ClientAsyncReader<v1::ProfileResponse>> reader_;
};

// How broken connections and processes that go away look.
bool LooksDead(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::INTERNAL:
      return true;
    default:
      return false;
  }
}

// What a profiler answered, in this program's words: its own codes would be taken for those of a
// job or a call that asked it. Its text is printable, on one line.
absl::Status FromProfiler(const grpc::Status& status) {
  const absl::Status own = FromGrpc(status);
  const std::string text =
      absl::StrCat(absl::StatusCodeToString(own.code()), ": ", LogLine(own.message()));
  if (LooksDead(status)) return absl::UnavailableError(text);
  return absl::FailedPreconditionError(absl::StrCat("it refused with ", text));
}

// How a call ended that the other side ended.
StreamEnd EndOf(const grpc::Status& status) {
  if (status.ok()) return {};
  if (LooksDead(status)) return {StreamEnd::Kind::kDied, FromProfiler(status)};
  // The contract's word for what the device does not execute, which is what it means here.
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    return {StreamEnd::Kind::kRefused,
            absl::UnimplementedError(LogLine(FromGrpc(status).message()))};
  }
  return {StreamEnd::Kind::kRefused, FromProfiler(status)};
}

}  // namespace

ProfilerClient::ProfilerClient(const std::string& address)
    : address_(address), stub_(v1::ProfilerService::NewStub(Connect(address))) {}

absl::StatusOr<ProfilerDescription> ProfilerClient::Describe(absl::Duration timeout,
                                                             WhenRefused when_refused) const {
  const std::string who = absl::StrCat("the profiler at ", address_);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  context.set_wait_for_ready(when_refused == WhenRefused::kRetry);
  v1::DescribeRequest request;
  request.set_protocol_version(kProfilerProtocolVersion);
  v1::DescribeResponse response;
  const grpc::Status status = stub_->Describe(&context, request, &response);
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::UnavailableError(
        absl::StrCat(who, " does not answer within ", absl::FormatDuration(timeout)));
  }
  if (!status.ok()) return Annotate(FromProfiler(status), who);
  HT_RETURN_IF_ERROR(CheckProtocolVersion(response.protocol_version(), who));
  absl::StatusOr<ProfilerDescription> description = Read(response);
  if (!description.ok()) return Annotate(description.status(), who);
  return description;
}

StreamEnd ProfilerClient::Profile(
    const v1::ProfileRequest& request, const SteadyClock& clock, absl::Duration max_silence,
    const std::function<absl::Status(const v1::ProfileResponse&)>& receive,
    const std::function<absl::Status()>& check) const {
  Stream stream(stub_.get(), request);
  v1::ProfileResponse response;
  grpc::Status status;
  bool started = false, finishing = false;
  SteadyTime last = clock.Now();
  while (true) {
    if (const absl::Status stop = check(); !stop.ok()) return {StreamEnd::Kind::kStopped, stop};
    const Stream::Event event = stream.Wait();
    if (event == Stream::Event::kNothing) {
      if (clock.Now() - last < max_silence) continue;
      return {StreamEnd::Kind::kDied,
              absl::UnavailableError(
                  absl::StrCat("nothing came from it for ", absl::FormatDuration(max_silence)))};
    }
    last = clock.Now();
    if (finishing) return EndOf(status);
    if (event == Stream::Event::kFailed) {
      finishing = true;
      stream.StartFinish(&status);
      continue;
    }
    if (started) {
      const absl::Status received = receive(response);
      if (!received.ok()) return {StreamEnd::Kind::kStopped, received};
    }
    started = true;
    response.Clear();
    stream.StartRead(&response);
  }
}

}  // namespace halftone
