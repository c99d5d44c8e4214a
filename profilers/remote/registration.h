#ifndef HALFTONE_PROFILERS_REMOTE_REGISTRATION_H_
#define HALFTONE_PROFILERS_REMOTE_REGISTRATION_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "halftone/v1/profiler_registry_service.grpc.pb.h"

namespace halftone {

// Keeps a profiler registered with a server (profiler_registry_service.proto): registers it, sends
// heartbeats three times per lease, and registers it anew when the server has forgotten it or comes
// back, waiting longer after each failure. A refusal that asking again does not change, of the name
// say, is the end. Works on a thread of its own until it is destroyed.
class Registration {
 public:
  struct Options {
    std::string server;   // HOST:PORT
    std::string name;     // of the target
    std::string address;  // of the profiler, as the server reaches it
    absl::Duration lease = absl::Seconds(30);
    // Told of what happens, on the registration's thread.
    std::function<void(const absl::Status& status, absl::string_view what)> report;
    // Told of the end, likewise; nothing is reported after it.
    std::function<void(const absl::Status& status)> refused;
  };

  explicit Registration(Options options);
  // Unregisters the profiler, if the server still answers.
  ~Registration();

 private:
  void Run();
  // Both tell how long to wait until the next step.
  absl::Duration Register();
  absl::Duration Heartbeat();
  absl::Duration Backoff();
  void Unregister();

  const Options options_;
  std::unique_ptr<v1::ProfilerRegistryService::Stub> stub_;
  std::string id_;  // empty: not registered
  int failures_ = 0;
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_REMOTE_REGISTRATION_H_
