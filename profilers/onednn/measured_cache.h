#ifndef HALFTONE_PROFILERS_ONEDNN_MEASURED_CACHE_H_
#define HALFTONE_PROFILERS_ONEDNN_MEASURED_CACHE_H_

#include <optional>
#include <string>

#include "nn/engine/onednn/inference_plan.h"
#include "profilers/cost_profiler.h"
#include "profilers/onednn/step_measurement.h"

namespace halftone {

// Measured times in a CostCache, under keys that name the machine: processor, instruction set,
// library version, threads, and the state of the caches. Thread-safe as the cache is.
class MeasuredCache {
 public:
  // `cache` may be null: then nothing is remembered.
  MeasuredCache(CostCache* cache, const CpuDevice& device, bool cold_caches);

  // Absent when not known or not readable.
  std::optional<MeasuredTime> Load(const std::string& key) const;
  absl::Status Store(const std::string& key, const MeasuredTime& time) const;

 private:
  CostCache* cache_;
  std::string prefix_;
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_MEASURED_CACHE_H_
