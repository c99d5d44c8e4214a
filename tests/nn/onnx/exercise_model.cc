#include "tests/nn/onnx/exercise_model.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "nn/graph/inspect.h"
#include "nn/graph/layer.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"

namespace halftone {
namespace {

void MustBeValid(const Graph& graph, const char* pass) {
  const absl::Status status = CheckGraph(graph);
  if (status.ok()) return;
  std::fprintf(stderr, "%s broke the graph: %s\n", pass, status.ToString().c_str());
  std::abort();
}

}  // namespace

absl::Status ExerciseModel(absl::string_view bytes) {
  HT_ASSIGN_OR_RETURN(Graph graph, ImportOnnx(bytes, {}));
  HT_ASSIGN_OR_RETURN(nlohmann::json json, InspectToJson(graph));
  if (json.dump().empty()) std::abort();
  HT_ASSIGN_OR_RETURN(graph, BindBatch(graph, graph.fixed_batch().value_or(2)));
  MustBeValid(graph, "BindBatch");
  HT_ASSIGN_OR_RETURN(graph, RecognizeActivations(std::move(graph)));
  MustBeValid(graph, "RecognizeActivations");
  HT_ASSIGN_OR_RETURN(graph, FoldBatchNorm(std::move(graph)));
  MustBeValid(graph, "FoldBatchNorm");
  HT_ASSIGN_OR_RETURN(HeadedGraph headed, SplitOutputHeads(std::move(graph)));
  MustBeValid(headed.graph, "SplitOutputHeads");
  return FindLayers(headed.graph).status();
}

}  // namespace halftone
