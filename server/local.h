#ifndef HALFTONE_SERVER_LOCAL_H_
#define HALFTONE_SERVER_LOCAL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/cancellation.h"
#include "halftone/v1/analysis_service.pb.h"
#include "halftone/v1/model_service.pb.h"
#include "halftone/v1/types.pb.h"

// What the service does without its state, for programs that need no more.
namespace halftone::local {

// The JSON document of `halftone inspect`; the model's external data may lie beside it. Of the
// request its inputs and heads count. `data`: an .npz with the sizes of open axes, or "".
absl::StatusOr<std::string> InspectFile(const std::string& path,
                                        const v1::InspectModelRequest& request,
                                        const std::string& data);
// What the service would refuse of a model and its data once they are sent: what cannot be read,
// nodes that cannot run, inputs that stay open, heads that are not there, data that does not fit.
// `data`: paths of .npz files, the one first that has the sizes of open axes; "" is none. The
// errors name the file or the field.
absl::Status CheckModel(const std::string& path, const v1::InputBinding& inputs,
                        const google::protobuf::Map<std::string, v1::OutputHead>& heads,
                        const std::vector<std::string>& data);
// What an upload says of a model whose tensors lie in other files: all of them, the model's own
// first, their size and the identity; without files where it is one. Errors name what is missing,
// or outside of the model's folder.
absl::StatusOr<v1::UploadHeader> DescribeModelFiles(const std::string& path);
// A range of one of the other files of the model at `path`.
absl::StatusOr<std::string> ReadModelFile(const std::string& path, const std::string& file,
                                          int64_t offset, int64_t length);
absl::StatusOr<v1::SolveProblemResponse> SolveProblem(const v1::SolveProblemRequest& request,
                                                      const Cancellation& cancellation);
absl::StatusOr<v1::ListTargetsResponse> ListTargets();
v1::GetVersionResponse GetVersion();

}  // namespace halftone::local

#endif  // HALFTONE_SERVER_LOCAL_H_
