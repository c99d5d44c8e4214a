#ifndef HALFTONE_CLIENT_HEAD_FLAGS_H_
#define HALFTONE_CLIENT_HEAD_FLAGS_H_

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/map.h"
#include "halftone/v1/types.pb.h"

namespace halftone {

// What the user says of a model's outputs: --head. `texts` must outlive the command.
void AddHeadFlag(CLI::App* sub, std::vector<std::string>* texts);

// OUTPUT=KIND[@AXIS][:WEIGHT] each. INVALID_ARGUMENT names a text that is not of that form, and
// what is said twice; what kinds there are, the server says.
absl::Status FillHeads(const std::vector<std::string>& texts,
                       google::protobuf::Map<std::string, v1::OutputHead>* heads);

}  // namespace halftone

#endif  // HALFTONE_CLIENT_HEAD_FLAGS_H_
