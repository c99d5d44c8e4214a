#include "nn/engine/onednn/inference_plan.h"

#include <cmath>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/thread_limit.h"
#include "nn/engine/onednn/inference_plan_impl.h"
#include "nn/engine/onednn/onednn.h"
#include "nn/engine/onednn/plan/form.h"
#include "nn/engine/onednn/plan/fusion.h"
#include "nn/engine/onednn/plan/lowering.h"
#include "nn/engine/onednn/plan/roundings.h"
#include "nn/engine/onednn/plan/storage.h"
#include "nn/graph/passes.h"
#include "nn/quant/shift_biases.h"
#include "nn/quant/weight_bytes.h"

namespace halftone {
namespace {

using plan::LoweringContext;
using plan::PlanBuilder;
using plan::PlanOp;

absl::Status CheckAssignment(const LayerSet& layers, const QuantizedAssignment& assignment) {
  for (const auto& [name, quantizers] : assignment) {
    const Layer* layer = layers.Find(name);
    if (layer == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("no layer '", name, "' in the network"));
    }
    const bool product = layer->weights.empty();
    const Precision precision =
        product ? quantizers.precision.WithoutWeights() : quantizers.precision;
    if (precision.weights.IsInteger() && quantizers.weights == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("layer '", name, "': ", quantizers.precision.ToString(),
                       " needs a quantizer of its ", product ? "second source" : "weights"));
    }
    if (precision.activations.IsInteger() && quantizers.src == nullptr && !layer->IsEmbedding()) {
      return absl::InvalidArgumentError(absl::StrCat("layer '", name,
                                                     "': ", quantizers.precision.ToString(),
                                                     " needs a quantizer of its src"));
    }
  }
  return absl::OkStatus();
}

// Tells the builder when each value is read for the last time.
void FindLastReaders(const Graph& graph, const std::vector<PlanOp>& ops, PlanBuilder& builder) {
  for (size_t i = 0; i < ops.size(); ++i) {
    for (const std::string& source : ops[i].sources) {
      builder.SetLastReader(source, static_cast<int>(i));
    }
    const std::string residual = ops[i].Residual();
    if (!residual.empty()) builder.SetLastReader(residual, static_cast<int>(i));
  }
  for (const Port& output : graph.outputs) {
    builder.SetLastReader(output.name, static_cast<int>(ops.size()));
  }
}

absl::Status LowerOp(PlanBuilder& builder, const LoweringContext& context) {
  switch (context.op->kind) {
    case PlanOp::Kind::kConvolution:
      return LowerConvolution(builder, context);
    case PlanOp::Kind::kMatMul:
      return LowerMatMul(builder, context);
    case PlanOp::Kind::kProduct:
      return LowerProduct(builder, context);
    case PlanOp::Kind::kNode:
      break;
  }
  return LowerOtherNode(builder, context);
}

// How the ops of a plan compute, and what they store.
struct Decisions {
  std::vector<plan::OpPrecision> precisions;
  plan::StoredForms forms;
};

Decisions Decide(const Graph& graph, const std::vector<PlanOp>& ops,
                 const QuantizedAssignment& assignment, const PlanOptions& options) {
  Decisions decisions;
  decisions.precisions = DecidePrecisions(ops, assignment);
  decisions.forms = DecideForms(graph, ops, decisions.precisions,
                                {options.exact_shortcuts, options.float32_sums});
  return decisions;
}

absl::Status LowerOps(const Graph& graph, const std::vector<PlanOp>& ops,
                      const QuantizedAssignment& assignment, const Decisions& decisions,
                      PlanBuilder& builder) {
  FindLastReaders(graph, ops, builder);
  for (const Port& input : graph.inputs) builder.AddInput(input);
  for (size_t i = 0; i < ops.size(); ++i) {
    LoweringContext context{&ops[i], decisions.precisions[i], decisions.forms.values.at(ops[i].dst),
                            plan::Form::Float32()};
    if (const std::string shortcut = ops[i].Residual(); !shortcut.empty()) {
      context.shortcut_form = decisions.forms.shortcuts.at(shortcut);
    }
    if (ops[i].layer != nullptr) {
      const auto it = assignment.find(ops[i].layer->name);
      if (it != assignment.end()) context.quantizers = &it->second;
    }
    builder.BeginOp(static_cast<int>(i));
    const std::string what = absl::StrCat("node '", ops[i].node->name, "'");
    HT_RETURN_IF_ERROR(CatchDnnl(what, [&] { return LowerOp(builder, context); }));
  }
  builder.BeginOp(static_cast<int>(ops.size()));
  for (const Port& output : graph.outputs) {
    HT_RETURN_IF_ERROR(CatchDnnl(output.name, [&] { return builder.AddOutput(output.name); }));
  }
  return absl::OkStatus();
}

int ThreadsOf(const PlanOptions& options) {
  return options.threads > 0 ? options.threads : OneDnnThreads();
}

// A network as plans take it apart; what `ops` point to is the graph and layers beside them.
struct FusedNetwork {
  Graph graph;
  LayerSet layers;
  std::vector<PlanOp> ops;
};

absl::StatusOr<std::unique_ptr<FusedNetwork>> FuseNetwork(const Graph& graph) {
  auto fused = std::make_unique<FusedNetwork>();
  fused->graph = RecognizeBlocks(graph);
  HT_ASSIGN_OR_RETURN(fused->layers, FindLayers(graph));
  fused->ops = plan::FuseGraph(fused->graph, fused->layers);
  return fused;
}

struct Compiled {
  plan::CompiledPlan plan;
  std::vector<ExtraRounding> roundings;
  std::map<std::string, Precision> ran_as;
};

absl::StatusOr<Compiled> Compile(const Graph& graph, const LayerSet& layers,
                                 const QuantizedAssignment& assignment, const PlanOptions& options,
                                 plan::Purpose purpose) {
  HT_RETURN_IF_ERROR(CheckAssignment(layers, assignment));
  UseOneDnnThreads(ThreadsOf(options));
  HT_ASSIGN_OR_RETURN(const Graph shifted, ShiftBiases(graph, layers, assignment));
  HT_ASSIGN_OR_RETURN(const auto network, FuseNetwork(shifted));
  const std::vector<PlanOp>& ops = network->ops;
  PlanBuilder builder(network->graph, purpose);
  const Decisions decisions = Decide(network->graph, ops, assignment, options);
  HT_RETURN_IF_ERROR(LowerOps(network->graph, ops, assignment, decisions, builder));
  return Compiled{builder.Finish(), plan::FindRoundings(ops, decisions.forms),
                  plan::PrecisionsRun(ops, decisions.precisions, assignment)};
}

std::vector<PlanStep> StepsOf(const plan::CompiledPlan& compiled) {
  std::vector<PlanStep> steps;
  for (const plan::CompiledStep& step : compiled.steps) steps.push_back(step.info);
  return steps;
}

double WeightBytes(const LayerSet& layers, const QuantizedAssignment& assignment) {
  double bytes = 0;
  for (const Layer& layer : layers.layers) {
    const auto it = assignment.find(layer.name);
    bytes += PackedWeightBytes(
        layer, it == assignment.end() ? Precision::Float32() : it->second.precision);
  }
  return bytes;
}

}  // namespace

InferencePlan::InferencePlan(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
InferencePlan::~InferencePlan() = default;

absl::StatusOr<std::shared_ptr<const InferencePlan>> InferencePlan::Create(
    const Graph& graph, const LayerSet& layers, const QuantizedAssignment& assignment,
    const PlanOptions& options) {
  HT_RETURN_IF_ERROR(CheckThreads(options.threads));
  auto impl = std::make_unique<Impl>();
  HT_ASSIGN_OR_RETURN(Compiled compiled,
                      Compile(graph, layers, assignment, options, plan::Purpose::kRun));
  impl->compiled = std::move(compiled.plan);
  impl->roundings = std::move(compiled.roundings);
  impl->ran_as = std::move(compiled.ran_as);
  impl->steps = StepsOf(impl->compiled);
  impl->weight_bytes = WeightBytes(layers, assignment);
  impl->threads = ThreadsOf(options);
  return std::shared_ptr<const InferencePlan>(new InferencePlan(std::move(impl)));
}

absl::Span<const PlanStep> InferencePlan::steps() const { return impl_->steps; }

int64_t InferencePlan::weight_bytes() const { return std::llround(impl_->weight_bytes); }

int64_t InferencePlan::arena_bytes() const { return impl_->compiled.arena_bytes; }

int InferencePlan::threads() const { return impl_->threads; }

absl::Span<const ExtraRounding> InferencePlan::roundings() const { return impl_->roundings; }

const std::map<std::string, Precision>& InferencePlan::ran_as() const { return impl_->ran_as; }

absl::StatusOr<std::vector<PlanStep>> DescribePlan(const Graph& graph, const LayerSet& layers,
                                                   const QuantizedAssignment& assignment,
                                                   const PlanOptions& options) {
  HT_ASSIGN_OR_RETURN(const Compiled compiled,
                      Compile(graph, layers, assignment, options, plan::Purpose::kDescribe));
  return StepsOf(compiled.plan);
}

absl::StatusOr<ExecutedLayers> DescribeExecution(const Graph& graph,
                                                 const std::vector<Precision>& precisions) {
  HT_ASSIGN_OR_RETURN(const auto network, FuseNetwork(graph));
  return plan::DescribeChoices(network->graph, network->ops, precisions);
}

}  // namespace halftone
