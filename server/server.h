#ifndef HALFTONE_SERVER_SERVER_H_
#define HALFTONE_SERVER_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/jobs/retention.h"

namespace grpc {
class Channel;
}

namespace halftone {

// $XDG_STATE_HOME/halftone, or .local/state/halftone in the home directory.
std::string DefaultStateDirectory();

struct ServerOptions {
  std::string state_directory;
  // HOST:PORT to listen on (port 0: any free one); empty: only in this process.
  std::string address;
  // Whether this process runs the queue of the state directory, which one process at a time may.
  bool run_jobs = true;
  // How many jobs may be RUNNING, at least 1: one that works, and those that wait for profilers
  // elsewhere, each of which may keep its network in memory twice.
  int max_running_jobs = 16;
  // Whether targets may be addresses of profilers.
  bool target_addresses = false;
  // Whether profilers may register addresses on other hosts than the one they call from.
  bool profilers_anywhere = false;
  // What the state directory keeps; who runs its jobs also removes the rest, every hour.
  Retention retention;
};

// The service: state directory, job runner, gRPC services, health and reflection. Thread-safe.
class Server {
 public:
  // FAILED_PRECONDITION when another process runs the jobs of the state directory, or when nothing
  // can listen at the address (the message says why); INVALID_ARGUMENT when it is none.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options);
  // As Shutdown().
  ~Server();

  // The port that it listens on; 0 if none.
  int port() const;
  // A channel to the services within this process.
  std::shared_ptr<grpc::Channel> InProcessChannel();

  // Takes the state directory, which RunJob does as well: for who is to know first that it can.
  // FAILED_PRECONDITION when another process runs its jobs.
  absl::Status TakeDirectory();
  // Starts to run a job of the queue; only for a server that was started with !run_jobs.
  // FAILED_PRECONDITION when another process runs the jobs of the state directory.
  absl::Status RunJob(const std::string& id);

  // Refuses new calls, checkpoints the running jobs, ends watches and analyses with UNAVAILABLE,
  // and returns when all of that is done. May be called again.
  void Shutdown();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVER_H_
