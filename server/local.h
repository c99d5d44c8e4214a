#ifndef HALFTONE_SERVER_LOCAL_H_
#define HALFTONE_SERVER_LOCAL_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/cancellation.h"
#include "halftone/v1/analysis_service.pb.h"
#include "halftone/v1/model_service.pb.h"

// What the service does without its state, for programs that need no more.
namespace halftone::local {

// The JSON document of `halftone inspect`; the model's external data may lie beside it. Of the
// request its inputs and heads count. `data`: an .npz with the sizes of open axes, or "".
absl::StatusOr<std::string> InspectFile(const std::string& path,
                                        const v1::InspectModelRequest& request,
                                        const std::string& data);
absl::StatusOr<v1::SolveProblemResponse> SolveProblem(const v1::SolveProblemRequest& request,
                                                      const Cancellation& cancellation);
absl::StatusOr<v1::ListTargetsResponse> ListTargets();
v1::GetVersionResponse GetVersion();

}  // namespace halftone::local

#endif  // HALFTONE_SERVER_LOCAL_H_
