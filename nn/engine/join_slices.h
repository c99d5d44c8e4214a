#ifndef HALFTONE_NN_ENGINE_JOIN_SLICES_H_
#define HALFTONE_NN_ENGINE_JOIN_SLICES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "nn/engine/program.h"

namespace halftone {

// A derivative in a slice of a value, which is cut along one axis: elements [start, start + size).
struct SliceDiff {
  int axis = 0;
  int64_t start = 0, size = 0;
  ValueId diff = kNoValue;
};

// What an instruction passes on to its source if it cuts such a slice; absent for any other.
std::optional<SliceDiff> AsSliceDiff(const ProgramBuilder& builder, const Instruction& instruction,
                                     ValueId diff_dst);

// Appends the derivatives of `value` whose sum the slices make: slices that follow each other are
// concatenated, so that those of a value which is cut to pieces cost what the value has elements,
// not that for each piece.
absl::StatusOr<std::vector<ValueId>> JoinSlices(ProgramBuilder& builder, ValueId value,
                                                std::vector<SliceDiff> slices);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_JOIN_SLICES_H_
