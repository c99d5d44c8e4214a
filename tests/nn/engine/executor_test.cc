#include "nn/engine/executor.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nn/engine/ops/convolution.h"
#include "nn/engine/ops/elementwise.h"
#include "nn/engine/ops/pooling.h"
#include "nn/engine/ops/quantize.h"
#include "nn/engine/ops/reduction.h"
#include "nn/engine/ops/shape_ops.h"
#include "tests/nn/engine/executor_checks.h"

namespace halftone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<const Op> Add() { return std::make_shared<BinaryOp>(BinaryFunction::kAdd); }
std::shared_ptr<const Op> Relu() { return std::make_shared<UnaryOp>(UnaryFunction::kRelu); }
std::shared_ptr<const Op> Linear(float alpha, float beta) {
  return std::make_shared<UnaryOp>(UnaryFunction::kLinear, alpha, beta);
}

std::unique_ptr<Session> MakeSession(const Program& program) {
  auto executable = Executable::Compile(program);
  EXPECT_TRUE(executable.ok()) << executable.status();
  auto session = Session::Create(*executable);
  EXPECT_TRUE(session.ok()) << session.status();
  return *std::move(session);
}

std::vector<float> ReadOutput(const Session& session, const std::string& name) {
  const auto values = session.Output(name);
  EXPECT_TRUE(values.ok()) << values.status();
  return {values->begin(), values->end()};
}

// y = 2 x + 1, of 2 elements.
Program SmallProgram() {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{2});
  return builder.Build({{"y", Apply(builder, Linear(2, 1), {x})}});
}

TEST(ExecutorTest, RunsAgainWithOtherInputs) {
  const auto session = MakeSession(SmallProgram());
  ASSERT_TRUE(session->SetInput("x", {1.0f, 2.0f}).ok());
  ASSERT_TRUE(session->Run().ok());
  EXPECT_THAT(ReadOutput(*session, "y"), ElementsAre(3, 5));
  ASSERT_TRUE(session->SetInput("x", {0.0f, -1.0f}).ok());
  ASSERT_TRUE(session->Run().ok());
  EXPECT_THAT(ReadOutput(*session, "y"), ElementsAre(1, -1));
  // Inputs stay set.
  ASSERT_TRUE(session->Run().ok());
  EXPECT_THAT(ReadOutput(*session, "y"), ElementsAre(1, -1));
}

TEST(ExecutorTest, NamesWhatIsWrongWithInputsAndOutputs) {
  const auto session = MakeSession(SmallProgram());
  EXPECT_EQ(session->SetInput("z", {1.0f, 2.0f}).code(), absl::StatusCode::kNotFound);
  const absl::Status size = session->SetInput("x", {1.0f});
  EXPECT_EQ(size.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(size.message()), HasSubstr("'x'"));
  const absl::Status missing = session->Run();
  EXPECT_EQ(missing.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(missing.message()), HasSubstr("'x'"));
  EXPECT_EQ(session->Output("y").status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(session->SetInput("x", {1.0f, 2.0f}).ok());
  ASSERT_TRUE(session->Run().ok());
  EXPECT_EQ(session->Output("x").status().code(), absl::StatusCode::kNotFound);
}

TEST(ExecutorTest, OutputsMayBeInputsConstantsAndEachOther) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{2});
  const ValueId constant = builder.AddConstant(Tensor::Of<float>(Shape{2}, {5, 6}));
  const ValueId sum = Apply(builder, Add(), {x, constant});
  const ValueId same = Apply(builder, std::make_shared<ReshapeOp>(Shape{2, 1}), {sum});
  const auto session = MakeSession(builder.Build(
      {{"x", x}, {"constant", constant}, {"sum", sum}, {"again", sum}, {"same", same}}));
  ASSERT_TRUE(session->SetInput("x", {1.0f, 2.0f}).ok());
  for (int run = 0; run < 2; ++run) {
    ASSERT_TRUE(session->Run().ok());
    EXPECT_THAT(ReadOutput(*session, "x"), ElementsAre(1, 2));
    EXPECT_THAT(ReadOutput(*session, "constant"), ElementsAre(5, 6));
    EXPECT_THAT(ReadOutput(*session, "sum"), ElementsAre(6, 8));
    EXPECT_THAT(ReadOutput(*session, "again"), ElementsAre(6, 8));
    EXPECT_THAT(ReadOutput(*session, "same"), ElementsAre(6, 8));
  }
}

// A convolution that takes minutes, by whatever code.
TEST(ExecutorTest, RefusesAStepThatNobodyCouldStop) {
  const auto compile = [](int64_t padding) {
    ProgramBuilder builder;
    const ValueId src = builder.AddInput("x", Shape{1, 64, 8, 8});
    const ValueId weights = builder.AddInput("w", Shape{64, 64, 7, 7});
    builder.SetLabel("far");
    const std::vector<int64_t> ones = {1, 1}, pads = {padding, padding};
    const ConvolutionAttributes attributes = {ones, ones, pads, pads, 1};
    const ValueId dst = Apply(builder, std::make_shared<ConvolutionOp>(attributes), {src, weights});
    return Executable::Compile(builder.Build({{"y", dst}}));
  };
  const auto small = compile(7);
  ASSERT_TRUE(small.ok()) << small.status();
  EXPECT_GE((*small)->step_cost(), 16 * 16 * 64 * 64 * 49);
  const absl::Status refused = compile(2900).status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("'far'"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("multiply-adds"));
}

TEST(ExecutorTest, StopsWhenCancelled) {
  const auto session = MakeSession(SmallProgram());
  ASSERT_TRUE(session->SetInput("x", {1.0f, 2.0f}).ok());
  Cancellation cancellation;
  cancellation.Cancel();
  EXPECT_EQ(session->Run(cancellation).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(session->Output("y").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(session->Run().ok());
}

TEST(ExecutorTest, RefusesMoreMemoryThanTheMachineHas) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{1 << 12, 1 << 20});
  ValueId sum = x;
  std::vector<std::pair<std::string, ValueId>> outputs;
  for (int i = 0; i < 100; ++i) {
    sum = Apply(builder, Add(), {sum, x});
    outputs.emplace_back(absl::StrCat("sum", i), sum);
  }
  const auto executable = Executable::Compile(builder.Build(outputs));
  ASSERT_TRUE(executable.ok()) << executable.status();
  EXPECT_GE((*executable)->arena_bytes(), int64_t{101} << 34);
  EXPECT_EQ(Session::Create(*executable).status().code(), absl::StatusCode::kResourceExhausted);
}

// A chain of convolutions, each followed by an elementwise op.
Program DeepChain(int depth, const Shape& shape) {
  ProgramBuilder builder;
  ValueId value = builder.AddInput("x", shape);
  for (int i = 0; i < depth; ++i) {
    value = Apply(builder, Relu(), {BlockedCopy(builder, value, shape.dim(1))});
  }
  return builder.Build({{"y", value}});
}

TEST(ExecutorTest, MemoryOfADeepChainIsBounded) {
  const Shape shape{4, 32, 16, 16};
  const auto executable = Executable::Compile(DeepChain(100, shape));
  ASSERT_TRUE(executable.ok()) << executable.status();
  const int64_t value_bytes = shape.Elements() * 4;
  // The input and the output, two neighbours of the chain, and scratch memory; not 200 values.
  EXPECT_LT((*executable)->arena_bytes(), 6 * value_bytes);
  EXPECT_GE((*executable)->constant_bytes(), 100 * 32 * 32 * 4);
  EXPECT_LT((*executable)->constant_bytes(), 110 * 32 * 32 * 4);
}

// A random program over images, in which values die and are used again much later.
ProgramBuilder RandomProgram(uint64_t seed, std::vector<ValueId>& values) {
  SplitMix64 random(seed);
  ProgramBuilder builder;
  for (int i = 0; i < 3; ++i) {
    values.push_back(builder.AddInput(absl::StrCat("x", i), Shape{2, 16 + 3 * i, 6, 5}));
  }
  const auto pick = [&] { return values[static_cast<size_t>(random() % values.size())]; };
  const auto quantizer = *UniformQuantizer::Create(4, Symmetry::kSymmetricFull, -1, {Range{-2, 2}});
  while (values.size() < 120) {
    const ValueId a = pick();
    switch (random() % 7) {
      case 0:
        values.push_back(BlockedCopy(builder, a, 15 + static_cast<int64_t>(random() % 3)));
        break;
      case 1:
        values.push_back(Apply(builder, Relu(), {a}));
        break;
      case 2:
        values.push_back(Apply(builder, Linear(0.5f, 0.25f), {a}));
        break;
      case 3: {
        const ValueId b = BlockedCopy(builder, pick(), builder.shape(a).dim(1));
        values.push_back(Apply(builder, Linear(0.25f, 0), {Apply(builder, Add(), {a, b})}));
        break;
      }
      case 4: {
        const ValueId mean = Apply(
            builder, std::make_shared<ReduceOp>(ReduceFunction::kMax, std::vector<int>{2, 3}, true),
            {a});
        values.push_back(
            Apply(builder, std::make_shared<BinaryOp>(BinaryFunction::kSub), {a, mean}));
        break;
      }
      case 5:
        values.push_back(Apply(builder, std::make_shared<FakeQuantizeOp>(quantizer), {a}));
        break;
      default: {
        const ValueId turned =
            Apply(builder, std::make_shared<TransposeOp>(std::vector<int>{0, 1, 3, 2}), {a});
        values.push_back(Apply(builder, std::make_shared<ReshapeOp>(builder.shape(a)), {turned}));
      }
    }
  }
  return builder;
}

// Sharing memory must not change a single bit: with every value an output, nothing is shared.
TEST(ExecutorTest, SharedBuffersDoNotMixUpValues) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    std::vector<ValueId> values;
    const ProgramBuilder builder = RandomProgram(seed, values);
    std::vector<std::pair<std::string, ValueId>> all;
    for (ValueId value : values) all.emplace_back(absl::StrCat("v", value), value);
    const std::vector<std::pair<std::string, ValueId>> few = {all[40], all[80], all.back()};
    const Program shared = builder.Build(few), apart = builder.Build(all);
    const auto inputs = RandomInputs(apart);
    const auto expected = RunProgram(apart, inputs);
    std::map<std::string, std::vector<float>> used;
    for (const Program::Input& input : shared.inputs) used[input.name] = inputs.at(input.name);
    for (const auto& [name, actual] : RunProgram(shared, used)) {
      EXPECT_EQ(actual, expected.at(name)) << name << " with seed " << seed;
    }
  }
}

TEST(ExecutorTest, SessionsOfOneExecutableRunAtTheSameTime) {
  const Program program = DeepChain(10, Shape{2, 16, 9, 9});
  const auto inputs = RandomInputs(program);
  const auto expected = RunProgram(program, inputs).at("y");
  const auto executable = Executable::Compile(program);
  ASSERT_TRUE(executable.ok());
  std::vector<std::thread> threads;
  std::vector<int> wrong(2, 0);
  for (size_t i = 0; i < wrong.size(); ++i) {
    threads.emplace_back([&, i] {
      auto session = Session::Create(*executable);
      for (int run = 0; run < 20; ++run) {
        const bool ran = (*session)->SetInput("x", inputs.at("x")).ok() && (*session)->Run().ok();
        if (!ran || ReadOutput(**session, "y") != expected) ++wrong[i];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(wrong, ElementsAre(0, 0));
}

std::shared_ptr<const Op> Unary(UnaryFunction function, float alpha = 0, float beta = 0) {
  return std::make_shared<UnaryOp>(function, alpha, beta);
}

// Activations are joined with the convolution before them only where nothing else reads it.
TEST(ExecutorTest, JoinsActivationsWithConvolutions) {
  for (const auto& activation :
       {Relu(), Unary(UnaryFunction::kLeakyRelu, 0.1f), Unary(UnaryFunction::kClip, 0, 0.5f),
        Unary(UnaryFunction::kClip, 0.25f, 0.5f)}) {
    for (int reader = 0; reader < 3; ++reader) {
      ProgramBuilder builder;
      const ValueId x = builder.AddInput("x", Shape{2, 5, 6, 7});
      const ValueId convolved = BlockedCopy(builder, x, 19);
      const ValueId y = Apply(builder, activation, {convolved});
      std::vector<std::pair<std::string, ValueId>> outputs = {
          {"y", y}, {"after", BlockedCopy(builder, y, 3)}};
      if (reader == 1) outputs.emplace_back("convolved", convolved);
      if (reader == 2) outputs.emplace_back("twice", Apply(builder, Relu(), {y}));
      const Program program = builder.Build(outputs);
      ExpectMatchesReference(program, RandomInputs(program));
    }
  }
}

// The sum of a product per sample is one step; sums over other axes, and products that are needed
// otherwise, are not.
TEST(ExecutorTest, SumsProductsPerSample) {
  ProgramBuilder builder;
  const ValueId a = BlockedCopy(builder, builder.AddInput("a", Shape{3, 4, 5, 6}), 19);
  const ValueId b = builder.AddInput("b", Shape{3, 19, 5, 6});
  const auto sum = [&](ValueId src, std::vector<int> axes) {
    return Apply(builder, std::make_shared<ReduceOp>(ReduceFunction::kSum, std::move(axes), false),
                 {src});
  };
  const auto product = [&](ValueId x, ValueId y) {
    return Apply(builder, std::make_shared<BinaryOp>(BinaryFunction::kMul), {x, y});
  };
  const ValueId kept = product(b, b);
  const Program program = builder.Build({{"blocked", sum(product(a, b), {1, 2, 3})},
                                         {"swapped", sum(product(b, a), {1, 2, 3})},
                                         {"plain", sum(product(b, b), {1, 2, 3})},
                                         {"channels", sum(product(a, b), {0, 2, 3})},
                                         {"kept", kept},
                                         {"sum", sum(kept, {1, 2, 3})}});
  ExpectMatchesReference(program, RandomInputs(program));
}

// Of several largest elements the first counts, in blocked layouts (20 channels in blocks) as in
// plain ones: signs of random numbers have many.
TEST(ExecutorTest, PoolsTheFirstOfEqualElementsInAnyLayout) {
  for (const bool blocked : {false, true}) {
    SCOPED_TRACE(blocked);
    ProgramBuilder builder;
    const ValueId input = builder.AddInput("x", Shape{2, 20, 9, 8});
    const ValueId x = blocked ? BlockedCopy(builder, input, 20) : input;
    const ValueId signs = Apply(builder, std::make_shared<UnaryOp>(UnaryFunction::kSign), {x});
    const PoolWindow window{{3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}};
    const ValueId gathered =
        Apply(builder, std::make_shared<MaxPoolGatherOp>(window), {input, signs});
    const ValueId scattered =
        Apply(builder, std::make_shared<MaxPoolScatterOp>(window), {gathered, signs});
    const Program program = builder.Build({{"gathered", gathered}, {"scattered", scattered}});
    ExpectMatchesReference(program, RandomInputs(program));
  }
}

TEST(ExecutorTest, ComputesConstantsOnce) {
  ProgramBuilder builder;
  const ValueId x = builder.AddInput("x", Shape{2, 5, 6, 7});
  const ValueId weights =
      builder.AddConstant(Tensor::Of<float>(Shape{19, 5, 1, 1}, RandomValues(19 * 5, 3)));
  const auto quantizer =
      *UniformQuantizer::Create(4, Symmetry::kSymmetricRestricted, -1, {Range{-1, 1}});
  const ValueId quantized = Apply(builder, std::make_shared<FakeQuantizeOp>(quantizer), {weights});
  const ValueId one = builder.AddScalar(1);
  const ValueId large = Apply(builder, std::make_shared<BroadcastToOp>(Shape{2, 19, 6, 7}),
                              {Apply(builder, Linear(2, 0), {one})});
  ConvolutionAttributes attributes{{1, 1}, {1, 1}, {0, 0}, {0, 0}, 1};
  const ValueId convolved =
      Apply(builder, std::make_shared<ConvolutionOp>(attributes), {x, quantized});
  const Program program =
      builder.Build({{"y", Apply(builder, Add(), {convolved, large})}, {"weights", quantized}});
  ExpectMatchesReference(program, RandomInputs(program));
  const auto executable = Executable::Compile(program);
  ASSERT_TRUE(executable.ok()) << executable.status();
  // The quantized weights and the scalar are constants now; the large repetition of it is not.
  EXPECT_EQ((*executable)->program().instructions.size(), 3);
  EXPECT_LT((*executable)->constant_bytes(), 2 * 19 * 16 * 4 + 19 * 5 * 4);
}

TEST(ExecutorTest, QuantizesBitForBitLikeTheQuantizer) {
  const Shape shape{3, 18, 7, 5};
  const std::vector<float> values = RandomValues(shape.Elements(), 5, -2, 2);
  for (int bits : {1, 2, 3, 4, 8, 16}) {
    for (Symmetry symmetry : {Symmetry::kSymmetricFull, Symmetry::kAsymmetric}) {
      for (int axis : {-1, 1}) {
        const std::vector<Range> ranges(axis < 0 ? 1 : 18, Range{-0.75f, 1.5f});
        const auto quantizer = UniformQuantizer::Create(bits, symmetry, axis, ranges);
        ASSERT_TRUE(quantizer.ok()) << quantizer.status();
        ProgramBuilder builder;
        const ValueId x = builder.AddInput("x", shape);
        const Program program = builder.Build(
            {{"y", Apply(builder, std::make_shared<FakeQuantizeOp>(*quantizer), {x})}});
        const auto expected = quantizer->FakeQuantize(Tensor::Of<float>(shape, values));
        ASSERT_TRUE(expected.ok()) << expected.status();
        EXPECT_THAT(RunProgram(program, {{"x", values}}).at("y"),
                    testing::ElementsAreArray(expected->data<float>()));
      }
    }
  }
}

TEST(ExecutorTest, ErrorsNameOpAndLabel) {
  ProgramBuilder builder;
  builder.SetLabel("layer7");
  const ValueId x = builder.AddInput("x", Shape{1, 1, 4});
  const ValueId y = Apply(builder, Relu(), {x});
  Program program = builder.Build({{"y", y}});
  // A convolution whose shapes were never checked.
  program.instructions[0].op =
      std::make_shared<ConvolutionOp>(ConvolutionAttributes{{1}, {1}, {0}, {0}, 1});
  program.instructions[0].srcs = {0, 0};
  program.shapes[static_cast<size_t>(program.outputs[0].value)] = Shape{9, 9, 9};
  const auto executable = Executable::Compile(program);
  ASSERT_FALSE(executable.ok());
  EXPECT_THAT(std::string(executable.status().message()), HasSubstr("Convolution"));
  EXPECT_THAT(std::string(executable.status().message()), HasSubstr("layer7"));
}

}  // namespace
}  // namespace halftone
