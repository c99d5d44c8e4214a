#ifndef HALFTONE_PROFILERS_SIMULATED_ACCELERATOR_H_
#define HALFTONE_PROFILERS_SIMULATED_ACCELERATOR_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "profilers/simulated/processing_element.h"

namespace halftone {

// Which operand stays in the array while the others pass: the output's sums, weights, or src.
enum class Dataflow { kOutputStationary, kWeightStationary, kInputStationary };
absl::string_view DataflowName(Dataflow dataflow);  // "output-stationary", ...

// How operands reach the elements of an array.
enum class Interconnect {
  kSystolic,   // from neighbour to neighbour: filling and draining take cycles
  kBroadcast,  // all at once, the next operands are loaded meanwhile
};
absl::string_view InterconnectName(Interconnect interconnect);

// The technology whose energies and areas are known: see ActionEnergy and area_model.h.
inline constexpr char kTabulatedTechnology[] = "45 nm";

// Energy per action, in picojoule.
struct ActionEnergy {
  std::string technology;      // in words, such as "45 nm"
  double multiply_8x8_pj = 0;  // one product of two 8-bit numbers; others by their bits' product
  double accumulate_pj = 0;    // one addition to a sum
  double dram_64_bits_pj = 0;
  // Of any of the buffers; where there is none, by each buffer's capacity at 45 nm: see
  // BufferEnergy.
  std::optional<double> buffer_64_bits_pj;
};

// 64 bits of an on-chip memory of so many bytes, at 45 nm: 10, 20 and 100 pJ at 8 KiB, 32 KiB and
// 1 MiB (Horowitz, ISSCC 2014), a power law between and beyond them.
double BufferEnergy(double bytes);

// What silicon the parts take, where a description says so; else area_model.h knows.
struct SiliconArea {
  std::optional<double> element_um2;     // of a processing element
  std::optional<double> buffer_bit_um2;  // of a bit of the buffers
};

// An array of processing elements with buffers of its own. See array_model.h.
struct ProcessorArray {
  int64_t rows = 0, columns = 0;
  Dataflow dataflow = Dataflow::kWeightStationary;
  Interconnect interconnect = Interconnect::kSystolic;
  // Of an output-stationary systolic one: whether the next fold waits for the sums to leave.
  bool exposed_drain = false;
  double clock_mhz = 0;
  ProcessingElement element;
  int64_t weights_buffer_bytes = 0, src_buffer_bytes = 0, dst_buffer_bytes = 0;
  bool double_buffered = true;  // half of each buffer is filled while the other is used
  double dram_bits_per_cycle = 0;
  ActionEnergy energy;
  SiliconArea area;
};

// A processor that is known by its peak rates. See roofline_model.h.
struct RooflineProcessor {
  // By precision: "w8a8", "bf16", "f32", or "f16", which only runs weight-only precisions.
  std::map<std::string, double> operations_per_second;
  double memory_bytes_per_second = 0;
  int64_t on_chip_bytes = 0;     // 0: any operand is read once
  bool unpacks_weights = false;  // runs weight-only precisions, such as w4, on a float peak
  std::map<std::string, double> operation_pj;  // by the same names; empty: not known
  double memory_64_bits_pj = 0;
};

// A simulated accelerator. A plain value: after a change CheckAccelerator says whether it is still
// one.
struct Accelerator {
  std::string name;
  std::string description;
  std::map<std::string, std::string> sources;  // of the numbers, in words
  std::variant<ProcessorArray, RooflineProcessor> machine;

  // Reads a description (docs/targets.md); a field that is not known is an error. INVALID_ARGUMENT
  // names `origin`, the field, and what it must be. `parameters` replaces values of the
  // description, "rows=16&clock_mhz=700", and becomes a part of the name: "bitfusion?rows=16".
  static absl::StatusOr<Accelerator> Parse(absl::string_view json, const std::string& origin,
                                           absl::string_view parameters = "");
};

// What values may be at most, and rates and sizes at least: less would make costs that are none.
struct AcceleratorLimits {
  static constexpr double kLeast = 1e-6;
  static constexpr int64_t kSide = 1 << 16;
  static constexpr int64_t kProducts = 1 << 16;
  static constexpr int64_t kBits = 16;
  static constexpr int64_t kBytes = 1'000'000'000'000;
  static constexpr double kClockMhz = 1e6;
  static constexpr double kBitsPerCycle = 1e9;
  static constexpr double kPerSecond = 1e21;
  static constexpr double kPicojoule = 1e9;
  static constexpr double kSquareMicrometres = 1e12;
};

// INVALID_ARGUMENT names the field, as in a description, that is out of its bounds or does not go
// with another. Parse has called it.
absl::Status CheckAccelerator(const Accelerator& accelerator);

// The descriptions that are built in: the JSON files of this folder.
struct CatalogueEntry {
  const char* file;
  const char* json;
};
absl::Span<const CatalogueEntry> AcceleratorCatalogue();

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_SIMULATED_ACCELERATOR_H_
