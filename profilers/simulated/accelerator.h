#ifndef HALFTONE_PROFILERS_SIMULATED_ACCELERATOR_H_
#define HALFTONE_PROFILERS_SIMULATED_ACCELERATOR_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace halftone {

// A bit-composable, weight-stationary systolic array (Bit Fusion, ISCA 2018): `rows` x `columns`
// fusion units of sixteen 2-bit x 2-bit bricks. A plain value.
struct Accelerator {
  std::string name;
  std::string description;
  std::map<std::string, std::string> sources;  // of the numbers, in words

  int64_t rows = 0, columns = 0;
  double clock_mhz = 0;
  int64_t weights_buffer_bytes = 0;  // on the chip
  int64_t src_buffer_bytes = 0;
  double dram_bits_per_cycle = 0;
  // Picojoule per action.
  double multiply_8x8_pj = 0;  // one product of two 8-bit numbers; others by their bricks
  double accumulate_pj = 0;    // one addition to a 32-bit sum, once per unit and cycle
  double buffer_64_bits_pj = 0;
  double dram_64_bits_pj = 0;

  // Reads a description; every field is required and no other is allowed. INVALID_ARGUMENT names
  // `origin`, the field, and what it must be.
  static absl::StatusOr<Accelerator> Parse(absl::string_view json, const std::string& origin);
  // The description in a file. Errors name the path.
  static absl::StatusOr<Accelerator> Load(const std::string& path);
};

// The descriptions that are built in: the JSON files of this folder.
struct CatalogueEntry {
  const char* file;
  const char* json;
};
absl::Span<const CatalogueEntry> AcceleratorCatalogue();

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_SIMULATED_ACCELERATOR_H_
