#ifndef HALFTONE_PROFILERS_REMOTE_PROFILER_SERVICE_H_
#define HALFTONE_PROFILERS_REMOTE_PROFILER_SERVICE_H_

#include <atomic>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "halftone/v1/profiler_service.grpc.pb.h"
#include "profilers/cost_profiler.h"

namespace halftone {

// Offers a CostProfiler to other processes (profiler_service.proto). Rows are delivered precision
// by precision, so that what is measured is not lost with what is not: a profiler that keeps
// measured costs in a cache does not measure them again for the edges, which come last. One Profile
// call is worked on at a time; up to eight others wait, with signs of life. Thread-safe.
class ProfilerServiceImpl final : public v1::ProfilerService::Service {
 public:
  struct Options {
    std::string description;  // a line for people
    int threads = 0;          // where the caller leaves it open; 0: the target's default
    // What else decides the costs, besides what the target tells of its device: the hash of a file
    // that describes it.
    std::string configuration;
  };

  // Borrows `profiler`.
  ProfilerServiceImpl(CostProfiler* profiler, Options options);

  grpc::Status Describe(grpc::ServerContext* context, const v1::DescribeRequest* request,
                        v1::DescribeResponse* response) override;
  grpc::Status Profile(grpc::ServerContext* context, const v1::ProfileRequest* request,
                       grpc::ServerWriter<v1::ProfileResponse>* writer) override;

  // Ends what runs and refuses what comes, with UNAVAILABLE.
  void Stop() { stopping_ = true; }

 private:
  // With so many threads, 0: the default.
  DeviceInfo Device(int threads) const;

  CostProfiler* const profiler_;
  const Options options_;
  std::atomic<bool> stopping_ = false;
  absl::Mutex busy_mutex_;
  bool busy_ ABSL_GUARDED_BY(busy_mutex_) = false;
  int waiting_ ABSL_GUARDED_BY(busy_mutex_) = 0;

  class Call;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_REMOTE_PROFILER_SERVICE_H_
