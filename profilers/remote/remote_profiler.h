#ifndef HALFTONE_PROFILERS_REMOTE_REMOTE_PROFILER_H_
#define HALFTONE_PROFILERS_REMOTE_REMOTE_PROFILER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "profilers/cost_profiler.h"
#include "profilers/remote/remote_pool.h"

namespace halftone {

struct RemoteOptions {
  absl::Duration connect_timeout = absl::Seconds(5);
  absl::Duration max_silence = absl::Seconds(90);  // three times what the contract allows
};

// Costs that a profiler in another process tells (profiler_service.proto). Every row is checked
// before it counts; what makes no sense is DATA_LOSS, naming profiler and row, and nothing of that
// answer is kept.
//
// When a profiler dies, its rows stay, and another of the pool with an equal device is asked for
// the others; one of another device starts from nothing: a table is always of one device. Rows are
// also kept in `cache` (null: nowhere), by model, device, batch and threads, so that a later call
// asks only for what is new. UNAVAILABLE when no profiler is left tells who died, and after how
// many rows.
//
// `target` is the name that users know it by.
std::unique_ptr<CostProfiler> MakeRemoteProfiler(std::string target,
                                                 std::shared_ptr<RemotePool> pool, CostCache* cache,
                                                 const RemoteOptions& options);

// The profiler at `grpc://HOST:PORT`, which is asked to describe itself at once.
absl::StatusOr<std::unique_ptr<CostProfiler>> ConnectRemoteProfiler(const std::string& target,
                                                                    CostCache* cache,
                                                                    const RemoteOptions& options);

// Lets targets be such addresses. `cache` may be null, and must outlive the registry.
absl::Status RegisterRemoteAddresses(ProfilerRegistry& registry, CostCache* cache);

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_REMOTE_REMOTE_PROFILER_H_
