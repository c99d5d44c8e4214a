#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "benchmark/benchmark.h"
#include "nn/engine/derivative.h"
#include "nn/engine/executor.h"
#include "nn/engine/losses.h"
#include "nn/engine/lower.h"
#include "nn/engine/op.h"
#include "nn/engine/ops.h"
#include "nn/engine/ops/convolution.h"
#include "nn/graph/passes.h"
#include "nn/onnx/import.h"
#include "nn/quant/uniform.h"

// What the engine reaches on the shipped networks: forward, forward with the gradients in all layer
// outputs, and Hessian-vector products, at batch 32. GFLOP/s count the multiplications and
// additions of convolutions and matrix products only.
namespace halftone {
namespace {

constexpr int64_t kBatch = 32;

std::vector<float> RandomValues(int64_t count) {
  SplitMix64 random(7);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.Uniform()) - 0.5f;
  return values;
}

// 2 per product of one instruction.
double FlopsOf(const Program& program, const Instruction& instruction) {
  const auto shape = [&](ValueId value) -> const Shape& {
    return program.shapes[static_cast<size_t>(value)];
  };
  const auto products = [](const Shape& weights, const Shape& dst) {
    const int64_t sources = weights.Elements() / weights.dim(0);
    return 2.0 * static_cast<double>(dst.Elements()) * static_cast<double>(sources);
  };
  switch (instruction.op->kind()) {
    case OpKind::kConvolution:
      return products(shape(instruction.srcs[1]), shape(instruction.dsts[0]));
    case OpKind::kConvolutionBackwardData:
      return products(shape(instruction.srcs[1]), shape(instruction.srcs[0]));
    case OpKind::kConvolutionBackwardWeights:
      return products(shape(instruction.dsts[0]), shape(instruction.srcs[1]));
    case OpKind::kMatMul: {
      const Shape& dst = shape(instruction.dsts[0]);
      const double depth = static_cast<double>(shape(instruction.srcs[0]).Elements()) /
                           static_cast<double>(dst.dim(dst.rank() - 2));
      return 2.0 * static_cast<double>(dst.Elements()) * depth;
    }
    default:
      return 0;
  }
}

double FlopsOf(const Program& program) {
  double flops = 0;
  for (const Instruction& instruction : program.instructions)
    flops += FlopsOf(program, instruction);
  return flops;
}

// Runs a program on random inputs as often as the benchmark asks.
absl::Status Measure(benchmark::State& state, Program program, int64_t images) {
  const double flops = FlopsOf(program);
  HT_ASSIGN_OR_RETURN(auto executable, Executable::Compile(std::move(program)));
  HT_ASSIGN_OR_RETURN(auto session, Session::Create(executable));
  for (const Program::Input& input : executable->program().inputs) {
    const Shape& shape = executable->program().shapes[static_cast<size_t>(input.value)];
    HT_RETURN_IF_ERROR(session->SetInput(input.name, RandomValues(shape.Elements())));
  }
  HT_RETURN_IF_ERROR(session->Run());
  for (auto _ : state) HT_RETURN_IF_ERROR(session->Run());
  const auto runs = static_cast<double>(state.iterations());
  state.counters["images/s"] =
      benchmark::Counter(runs * static_cast<double>(images), benchmark::Counter::kIsRate);
  state.counters["GFLOP/s"] = benchmark::Counter(runs * flops * 1e-9, benchmark::Counter::kIsRate);
  state.counters["arena_MB"] = static_cast<double>(executable->arena_bytes()) * 1e-6;
  return absl::OkStatus();
}

void Report(benchmark::State& state, const absl::Status& status) {
  if (!status.ok()) state.SkipWithError(status.ToString().c_str());
}

std::string NetworkPath(const std::string& name) {
  return absl::StrCat(HALFTONE_SOURCE_DIR, "/tests/data/networks/", name, ".onnx");
}

absl::StatusOr<LoweredGraph> LowerNetwork(const std::string& name, std::string& output) {
  HT_ASSIGN_OR_RETURN(Graph graph, ImportOnnxFile(NetworkPath(name)));
  HT_ASSIGN_OR_RETURN(Graph bound, BindBatch(graph, kBatch));
  HT_ASSIGN_OR_RETURN(Graph folded, FoldBatchNorm(std::move(bound)));
  output = folded.outputs[0].name;
  return LowerGraph(folded);
}

absl::Status Forward(benchmark::State& state, const std::string& name) {
  std::string output;
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerNetwork(name, output));
  return Measure(state, lowered.builder.Build({{"y", lowered.values.at(output)}}), kBatch);
}

bool IsLayer(const Instruction& instruction) {
  const OpKind kind = instruction.op->kind();
  return kind == OpKind::kConvolution || kind == OpKind::kMatMul;
}

// The program whose outputs are, per sample and layer, the inner product of gradient and value:
// what sensitivity asks for, less the quantization.
absl::Status Gradient(benchmark::State& state, const std::string& name) {
  std::string output;
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerNetwork(name, output));
  ProgramBuilder& builder = lowered.builder;
  std::vector<ValueId> layers;
  for (const Instruction& instruction : builder.program().instructions) {
    if (IsLayer(instruction)) layers.push_back(instruction.dsts[0]);
  }
  const ValueId dst = lowered.values.at(output);
  const ValueId cotangent = builder.AddInput("cotangent", builder.shape(dst));
  HT_ASSIGN_OR_RETURN(std::vector<ValueId> gradients,
                      AppendVjp(builder, {dst}, {cotangent}, layers));
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (size_t i = 0; i < layers.size(); ++i) {
    HT_ASSIGN_OR_RETURN(ValueId product,
                        ops::InnerProductPerSample(builder, gradients[i], layers[i]));
    outputs.emplace_back(absl::StrCat("product", i), product);
  }
  return Measure(state, builder.Build(outputs), kBatch);
}

// The product of the cross-entropy's Hessian with a vector of all layers' weights: the gradient of
// the gradient's inner product with the vector.
absl::Status HessianVectorProduct(benchmark::State& state, const std::string& name) {
  std::string output;
  HT_ASSIGN_OR_RETURN(LoweredGraph lowered, LowerNetwork(name, output));
  ProgramBuilder& builder = lowered.builder;
  std::vector<ValueId> weights;
  for (const Instruction& instruction : builder.program().instructions) {
    if (IsLayer(instruction)) weights.push_back(instruction.srcs[1]);
  }
  const ValueId logits = lowered.values.at(output);
  const ValueId targets = builder.AddInput("targets", builder.shape(logits));
  HT_ASSIGN_OR_RETURN(ValueId losses, ops::CrossEntropyPerSample(builder, logits, targets));
  HT_ASSIGN_OR_RETURN(ValueId loss, ops::Mean(builder, losses));
  const ValueId one = builder.AddScalar(1);
  HT_ASSIGN_OR_RETURN(std::vector<ValueId> gradients, AppendVjp(builder, {loss}, {one}, weights));
  std::vector<ValueId> directions;
  for (size_t i = 0; i < weights.size(); ++i) {
    directions.push_back(builder.AddInput(absl::StrCat("v", i), builder.shape(weights[i])));
  }
  HT_ASSIGN_OR_RETURN(std::vector<ValueId> products,
                      AppendVjp(builder, gradients, directions, weights));
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (size_t i = 0; i < products.size(); ++i) {
    outputs.emplace_back(absl::StrCat("product", i), products[i]);
  }
  return Measure(state, builder.Build(outputs), kBatch);
}

// A convolution that oneDNN is good at: the yardstick for the networks.
absl::Status ConvolutionPeak(benchmark::State& state) {
  ProgramBuilder builder;
  const ValueId src = builder.AddInput("src", Shape{kBatch, 128, 28, 28});
  const ValueId weights = builder.AddConstant(
      Tensor::Of<float>(Shape{128, 128, 3, 3}, RandomValues(int64_t{128} * 128 * 9)));
  const auto convolution =
      std::make_shared<ConvolutionOp>(ConvolutionAttributes{{1, 1}, {1, 1}, {1, 1}, {1, 1}, 1});
  ValueId value = src;
  for (int i = 0; i < 4; ++i) {
    HT_ASSIGN_OR_RETURN(value, builder.Apply1(convolution, {value, weights}));
  }
  return Measure(state, builder.Build({{"y", value}}), kBatch);
}

// Rounding activations to 8 bits: bound by memory.
absl::Status FakeQuantize(benchmark::State& state) {
  HT_ASSIGN_OR_RETURN(UniformQuantizer quantizer,
                      UniformQuantizer::Create(8, Symmetry::kAsymmetric, -1, {Range{-0.5f, 0.5f}}));
  ProgramBuilder builder;
  const ValueId src = builder.AddInput("src", Shape{kBatch, 128, 28, 28});
  HT_ASSIGN_OR_RETURN(ValueId dst, ops::FakeQuantize(builder, src, quantizer));
  const Program program = builder.Build({{"y", dst}});
  HT_RETURN_IF_ERROR(Measure(state, program, kBatch));
  const auto bytes = 2 * sizeof(float) * builder.shape(src).Elements();
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
  return absl::OkStatus();
}

void BM_FakeQuantize(benchmark::State& state) { Report(state, FakeQuantize(state)); }
void BM_ConvolutionPeak(benchmark::State& state) { Report(state, ConvolutionPeak(state)); }
void BM_Forward(benchmark::State& state, const std::string& name) {
  Report(state, Forward(state, name));
}
void BM_Gradient(benchmark::State& state, const std::string& name) {
  Report(state, Gradient(state, name));
}
void BM_HessianVectorProduct(benchmark::State& state, const std::string& name) {
  Report(state, HessianVectorProduct(state, name));
}

// How long a program takes to be made ready.
void BM_Compile(benchmark::State& state, const std::string& name) {
  std::string output;
  const auto lowered = LowerNetwork(name, output);
  if (!lowered.ok()) return Report(state, lowered.status());
  const Program program = lowered->builder.Build({{"y", lowered->values.at(output)}});
  for (auto _ : state) {
    const auto executable = Executable::Compile(program);
    if (!executable.ok()) return Report(state, executable.status());
  }
}

BENCHMARK(BM_ConvolutionPeak)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_FakeQuantize)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(BM_Forward, resnet14, "resnet14")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(BM_Forward, mobilenetv2, "mobilenetv2")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(BM_Gradient, resnet14, "resnet14")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(BM_Gradient, mobilenetv2, "mobilenetv2")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(BM_HessianVectorProduct, resnet14, "resnet14")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(BM_HessianVectorProduct, mobilenetv2, "mobilenetv2")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(BM_Compile, resnet14, "resnet14")->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(BM_Compile, mobilenetv2, "mobilenetv2")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace halftone

BENCHMARK_MAIN();
