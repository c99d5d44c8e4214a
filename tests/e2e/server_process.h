#ifndef HALFTONE_TESTS_E2E_SERVER_PROCESS_H_
#define HALFTONE_TESTS_E2E_SERVER_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace halftone {

// The real server, as a process of its own on a free port. Killed with the object.
class ServerProcess {
 public:
  struct Options {
    std::string state_directory;
    // Files that it writes may not grow beyond this (0: any size): a full disk in miniature.
    int64_t max_file_bytes = 0;
    // FullDisk::path() of the disk that it writes to; empty: the machine's.
    std::string full_disk;
  };
  // Waits until it listens; INTERNAL tells the exit code when it ends instead.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const Options& options);
  ~ServerProcess();

  const std::string& address() const { return address_; }

  // kill -9: no chance to tidy up.
  void Kill();
  // SIGTERM; the exit code.
  int Terminate();
  bool IsRunning();

 private:
  ServerProcess(pid_t pid, int out) : pid_(pid), out_(out) {}
  int Wait();

  pid_t pid_;
  int out_;
  std::string address_;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_E2E_SERVER_PROCESS_H_
