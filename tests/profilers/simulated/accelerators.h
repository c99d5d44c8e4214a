#ifndef HALFTONE_TESTS_PROFILERS_SIMULATED_ACCELERATORS_H_
#define HALFTONE_TESTS_PROFILERS_SIMULATED_ACCELERATORS_H_

#include <string>

#include "profilers/simulated/accelerator.h"

namespace halftone {

// The entry of the catalogue of that name.
inline Accelerator FromCatalogue(const std::string& name) {
  for (const CatalogueEntry& entry : AcceleratorCatalogue()) {
    if (entry.file == name + ".json") return *Accelerator::Parse(entry.json, entry.file);
  }
  return {};
}

// A square systolic array of 8-bit elements with so much bandwidth and memory that nothing waits.
inline ProcessorArray Square(int64_t side, Dataflow dataflow) {
  ProcessorArray array;
  array.rows = array.columns = side;
  array.dataflow = dataflow;
  array.clock_mhz = 500;
  array.element = {ProcessingElement::Kind::kFixed, 8, 8};
  array.weights_buffer_bytes = array.src_buffer_bytes = array.dst_buffer_bytes = 1 << 30;
  array.dram_bits_per_cycle = 1e9;
  array.energy = {"45 nm", 0.2, 0.1, 1300, 20};
  return array;
}

}  // namespace halftone

#endif  // HALFTONE_TESTS_PROFILERS_SIMULATED_ACCELERATORS_H_
