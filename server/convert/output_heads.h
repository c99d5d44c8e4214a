#ifndef HALFTONE_SERVER_CONVERT_OUTPUT_HEADS_H_
#define HALFTONE_SERVER_CONVERT_OUTPUT_HEADS_H_

#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/map.h"
#include "halftone/v1/types.pb.h"
#include "search/search_spec.h"

namespace halftone {

// INVALID_ARGUMENT with the field that is at fault. Whether there are such outputs, the network
// says.
absl::StatusOr<AskedHeads> HeadsFromProto(
    const google::protobuf::Map<std::string, v1::OutputHead>& heads);

}  // namespace halftone

#endif  // HALFTONE_SERVER_CONVERT_OUTPUT_HEADS_H_
