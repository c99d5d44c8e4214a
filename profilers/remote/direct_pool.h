#ifndef HALFTONE_PROFILERS_REMOTE_DIRECT_POOL_H_
#define HALFTONE_PROFILERS_REMOTE_DIRECT_POOL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "profilers/remote/remote_pool.h"

namespace halftone {

// The one profiler at an address. Thread-safe.
class DirectPool final : public RemotePool {
 public:
  // Asks it to describe itself; errors are those of ProfilerClient::Describe.
  static absl::StatusOr<std::shared_ptr<RemotePool>> Connect(const std::string& address,
                                                             absl::Duration timeout);

  std::vector<RemoteOffer> List() const override { return {offer_}; }
  absl::StatusOr<std::unique_ptr<RemoteLease>> Acquire(const std::vector<std::string>& ids,
                                                       const Cancellation& cancellation) override;

 private:
  class Lease;
  explicit DirectPool(const std::string& address) : client_(address) {}

  const ProfilerClient client_;
  RemoteOffer offer_;
  absl::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_REMOTE_DIRECT_POOL_H_
