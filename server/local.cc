#include "server/local.h"

#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "nn/graph/inspect.h"
#include "nn/onnx/import.h"
#include "profilers/builtin.h"
#include "server/services/analysis_calls.h"

namespace halftone::local {

absl::StatusOr<std::string> InspectFile(const std::string& path) {
  HT_ASSIGN_OR_RETURN(const Graph graph, ImportOnnxFile(path));
  HT_ASSIGN_OR_RETURN(const nlohmann::json document, InspectToJson(graph));
  return document.dump();
}

absl::StatusOr<v1::SolveProblemResponse> SolveProblem(const v1::SolveProblemRequest& request,
                                                      const Cancellation& cancellation) {
  v1::SolveProblemResponse response;
  HT_RETURN_IF_ERROR(halftone::SolveProblem(request, &response, cancellation));
  return response;
}

absl::StatusOr<v1::ListTargetsResponse> ListTargets() {
  ProfilerRegistry profilers;
  HT_RETURN_IF_ERROR(RegisterBuiltinProfilers(profilers, nullptr));
  ServiceContext context = {};
  context.profilers = &profilers;
  v1::ListTargetsResponse response;
  halftone::ListTargets(context, &response);
  return response;
}

v1::GetVersionResponse GetVersion() {
  v1::GetVersionResponse response;
  halftone::GetVersion(&response);
  return response;
}

}  // namespace halftone::local
