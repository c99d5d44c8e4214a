#ifndef HALFTONE_SERVER_SERVICES_HELD_REQUESTS_H_
#define HALFTONE_SERVER_SERVICES_HELD_REQUESTS_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace halftone {

// The bytes of large requests that are not answered yet, of all clients together: those that wait
// for their turn hold what was sent as long as they wait. Thread-safe.
class HeldRequests {
 public:
  // What counts until it is destroyed; it must not outlive the object that gave it.
  using Hold = std::shared_ptr<void>;

  // `most`: bytes of all; a client may have half of them.
  explicit HeldRequests(size_t most) : most_(most) {}

  // RESOURCE_EXHAUSTED where there is no room. `client` tells clients apart. A request of at most
  // kSmall bytes does not count: their number is bounded elsewhere.
  absl::StatusOr<Hold> Take(const std::string& client, size_t bytes);

  static constexpr size_t kSmall = size_t{64} << 10;

 private:
  void Free(const std::string& client, size_t bytes);

  const size_t most_;
  absl::Mutex mutex_;
  size_t held_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, size_t> of_clients_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace halftone

#endif  // HALFTONE_SERVER_SERVICES_HELD_REQUESTS_H_
