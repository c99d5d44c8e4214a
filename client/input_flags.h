#ifndef HALFTONE_CLIENT_INPUT_FLAGS_H_
#define HALFTONE_CLIENT_INPUT_FLAGS_H_

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "halftone/v1/types.pb.h"

namespace halftone {

// What the user says of a model's inputs: --shape, --dim, --constant, --batch-axis.
struct InputFlags {
  std::vector<std::string> shapes, axes, constants, sample_axes;
};

// `flags` must outlive the command.
void AddInputFlags(CLI::App* sub, InputFlags* flags);

// INVALID_ARGUMENT names a text that is not of its form, and what is said twice.
absl::Status FillInputs(const InputFlags& flags, v1::InputBinding* inputs);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_INPUT_FLAGS_H_
