#include "tests/nn/engine/executor_checks.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "base/random.h"
#include "gtest/gtest.h"
#include "nn/engine/executor.h"
#include "nn/engine/ops/convolution.h"
#include "tests/nn/engine/reference_run.h"

namespace halftone {

std::vector<float> RandomValues(int64_t count, uint64_t seed, float lower, float upper) {
  SplitMix64 random(seed);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) {
    value = lower + (upper - lower) * static_cast<float>(random.Uniform());
  }
  return values;
}

std::map<std::string, std::vector<float>> RandomInputs(const Program& program, float lower,
                                                       float upper) {
  std::map<std::string, std::vector<float>> inputs;
  for (const Program::Input& input : program.inputs) {
    const int64_t count = program.shapes[static_cast<size_t>(input.value)].Elements();
    inputs[input.name] = RandomValues(count, static_cast<uint64_t>(input.value) + 1, lower, upper);
  }
  return inputs;
}

std::map<std::string, std::vector<float>> RunProgram(
    const Program& program, const std::map<std::string, std::vector<float>>& inputs) {
  std::map<std::string, std::vector<float>> outputs;
  auto executable = Executable::Compile(program);
  EXPECT_TRUE(executable.ok()) << executable.status();
  if (!executable.ok()) return outputs;
  auto session = Session::Create(*executable);
  EXPECT_TRUE(session.ok()) << session.status();
  if (!session.ok()) return outputs;
  for (const auto& [name, values] : inputs) {
    const absl::Status status = (*session)->SetInput(name, values);
    EXPECT_TRUE(status.ok()) << status;
  }
  const absl::Status status = (*session)->Run();
  EXPECT_TRUE(status.ok()) << status;
  if (!status.ok()) return outputs;
  for (const Program::Input& output : program.outputs) {
    const auto values = (*session)->Output(output.name);
    EXPECT_TRUE(values.ok()) << values.status();
    if (values.ok()) outputs[output.name].assign(values->begin(), values->end());
  }
  return outputs;
}

void ExpectMatchesReference(const Program& program,
                            const std::map<std::string, std::vector<float>>& inputs) {
  const auto actual = RunProgram(program, inputs);
  for (const auto& [name, expected] : ReferenceRun(program, inputs)) {
    const auto found = actual.find(name);
    ASSERT_NE(found, actual.end()) << name;
    ASSERT_EQ(found->second.size(), expected.values.size()) << name;
    // Sums cancel, so rounding is measured against the largest element.
    double largest = 0;
    for (double value : expected.values) {
      if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
    }
    const double tolerance = 1e-6 + 3e-5 * largest;
    for (size_t i = 0; i < expected.values.size(); ++i) {
      const auto rounded = static_cast<float>(expected.values[i]);
      if (found->second[i] == rounded || (std::isnan(rounded) && std::isnan(found->second[i]))) {
        continue;
      }
      ASSERT_NEAR(found->second[i], expected.values[i], tolerance) << name << "[" << i << "]";
    }
  }
}

ValueId Apply(ProgramBuilder& builder, std::shared_ptr<const Op> op, std::vector<ValueId> srcs) {
  const auto dst = builder.Apply1(std::move(op), srcs);
  EXPECT_TRUE(dst.ok()) << dst.status();
  return dst.ok() ? *dst : kNoValue;
}

ValueId BlockedCopy(ProgramBuilder& builder, ValueId src, int64_t channels) {
  const int64_t src_channels = builder.shape(src).dim(1);
  const ValueId weights = builder.AddConstant(
      Tensor::Of<float>(Shape{channels, src_channels, 1, 1},
                        RandomValues(channels * src_channels, static_cast<uint64_t>(channels))));
  ConvolutionAttributes attributes{{1, 1}, {1, 1}, {0, 0}, {0, 0}, 1};
  return Apply(builder, std::make_shared<ConvolutionOp>(attributes), {src, weights});
}

}  // namespace halftone
