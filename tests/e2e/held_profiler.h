#ifndef HALFTONE_TESTS_E2E_HELD_PROFILER_H_
#define HALFTONE_TESTS_E2E_HELD_PROFILER_H_

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "tests/profilers/remote/fake_profiler.h"

namespace halftone {

// The target "held" of a server: it measures nothing until it is let go. A job that uses it is in
// the middle of its PROFILE stage for as long as a test wants, on a fast machine and on a slow one.
// It outlives the servers that it is registered at. Thread-safe.
class HeldProfiler {
 public:
  static constexpr char kTarget[] = "held";

  HeldProfiler();
  ~HeldProfiler() { LetGo(); }

  // Offers it to the server at `address`, for an hour.
  absl::Status RegisterAt(const std::string& address);
  // From now on it answers at once.
  void LetGo();
  // Waits until a server has asked it for rows; fails the test after a minute.
  void AwaitRequest();

 private:
  grpc::Status Answer(const std::vector<v1::LayerCost>& wanted, grpc::ServerContext& context,
                      FakeProfiler::Writer& writer);

  absl::Mutex mutex_;
  bool asked_ ABSL_GUARDED_BY(mutex_) = false;
  bool held_ ABSL_GUARDED_BY(mutex_) = true;
  FakeProfiler profiler_;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_E2E_HELD_PROFILER_H_
