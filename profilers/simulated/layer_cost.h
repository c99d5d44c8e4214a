#ifndef HALFTONE_PROFILERS_SIMULATED_LAYER_COST_H_
#define HALFTONE_PROFILERS_SIMULATED_LAYER_COST_H_

#include <optional>
#include <string>

#include "nn/quant/precision.h"
#include "profilers/cost_table.h"

namespace halftone {

// What a model says of one layer in one precision.
struct LayerCost {
  Precision executed_as;
  double latency_ns = 0;
  std::optional<double> cycles;
  bool memory_bound = false;
  double operations = 0;    // two for every product: it is multiplied and added
  double memory_bytes = 0;  // that cross the DRAM interface, in both directions
  // Share of the operations that the machine could have made in that time, in that precision.
  double utilization = 0;
  std::optional<EnergySplit> energy;
  std::string implementation;  // in words
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_SIMULATED_LAYER_COST_H_
