#ifndef HALFTONE_PROFILERS_COST_PROFILER_H_
#define HALFTONE_PROFILERS_COST_PROFILER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "base/progress.h"
#include "base/waiting.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "nn/quant/precision.h"
#include "profilers/cost_table.h"
#include "profilers/network_runner.h"

namespace halftone {

struct ProfileRequest {
  const Graph* graph = nullptr;      // bound to the batch to profile, batch normalization folded
  const LayerSet* layers = nullptr;  // of that graph
  std::vector<Precision> precisions;
  int batch = 1;
  int threads = 0;       // 0: all of the machine; only for targets that are measured
  bool refresh = false;  // measure again even what a cache knows
  // Start every run with empty caches, as a network that runs now and then finds them. Only for
  // targets that EmptiesCaches().
  bool cold_caches = false;
  // Whole networks to run and to hold predictions against: these (a layer left out is f32; all in
  // `precisions`), and so many in which every layer has a random one of `precisions`. Only for
  // targets that RunsAssignments().
  std::vector<std::map<std::string, Precision>> assignments;
  int mixes = 0;
  // Told while another machine works, and this one only waits for it.
  WaitingObserver waiting;
};

// Something that knows what layers cost on a target. Thread-safe; a measuring one serializes.
class CostProfiler {
 public:
  virtual ~CostProfiler() = default;
  virtual std::string target() const = 0;
  virtual DeviceInfo Describe() const = 0;
  // Which of the precisions the target can be asked for (others are UNIMPLEMENTED in Profile).
  virtual bool Supports(const Precision& precision) const = 0;
  // All that it supports, of a target that knows a few alone; else empty.
  virtual std::vector<Precision> Precisions() const { return {}; }
  // What a search chooses from where nobody says it, if not from those that all targets have in
  // common; else empty.
  virtual std::vector<Precision> OfferedByDefault() const { return {}; }
  // Whether ProfileRequest::cold_caches changes what it measures: not where costs are computed.
  virtual bool EmptiesCaches() const { return false; }
  // Whether it runs the whole networks of a request (assignments, mixes).
  virtual bool RunsAssignments() const { return false; }
  // Whether rows tell energy; true also where that shows only once it profiles.
  virtual bool TellsEnergy() const { return true; }
  // Of a target that runs networks here, what runs them; else null.
  virtual std::unique_ptr<NetworkRunner> Runner() const { return nullptr; }
  // What is known of the hardware itself, with units in the names: "area_mm2", "elements" (that
  // multiply), "buffer_bytes", "power_w" (of its arithmetic at work).
  virtual std::map<std::string, double> HardwareFigures() const { return {}; }
  // What of Profile's errors is known before anything is measured: of costs that are given, that
  // some of the request's layers and precisions have none. Of the network, names of layers are
  // looked at.
  virtual absl::Status CheckRequest(const ProfileRequest& /*request*/) const {
    return absl::OkStatus();
  }
  // A row for every (layer, precision) of the request, edges, and a network row per precision.
  virtual absl::StatusOr<CostTable> Profile(const ProfileRequest& request,
                                            const Progress& progress) = 0;
};

// The profiler's Runner(); INVALID_ARGUMENT where the target does not run networks here.
absl::StatusOr<std::unique_ptr<NetworkRunner>> RunnerOf(const CostProfiler& profiler);

// Where measured costs are kept between runs: a map from key to value. Thread-safe.
class CostCache {
 public:
  virtual ~CostCache() = default;
  virtual absl::StatusOr<std::string> Load(const std::string& key) = 0;  // NOT_FOUND
  virtual absl::Status Store(const std::string& key, absl::string_view value) = 0;
};

// Targets by name. Filled by explicit calls (RegisterBuiltinProfilers in profilers/builtin.h), not
// by static constructors. Thread-safe.
class ProfilerRegistry {
 public:
  struct Target {
    std::string name;
    std::string description;
    std::function<absl::StatusOr<std::unique_ptr<CostProfiler>>()> create;
    // Of a target with parameters: makes "name?rows=16&columns=8" from what follows the "?".
    std::function<absl::StatusOr<std::unique_ptr<CostProfiler>>(absl::string_view parameters)>
        create_with = nullptr;
  };
  using FileFactory =
      std::function<absl::StatusOr<std::unique_ptr<CostProfiler>>(const std::string& path)>;
  // The targets that there are now. Thread-safe.
  using Directory = std::function<std::vector<Target>()>;

  // ALREADY_EXISTS names the target.
  absl::Status Register(Target target);
  // Targets that are described by a file whose path ends so (".json"). `create` is also given paths
  // that are followed by parameters, "mine.json?rows=16".
  absl::Status RegisterFiles(absl::string_view suffix, FileFactory create);
  // Targets that are named by an address that begins so ("grpc://").
  absl::Status RegisterAddresses(absl::string_view prefix, FileFactory create);
  // Targets that come and go while the registry is in use. Those of Register come before them.
  void RegisterDirectory(Directory directory);
  // NOT_FOUND lists the targets that there are.
  absl::StatusOr<std::unique_ptr<CostProfiler>> Create(absl::string_view name) const;
  std::vector<Target> List() const;

 private:
  mutable absl::Mutex mutex_;
  std::vector<Target> targets_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<std::string, FileFactory>> files_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<std::string, FileFactory>> addresses_ ABSL_GUARDED_BY(mutex_);
  std::vector<Directory> directories_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_COST_PROFILER_H_
