#ifndef HALFTONE_NN_ENGINE_ONEDNN_INFERENCE_PLAN_H_
#define HALFTONE_NN_ENGINE_ONEDNN_INFERENCE_PLAN_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/cancellation.h"
#include "nn/graph/graph.h"
#include "nn/graph/layer.h"
#include "nn/quant/executed_layers.h"
#include "nn/quant/extra_rounding.h"
#include "nn/quant/layer_quantizers.h"
#include "nn/quant/precision.h"

namespace halftone {

// One timed step of a plan.
struct PlanStep {
  enum class Kind {
    kLayer,       // a quantizable layer, with all that is fused into it
    kConversion,  // quantize, dequantize or reorder between two steps
    kOther,       // pooling, softmax, ...
  };
  Kind kind = Kind::kOther;
  std::string name;            // the layer's or node's name; for conversions the value's name
  std::string from, to;        // conversions: the layers (or nodes) on both sides
  Precision executed_as;       // layers: the kernels that run, e.g. w8a8 for w4a8
  std::string implementation;  // oneDNN's implementation name
  // Equal keys mean the same primitive on the same shapes: measured once.
  std::string key;
};

struct PlanOptions {
  // Keeps every activation that a residual addition reads in float32. Otherwise the addition takes
  // the integers of 8 bits, or the bfloat16, that the first layer which reads the activation takes,
  // so that it is stored once: faster, and one more rounding than fake quantization of the layers'
  // sources alone, which is that layer's choice. Shortcuts of fewer bits are kept in float32.
  bool exact_shortcuts = false;
  // Computes averages and sums of activations between bfloat16 layers in float32.
  bool float32_sums = false;
  // That its primitives are made for and run on; 0: what SetCpuThreads gave last.
  int threads = 0;
};

// The network lowered for inference: a list of oneDNN primitives in mixed precision, with bias,
// activation and residual sum fused where oneDNN does, and explicit conversions where neighbours
// differ. The profiler times these very steps, and validation runs them. Immutable; thread-safe.
//
// What runs: a layer with integer weights and activations of at most 8 bits runs in 8-bit kernels
// on the integers of its quantizers (fewer bits are a smaller grid in bytes), and its result is
// stored in the form that its readers want. Sums are exact: on processors without VNNI, whose 8-bit
// kernels add pairs of products in saturating 16 bits, layers with weights of more than 7 bits run
// in float32 on the values of these integers (depthwise convolutions stay in bytes). bf16 runs in
// bfloat16 where the CPU has it. Large matrices of weight-only precisions are read in 8 or 4 bits
// and multiplied in bfloat16 where oneDNN has a kernel for that. Everything else (f32, other
// weight-only, more than 8 bits) runs in float32 with the weights rounded to their grid; sources of
// more than 8 bits are not rounded. Activations are stored channels last.
class InferencePlan {
 public:
  // `graph` from BindBatch (batch normalization folded), `layers` of the same graph.
  // INVALID_ARGUMENT or UNIMPLEMENTED names the node.
  static absl::StatusOr<std::shared_ptr<const InferencePlan>> Create(
      const Graph& graph, const LayerSet& layers, const QuantizedAssignment& assignment,
      const PlanOptions& options = {});
  ~InferencePlan();

  absl::Span<const PlanStep> steps() const;
  // Bytes of all layers' constants as stored: weights by their bits, 4 per scale and per bias.
  int64_t weight_bytes() const;
  // Bytes of a session's activations and scratch memory.
  int64_t arena_bytes() const;
  int threads() const;
  // What it rounds beside the sources and weights of layers.
  absl::Span<const ExtraRounding> roundings() const;
  // The precision whose numbers each layer computes with, whatever its kernels: w4a8 for w4a8 in
  // bytes, w16 for w16a16, whose sources are not rounded, f32 for bf16 without such instructions.
  const std::map<std::string, Precision>& ran_as() const;

 private:
  friend class InferenceSession;
  struct Impl;
  explicit InferencePlan(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The steps that a plan for that assignment would have, without preparing weights or generating
// code: milliseconds where a plan takes seconds.
absl::StatusOr<std::vector<PlanStep>> DescribePlan(const Graph& graph, const LayerSet& layers,
                                                   const QuantizedAssignment& assignment,
                                                   const PlanOptions& options = {});

// What plans make of each layer in each of the precisions, whatever the other layers are in.
absl::StatusOr<ExecutedLayers> DescribeExecution(const Graph& graph,
                                                 const std::vector<Precision>& precisions);

// The kernels of this machine that execute a precision: w4a8 runs as w8a8, w16a16 as f32, bf16 as
// f32 where the CPU has no bf16 instructions, w8a8 as f32 where 8-bit kernels would saturate.
Precision ExecutedAs(const Layer& layer, const Precision& precision);
// Whether they read sources that are rounded to the grid of the layer's quantizer.
bool RoundsSources(const Layer& layer, const Precision& precision);

// The memory in which a plan runs. One thread at a time.
class InferenceSession {
 public:
  static absl::StatusOr<std::unique_ptr<InferenceSession>> Create(
      std::shared_ptr<const InferencePlan> plan);
  // In memory of at least arena_bytes(), all zeros at first, that other sessions may have too: they
  // run in turns, and after another one's turn the inputs are to be set again.
  static absl::StatusOr<std::unique_ptr<InferenceSession>> Create(
      std::shared_ptr<const InferencePlan> plan, std::shared_ptr<std::byte> memory);
  ~InferenceSession();

  absl::Status SetInput(absl::string_view name, absl::Span<const float> values);
  absl::Status Run(const Cancellation& cancellation = {});
  // Runs one step `repetitions` times on whatever is in its buffers; nanoseconds of each.
  absl::StatusOr<std::vector<double>> TimeStep(size_t step, int repetitions);
  // Nanoseconds of each step in `repetitions` whole runs: result[step][repetition]. Every step
  // finds the caches as the network leaves them; the clock's own time is taken off.
  absl::StatusOr<std::vector<std::vector<double>>> TimeSteps(int repetitions,
                                                             const Cancellation& cancellation = {});
  // Nanoseconds of each of `repetitions` whole runs.
  absl::StatusOr<std::vector<double>> TimeRuns(int repetitions,
                                               const Cancellation& cancellation = {});
  // Graph output `name` in float32 and C order; valid until the next Run.
  absl::StatusOr<absl::Span<const float>> Output(absl::string_view name);

 private:
  struct Impl;
  explicit InferenceSession(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Facts of the machine that a measurement depends on.
struct CpuDevice {
  std::string name;          // the processor's
  double frequency_mhz = 0;  // as the system tells it, at the time of asking; 0: it does not
  std::string isa;           // oneDNN's, e.g. "avx512_core_bf16"
  std::string library;       // "oneDNN 3.7.2"
  int threads = 1;
};
CpuDevice DescribeCpu();
// The number of threads that oneDNN uses from now on, in this process.
void SetCpuThreads(int threads);

}  // namespace halftone

#endif  // HALFTONE_NN_ENGINE_ONEDNN_INFERENCE_PLAN_H_
