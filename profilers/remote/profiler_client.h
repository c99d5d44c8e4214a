#ifndef HALFTONE_PROFILERS_REMOTE_PROFILER_CLIENT_H_
#define HALFTONE_PROFILERS_REMOTE_PROFILER_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "halftone/v1/profiler_service.grpc.pb.h"
#include "nn/quant/precision.h"
#include "profilers/cost_table.h"

namespace halftone {

// What a profiler tells of itself.
struct ProfilerDescription {
  std::string description;
  DeviceInfo device;
  std::vector<Precision> precisions;
  bool empties_caches = false;  // as CostProfiler::EmptiesCaches()
};

// How the answer to a Profile call ended.
struct StreamEnd {
  enum class Kind {
    kDone,     // the profiler ended it in order
    kDied,     // it broke off, or nothing came for too long
    kRefused,  // the profiler answered with an error: UNIMPLEMENTED or FAILED_PRECONDITION
    kStopped,  // whoever read it did not want more
  };
  Kind kind = Kind::kDone;
  absl::Status status;  // not OK unless kDone
};

// A connection to a profiler. Thread-safe.
class ProfilerClient {
 public:
  // `address` is HOST:PORT; nothing is sent yet.
  explicit ProfilerClient(const std::string& address);

  const std::string& address() const { return address_; }

  // What to do where nothing listens at the address.
  enum class WhenRefused {
    kRetry,  // it may be starting: until the time is over
    kFail,   // at once
  };
  // The handshake. UNAVAILABLE when nothing answers in time; FAILED_PRECONDITION names both
  // versions of the contract, or has the code and the text of a profiler that refused; DATA_LOSS
  // names what makes no sense in the answer.
  absl::StatusOr<ProfilerDescription> Describe(
      absl::Duration timeout, WhenRefused when_refused = WhenRefused::kRetry) const;

  // Reads the answer to a Profile call. `receive` is called with every message, and `check` at
  // least every 100 ms, on this thread; an error of theirs cancels the call. Nothing for
  // `max_silence`, by `clock`, is taken for death.
  StreamEnd Profile(const v1::ProfileRequest& request, const SteadyClock& clock,
                    absl::Duration max_silence,
                    const std::function<absl::Status(const v1::ProfileResponse&)>& receive,
                    const std::function<absl::Status()>& check) const;

 private:
  std::string address_;
  std::unique_ptr<v1::ProfilerService::Stub> stub_;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_REMOTE_PROFILER_CLIENT_H_
