#include "tests/nn/engine/reference_run.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "base/infinity.h"
#include "gtest/gtest.h"
#include "nn/engine/op.h"
#include "nn/engine/ops/convolution.h"
#include "nn/engine/ops/elementwise.h"
#include "nn/engine/ops/gather.h"
#include "nn/engine/ops/matmul.h"
#include "nn/engine/ops/normalize.h"
#include "nn/engine/ops/pooling.h"
#include "nn/engine/ops/quantize.h"
#include "nn/engine/ops/reduction.h"
#include "nn/engine/ops/shape_ops.h"
#include "nn/engine/ops/softmax.h"
#include "nn/engine/ops/sort.h"
#include "nn/quant/bfloat16.h"
#include "tests/nn/engine/reference_functions.h"

namespace halftone {
namespace {

using Array = ReferenceArray;
using Index = std::vector<int64_t>;

Array Zeros(const Shape& shape, double value = 0) {
  return {shape, std::vector<double>(static_cast<size_t>(shape.Elements()), value)};
}

// Calls visit(index) for every index of a tensor, in C order.
void ForEach(const Shape& shape, const std::function<void(const Index&)>& visit) {
  Index index(static_cast<size_t>(shape.rank()), 0);
  for (int64_t count = shape.Elements(); count > 0; --count) {
    visit(index);
    for (size_t axis = index.size(); axis-- > 0;) {
      if (++index[axis] < shape.dim(static_cast<int>(axis))) break;
      index[axis] = 0;
    }
  }
}

// The element at `index`, where an index of higher rank is broadcast by numpy's rules.
double& At(Array& array, const Index& index) {
  const size_t skip = index.size() - static_cast<size_t>(array.shape.rank());
  int64_t offset = 0;
  for (int axis = 0; axis < array.shape.rank(); ++axis) {
    const int64_t size = array.shape.dim(axis);
    offset = offset * size + (size == 1 ? 0 : index[static_cast<size_t>(axis) + skip]);
  }
  return array.values[static_cast<size_t>(offset)];
}

// Calls visit(src index, weights index, dst index) for every product of a convolution.
void ForEachProduct(const ConvolutionAttributes& attributes, const Shape& src, const Shape& weights,
                    const Shape& dst,
                    const std::function<void(const Index&, const Index&, const Index&)>& visit) {
  const int64_t group_dsts = weights.dim(0) / attributes.groups;
  ForEach(dst, [&](const Index& d) {
    ForEach(Shape(absl::MakeConstSpan(weights.dims()).subspan(1)), [&](const Index& k) {
      Index s = {d[0], d[1] / group_dsts * weights.dim(1) + k[0]};
      Index w = {d[1], k[0]};
      for (size_t i = 1; i < k.size(); ++i) {
        const int64_t place = d[i + 1] * attributes.strides[i - 1] +
                              k[i] * attributes.dilations[i - 1] - attributes.pads_begin[i - 1];
        if (place < 0 || place >= src.dim(static_cast<int>(i) + 1)) return;
        s.push_back(place);
        w.push_back(k[i]);
      }
      visit(s, w, d);
    });
  });
}

// The indices of src under the window at `d`, in C order.
std::vector<Index> UnderWindow(const PoolWindow& window, const Shape& src, const Index& d) {
  std::vector<Index> places;
  ForEach(Shape(window.kernel), [&](const Index& k) {
    Index s = {d[0], d[1]};
    for (size_t i = 0; i < k.size(); ++i) {
      const int64_t place =
          d[i + 2] * window.strides[i] + k[i] * window.dilations[i] - window.pads_begin[i];
      if (place < 0 || place >= src.dim(static_cast<int>(i) + 2)) return;
      s.push_back(place);
    }
    places.push_back(s);
  });
  return places;
}

Index FindMaximum(const PoolWindow& window, Array& src, const Index& d) {
  Index best;
  for (const Index& place : UnderWindow(window, src.shape, d)) {
    if (best.empty() || At(src, place) > At(src, best)) best = place;
  }
  return best;
}

double AverageDivisor(const PoolWindow& window, bool count_padding, size_t met) {
  if (!count_padding) return static_cast<double>(met);
  return static_cast<double>(Shape(window.kernel).Elements());
}

Index Moved(const Index& index, const std::vector<int64_t>& starts,
            const std::vector<int64_t>& steps) {
  Index moved = index;
  for (size_t i = 0; i < moved.size(); ++i) moved[i] = starts[i] + index[i] * steps[i];
  return moved;
}

// The index that a float names on an axis of `size`; -1 for none.
int64_t Picked(double index, int64_t size) {
  const auto bound = static_cast<double>(size);
  if (!(index >= -bound && index < bound) || index != std::floor(index)) return -1;
  return static_cast<int64_t>(index < 0 ? index + bound : index);
}

double FakeQuantize(const UniformQuantizer& quantizer, const Shape& shape, const Index& index,
                    double x) {
  const int64_t channel = quantizer.axis < 0 ? 0 : index[static_cast<size_t>(quantizer.axis)];
  UniformQuantizer one = quantizer;
  one.axis = -1;
  one.scales = {quantizer.scales[static_cast<size_t>(channel)]};
  one.zero_points = {quantizer.zero_points[static_cast<size_t>(channel)]};
  const auto dst = one.FakeQuantize(Tensor::Scalar(static_cast<float>(x)));
  EXPECT_TRUE(dst.ok()) << dst.status();
  return dst->data<float>()[0];
}

class Evaluator {
 public:
  // Of result `number`, whose shape is `dst`.
  Evaluator(const Instruction& instruction, std::vector<Array> srcs, size_t number,
            const Shape& dst)
      : op_(*instruction.op), srcs_(std::move(srcs)), number_(number), dst_(Zeros(dst)) {}

  Array Evaluate();

 private:
  template <typename OpClass>
  const OpClass& As() const {
    return static_cast<const OpClass&>(op_);
  }
  double Src(size_t i, const Index& index) { return At(srcs_[i], index); }
  void Fill(const std::function<double(const Index&)>& value) {
    ForEach(dst_.shape, [&](const Index& d) { At(dst_, d) = value(d); });
  }

  void Convolution();
  void Pooling();
  void MatMul();
  void Reduce();
  void Movement();
  void Indexing();
  void Softmax();
  void Normalization();
  void Elementwise();

  const Op& op_;
  std::vector<Array> srcs_;
  const size_t number_;
  Array dst_;
};

void Evaluator::Convolution() {
  if (op_.kind() == OpKind::kConvolution) {
    if (srcs_.size() > 2) Fill([&](const Index& d) { return Src(2, {d[1]}); });
    ForEachProduct(As<ConvolutionOp>().attributes, srcs_[0].shape, srcs_[1].shape, dst_.shape,
                   [&](const Index& s, const Index& w, const Index& d) {
                     At(dst_, d) += Src(0, s) * Src(1, w);
                   });
  } else if (op_.kind() == OpKind::kConvolutionBackwardData) {
    ForEachProduct(As<ConvolutionBackwardDataOp>().attributes, dst_.shape, srcs_[1].shape,
                   srcs_[0].shape, [&](const Index& s, const Index& w, const Index& d) {
                     At(dst_, s) += Src(0, d) * Src(1, w);
                   });
  } else {
    ForEachProduct(As<ConvolutionBackwardWeightsOp>().attributes, srcs_[0].shape, dst_.shape,
                   srcs_[1].shape, [&](const Index& s, const Index& w, const Index& d) {
                     At(dst_, w) += Src(0, s) * Src(1, d);
                   });
  }
}

void Evaluator::Pooling() {
  switch (op_.kind()) {
    case OpKind::kMaxPool:
      return Fill(
          [&](const Index& d) { return Src(0, FindMaximum(As<MaxPoolOp>().window, srcs_[0], d)); });
    case OpKind::kMaxPoolGather:
      return Fill([&](const Index& d) {
        return Src(0, FindMaximum(As<MaxPoolGatherOp>().window, srcs_[1], d));
      });
    case OpKind::kMaxPoolScatter:
      return ForEach(srcs_[0].shape, [&](const Index& d) {
        At(dst_, FindMaximum(As<MaxPoolScatterOp>().window, srcs_[1], d)) += Src(0, d);
      });
    case OpKind::kAveragePool: {
      const auto& op = As<AveragePoolOp>();
      return Fill([&](const Index& d) {
        double sum = 0;
        const auto places = UnderWindow(op.window, srcs_[0].shape, d);
        for (const Index& place : places) sum += Src(0, place);
        return sum / AverageDivisor(op.window, op.count_padding, places.size());
      });
    }
    default: {
      const auto& op = As<AveragePoolBackwardOp>();
      return ForEach(srcs_[0].shape, [&](const Index& d) {
        const auto places = UnderWindow(op.window, dst_.shape, d);
        const double divisor = AverageDivisor(op.window, op.count_padding, places.size());
        for (const Index& place : places) At(dst_, place) += Src(0, d) / divisor;
      });
    }
  }
}

void Evaluator::MatMul() {
  const auto& op = As<MatMulOp>();
  const Shape& a = srcs_[0].shape;
  const int64_t depth = a.dim(a.rank() - (op.transpose_a ? 2 : 1));
  Fill([&](const Index& d) {
    const size_t row = d.size() - 2, column = d.size() - 1;
    double sum = 0;
    for (int64_t k = 0; k < depth; ++k) {
      Index in_a = d, in_b = d;
      in_a[column] = k;
      in_b[row] = k;
      if (op.transpose_a) std::swap(in_a[row], in_a[column]);
      if (op.transpose_b) std::swap(in_b[row], in_b[column]);
      sum += Src(0, in_a) * Src(1, in_b);
    }
    return sum;
  });
}

void Evaluator::Reduce() {
  const auto& op = As<ReduceOp>();
  const bool sum = op.function == ReduceFunction::kSum;
  if (!sum) Fill([](const Index&) { return -kInfinity; });
  ForEach(srcs_[0].shape, [&](const Index& s) {
    Index d;
    for (size_t i = 0; i < s.size(); ++i) {
      const bool reduced =
          std::find(op.axes.begin(), op.axes.end(), static_cast<int>(i)) != op.axes.end();
      if (!reduced) d.push_back(s[i]);
      if (reduced && op.keep_dims) d.push_back(0);
    }
    double& to = At(dst_, d);
    to = sum ? to + Src(0, s) : std::max(to, Src(0, s));
  });
}

void Evaluator::Movement() {
  switch (op_.kind()) {
    case OpKind::kReshape:
      dst_.values = srcs_[0].values;
      return;
    case OpKind::kTranspose:
      return Fill([&](const Index& d) {
        Index s(d.size());
        for (size_t i = 0; i < d.size(); ++i) {
          s[static_cast<size_t>(As<TransposeOp>().permutation[i])] = d[i];
        }
        return Src(0, s);
      });
    case OpKind::kConcat:
      return Fill([&](const Index& d) {
        const auto axis = static_cast<size_t>(As<ConcatOp>().axis);
        Index s = d;
        size_t part = 0;
        while (s[axis] >= srcs_[part].shape.dim(As<ConcatOp>().axis)) {
          s[axis] -= srcs_[part++].shape.dim(As<ConcatOp>().axis);
        }
        return Src(part, s);
      });
    case OpKind::kSlice:
      return Fill([&](const Index& d) {
        return Src(0, Moved(d, As<SliceOp>().starts, As<SliceOp>().steps));
      });
    case OpKind::kSliceScatter: {
      const auto& op = As<SliceScatterOp>();
      Fill([&](const Index&) { return op.fill; });
      return ForEach(srcs_[0].shape,
                     [&](const Index& s) { At(dst_, Moved(s, op.starts, op.steps)) = Src(0, s); });
    }
    case OpKind::kIndexSelect:
      return Fill([&](const Index& d) {
        const auto& op = As<IndexSelectOp>();
        Index s = d;
        s[static_cast<size_t>(op.axis)] =
            op.indices[static_cast<size_t>(d[static_cast<size_t>(op.axis)])];
        return Src(0, s);
      });
    case OpKind::kGather:
      return Fill([&](const Index& d) {
        const auto axis = static_cast<size_t>(As<GatherOp>().axis);
        Index s = d;
        s[axis] = Picked(Src(1, {d[axis]}), srcs_[0].shape.dim(As<GatherOp>().axis));
        return s[axis] < 0 ? std::nan("") : Src(0, s);
      });
    case OpKind::kGatherAdd:
      return ForEach(srcs_[0].shape, [&](const Index& s) {
        const auto axis = static_cast<size_t>(As<GatherAddOp>().axis);
        Index d = s;
        d[axis] = Picked(Src(1, {s[axis]}), As<GatherAddOp>().size);
        if (d[axis] >= 0) At(dst_, d) += Src(0, s);
      });
    default:
      return ForEach(srcs_[0].shape, [&](const Index& s) {
        const auto& op = As<IndexAddOp>();
        Index d = s;
        d[static_cast<size_t>(op.axis)] =
            op.indices[static_cast<size_t>(s[static_cast<size_t>(op.axis)])];
        At(dst_, d) += Src(0, s);
      });
  }
}

void Evaluator::Indexing() {
  // The place that tuple n of batch b names in rows of `shape` [B, D1, .., Dk, ...].
  const auto place = [&](size_t source, int64_t b, int64_t n, const Shape& shape) {
    Index index = {b};
    for (int64_t k = 0; k < srcs_[source].shape.dim(2); ++k) {
      index.push_back(Picked(Src(source, {b, n, k}), shape.dim(static_cast<int>(k) + 1)));
    }
    return index;
  };
  const auto with = [](Index index, int64_t last) {
    index.push_back(last);
    return index;
  };
  switch (op_.kind()) {
    case OpKind::kGatherNd:
      return Fill(
          [&](const Index& d) { return Src(0, with(place(1, d[0], d[1], srcs_[0].shape), d[2])); });
    case OpKind::kScatterNdAdd:
      return ForEach(srcs_[0].shape, [&](const Index& s) {
        At(dst_, with(place(1, s[0], s[1], dst_.shape), s[2])) += Src(0, s);
      });
    case OpKind::kLastWriter:
      Fill([](const Index&) { return -1.0; });
      for (int64_t b = 0; b < srcs_[0].shape.dim(0); ++b) {
        for (int64_t n = 0; n < srcs_[0].shape.dim(1); ++n) {
          At(dst_, place(0, b, n, dst_.shape)) = static_cast<double>(n);
        }
      }
      return;
    default: {
      const auto& op = As<SortPositionsOp>();
      // The element with as many before it as the position says.
      return ForEach(srcs_[0].shape, [&](const Index& s) {
        int64_t before = 0;
        for (int64_t i = 0; i < srcs_[0].shape.dim(1); ++i) {
          const double other = Src(0, {s[0], i}), own = Src(0, s);
          const bool is_before = op.descending ? other > own : other < own;
          before += is_before || (other == own && i < s[1]);
        }
        if (before < op.count) At(dst_, {s[0], before}) = static_cast<double>(s[1]);
      });
    }
  }
}

void Evaluator::Softmax() {
  const auto& op = As<SoftmaxOp>();
  const auto axis = static_cast<size_t>(op.axis);
  Fill([&](const Index& d) {
    double largest = -kInfinity, sum = 0;
    Index s = d;
    for (s[axis] = 0; s[axis] < dst_.shape.dim(op.axis); ++s[axis]) {
      largest = std::max(largest, Src(0, s));
    }
    for (s[axis] = 0; s[axis] < dst_.shape.dim(op.axis); ++s[axis]) {
      sum += std::exp(Src(0, s) - largest);
    }
    const double logarithm = Src(0, d) - largest - std::log(sum);
    return op.logarithm ? logarithm : std::exp(logarithm);
  });
}

void Evaluator::Normalization() {
  const bool forward = op_.kind() == OpKind::kNormalize;
  const int first = forward ? As<NormalizeOp>().first_axis : As<NormalizeBackwardOp>().first_axis;
  Shape statistics = srcs_[0].shape;
  for (int axis = first; axis < statistics.rank(); ++axis) statistics.set_dim(axis, 1);
  const auto count = static_cast<double>(srcs_[0].shape.Elements() / statistics.Elements());
  // The mean over each row of a function of the element's index.
  const auto mean_of = [&](const std::function<double(const Index&)>& value) {
    Array mean = Zeros(statistics);
    ForEach(srcs_[0].shape, [&](const Index& s) { At(mean, s) += value(s) / count; });
    return mean;
  };
  Array mean = mean_of([&](const Index& s) { return Src(0, s); });
  if (!forward) {
    Array moment = mean_of([&](const Index& s) { return Src(0, s) * Src(1, s); });
    return Fill([&](const Index& d) {
      return Src(2, d) * (Src(0, d) - At(mean, d) - Src(1, d) * At(moment, d));
    });
  }
  Array variance = mean_of([&](const Index& s) { return std::pow(Src(0, s) - At(mean, s), 2); });
  return Fill([&](const Index& d) {
    const double inverse = 1 / std::sqrt(At(variance, d) + As<NormalizeOp>().epsilon);
    return number_ == 1 ? inverse : (Src(0, d) - At(mean, d)) * inverse;
  });
}

void Evaluator::Elementwise() {
  switch (op_.kind()) {
    case OpKind::kUnary:
      return Fill([&](const Index& d) { return Unary(As<UnaryOp>(), Src(0, d)); });
    case OpKind::kBinary:
      return Fill(
          [&](const Index& d) { return Binary(As<BinaryOp>().function, Src(0, d), Src(1, d)); });
    case OpKind::kGate:
      return Fill([&](const Index& d) {
        const auto& op = As<GateOp>();
        const double x = Src(0, d);
        return Src(1, d) * (op.lower < x && x < op.upper ? op.inside : op.outside);
      });
    case OpKind::kSelect:
      return Fill([&](const Index& d) { return Src(Src(0, d) != 0 ? 1 : 2, d); });
    case OpKind::kBroadcastTo:
      return Fill([&](const Index& d) { return Src(0, d); });
    case OpKind::kRoundToBFloat16:
      return Fill([&](const Index& d) { return RoundToBFloat16(static_cast<float>(Src(0, d))); });
    case OpKind::kRoundToNarrowFloat:
      return Fill([&](const Index& d) {
        const auto& op = As<RoundToNarrowFloatOp>();
        return op.format.Round(Src(0, d), op.saturate);
      });
    case OpKind::kFakeQuantize:
      return Fill([&](const Index& d) {
        return FakeQuantize(As<FakeQuantizeOp>().quantizer, dst_.shape, d, Src(0, d));
      });
    default:
      return Fill([&](const Index& d) {
        const UniformQuantizer& q = As<FakeQuantizeGateOp>().quantizer;
        const auto channel =
            q.axis < 0 ? size_t{0} : static_cast<size_t>(d[static_cast<size_t>(q.axis)]);
        const float lower = q.scales[channel] * static_cast<float>(q.qmin - q.zero_points[channel]);
        const float upper = q.scales[channel] * static_cast<float>(q.qmax - q.zero_points[channel]);
        return lower <= Src(0, d) && Src(0, d) <= upper ? Src(1, d) : 0.0;
      });
  }
}

Array Evaluator::Evaluate() {
  switch (op_.kind()) {
    case OpKind::kConvolution:
    case OpKind::kConvolutionBackwardData:
    case OpKind::kConvolutionBackwardWeights:
      Convolution();
      break;
    case OpKind::kMaxPool:
    case OpKind::kMaxPoolGather:
    case OpKind::kMaxPoolScatter:
    case OpKind::kAveragePool:
    case OpKind::kAveragePoolBackward:
      Pooling();
      break;
    case OpKind::kMatMul:
      MatMul();
      break;
    case OpKind::kReduce:
      Reduce();
      break;
    case OpKind::kReshape:
    case OpKind::kTranspose:
    case OpKind::kConcat:
    case OpKind::kSlice:
    case OpKind::kSliceScatter:
    case OpKind::kIndexSelect:
    case OpKind::kIndexAdd:
    case OpKind::kGather:
    case OpKind::kGatherAdd:
      Movement();
      break;
    case OpKind::kGatherNd:
    case OpKind::kScatterNdAdd:
    case OpKind::kLastWriter:
    case OpKind::kSortPositions:
      Indexing();
      break;
    case OpKind::kSoftmax:
      Softmax();
      break;
    case OpKind::kNormalize:
    case OpKind::kNormalizeBackward:
      Normalization();
      break;
    case OpKind::kUnary:
    case OpKind::kBinary:
    case OpKind::kGate:
    case OpKind::kSelect:
    case OpKind::kBroadcastTo:
    case OpKind::kFakeQuantize:
    case OpKind::kFakeQuantizeGate:
    case OpKind::kRoundToBFloat16:
    case OpKind::kRoundToNarrowFloat:
      Elementwise();
      break;
  }
  return std::move(dst_);
}

}  // namespace

std::map<std::string, ReferenceArray> ReferenceRun(
    const Program& program, const std::map<std::string, std::vector<float>>& inputs) {
  std::vector<Array> values(program.shapes.size());
  const auto assign = [&](ValueId value, absl::Span<const float> elements) {
    values[static_cast<size_t>(value)] = {program.shapes[static_cast<size_t>(value)],
                                          {elements.begin(), elements.end()}};
  };
  for (const Program::Input& input : program.inputs) assign(input.value, inputs.at(input.name));
  for (const Program::Constant& constant : program.constants) {
    assign(constant.value, constant.tensor.data<float>());
  }
  for (const Instruction& instruction : program.instructions) {
    std::vector<Array> srcs;
    for (ValueId src : instruction.srcs) srcs.push_back(values[static_cast<size_t>(src)]);
    for (size_t i = 0; i < instruction.dsts.size(); ++i) {
      const auto dst = static_cast<size_t>(instruction.dsts[i]);
      values[dst] = Evaluator(instruction, srcs, i, program.shapes[dst]).Evaluate();
    }
  }
  std::map<std::string, ReferenceArray> outputs;
  for (const Program::Input& output : program.outputs) {
    outputs[output.name] = values[static_cast<size_t>(output.value)];
  }
  return outputs;
}

}  // namespace halftone
