#include "nn/graph/operators/signal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

// Fourier transforms, and the windows and filters that go with them.
namespace halftone {
namespace {

// Longest window, and largest table of filters.
constexpr int64_t kMaxSignal = int64_t{1} << 24;

absl::StatusOr<int64_t> RequiredNumber(const NodeContext& context, size_t index,
                                       absl::string_view what) {
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> numbers, context.RequiredInts(index, what));
  if (numbers.size() == 1) return numbers[0];
  return absl::InvalidArgumentError(absl::StrCat("its ", what, " is not one number"));
}

absl::StatusOr<double> RequiredReal(const NodeContext& context, size_t index,
                                    absl::string_view what) {
  HT_RETURN_IF_ERROR(context.Input(index).status());
  const Tensor* constant = context.Constant(index);
  if (constant == nullptr || constant->elements() != 1) {
    return absl::UnimplementedError(absl::StrCat("its ", what, " is not a constant number"));
  }
  HT_ASSIGN_OR_RETURN(const std::vector<double> value, constant->ToDoubles());
  return value[0];
}

absl::StatusOr<DataType> AskedType(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const int64_t number, context.node.Int("output_datatype", 1));
  HT_ASSIGN_OR_RETURN(const DataType type, TypeOfNumber(number));
  if (IsFloat(type)) return type;
  return absl::UnimplementedError(absl::StrCat("of type ", DataTypeName(type)));
}

absl::StatusOr<ValueInfos> InferWindow(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const int64_t size, RequiredNumber(context, 0, "size"));
  HT_ASSIGN_OR_RETURN(const DataType type, AskedType(context));
  if (size < 0 || size > kMaxSignal) {
    return absl::InvalidArgumentError(absl::StrCat("a size of ", size));
  }
  return ValueInfos{{type, Shape{size}}};
}

// Sums of cosines, by their coefficients.
absl::StatusOr<Tensors> EvaluateWindow(const NodeContext& context,
                                       absl::Span<const ValueInfo> infos,
                                       const std::array<double, 3>& coefficients) {
  HT_ASSIGN_OR_RETURN(const int64_t periodic, context.node.Int("periodic", 1));
  const int64_t size = infos[0].shape.dim(0);
  const auto period = static_cast<double>(std::max<int64_t>(periodic != 0 ? size : size - 1, 1));
  std::vector<double> values(static_cast<size_t>(size));
  for (size_t i = 0; i < values.size(); ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / period;
    values[i] =
        coefficients[0] - coefficients[1] * std::cos(angle) + coefficients[2] * std::cos(2 * angle);
  }
  return Tensors{Tensor::FromDoubles(infos[0].type, infos[0].shape, values)};
}

absl::StatusOr<Tensors> EvaluateHann(const NodeContext& context,
                                     absl::Span<const ValueInfo> infos) {
  return EvaluateWindow(context, infos, {0.5, 0.5, 0});
}
absl::StatusOr<Tensors> EvaluateHamming(const NodeContext& context,
                                        absl::Span<const ValueInfo> infos) {
  return EvaluateWindow(context, infos, {25.0 / 46, 21.0 / 46, 0});
}
absl::StatusOr<Tensors> EvaluateBlackman(const NodeContext& context,
                                         absl::Span<const ValueInfo> infos) {
  return EvaluateWindow(context, infos, {0.42, 0.5, 0.08});
}

// (filters, length of the transform, sample rate, lowest and highest frequency) -> [bins, filters]
absl::StatusOr<ValueInfos> InferMelWeights(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const int64_t filters, RequiredNumber(context, 0, "num_mel_bins"));
  HT_ASSIGN_OR_RETURN(const int64_t length, RequiredNumber(context, 1, "dft_length"));
  HT_ASSIGN_OR_RETURN(const DataType type, AskedType(context));
  if (filters < 1 || filters > kMaxSignal || length < 1 || length > kMaxSignal ||
      (length / 2 + 1) > kMaxSignal / filters) {
    return absl::InvalidArgumentError(
        absl::StrCat(filters, " filters of a transform of length ", length));
  }
  return ValueInfos{{type, Shape{length / 2 + 1, filters}}};
}

// The bins in which the triangles' corners lie, equally far apart on the mel scale.
std::vector<int64_t> MelCorners(int64_t filters, double length, double rate, double lowest,
                                double highest) {
  const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const double step = (mel(highest) - mel(lowest)) / static_cast<double>(filters + 2);
  std::vector<int64_t> corners;
  for (int64_t i = 0; i < filters + 2; ++i) {
    const double at = mel(lowest) + static_cast<double>(i) * step;
    const double hertz = 700 * (std::pow(10, at / 2595) - 1);
    const double bin = std::floor((length + 1) * hertz / rate);
    corners.push_back(static_cast<int64_t>(std::clamp(bin, 0.0, static_cast<double>(kMaxSignal))));
  }
  return corners;
}

absl::StatusOr<Tensors> EvaluateMelWeights(const NodeContext& context,
                                           absl::Span<const ValueInfo> infos) {
  HT_ASSIGN_OR_RETURN(const int64_t length, RequiredNumber(context, 1, "dft_length"));
  HT_ASSIGN_OR_RETURN(const int64_t rate, RequiredNumber(context, 2, "sample_rate"));
  HT_ASSIGN_OR_RETURN(const double lowest, RequiredReal(context, 3, "lower_edge_hertz"));
  HT_ASSIGN_OR_RETURN(const double highest, RequiredReal(context, 4, "upper_edge_hertz"));
  if (rate < 1 || !(lowest >= 0) || !(highest >= lowest) || !std::isfinite(highest)) {
    return absl::InvalidArgumentError(
        absl::StrCat("from ", lowest, " to ", highest, " Hz at a rate of ", rate));
  }
  const int64_t bins = infos[0].shape.dim(0), filters = infos[0].shape.dim(1);
  const std::vector<int64_t> corners =
      MelCorners(filters, static_cast<double>(length), static_cast<double>(rate), lowest, highest);
  std::vector<double> weights(static_cast<size_t>(bins * filters), 0);
  for (int64_t filter = 0; filter < filters; ++filter) {
    const auto at = corners.begin() + filter;
    const auto begin = at[0], center = at[1], end = at[2];
    const auto set = [&](int64_t bin, double weight) {
      if (bin < bins) weights[static_cast<size_t>(bin * filters + filter)] = weight;
    };
    const auto rise = static_cast<double>(center - begin), fall = static_cast<double>(end - center);
    if (center == begin) set(center, 1);
    for (int64_t bin = begin; bin <= center && center > begin; ++bin) {
      set(bin, static_cast<double>(bin - begin) / rise);
    }
    for (int64_t bin = center; bin < end; ++bin) set(bin, static_cast<double>(end - bin) / fall);
  }
  return Tensors{Tensor::FromDoubles(infos[0].type, infos[0].shape, weights)};
}

absl::StatusOr<int64_t> PartsOf(const Shape& src) {
  const int64_t parts = src.rank() == 0 ? 0 : src.dim(src.rank() - 1);
  if (parts == 1 || parts == 2) return parts;
  return absl::InvalidArgumentError(
      absl::StrCat("the last axis of its source ", src.ToString(), " is not 1 (real) or 2"));
}

// All frequencies of a transform of that length, or those up to half of it.
absl::StatusOr<int64_t> ResultsOf(const NodeContext& context, int64_t length, int64_t fallback) {
  HT_ASSIGN_OR_RETURN(const int64_t onesided, context.node.Int("onesided", fallback));
  if (length < 1 || length > kMaxSignal) {
    return absl::InvalidArgumentError(absl::StrCat("a transform of length ", length));
  }
  return onesided != 0 ? length / 2 + 1 : length;
}

absl::StatusOr<ValueInfos> InferDft(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(ValueInfo info, context.Input(0));
  HT_ASSIGN_OR_RETURN(const FourierTransform transform, ResolveDft(context));
  info.shape.set_dim(transform.axis, transform.results);
  info.shape.set_dim(info.shape.rank() - 1, transform.result_parts);
  return ValueInfos{info};
}

absl::StatusOr<ValueInfos> InferStft(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(const FramedTransform framed, ResolveStft(context));
  return ValueInfos{{src.type, {src.shape.dim(0), framed.frames, framed.transform.results, 2}}};
}

constexpr std::array kSignalOperators = {
    Operator{"HannWindow", InferWindow, EvaluateHann, Runs::kNever},
    Operator{"HammingWindow", InferWindow, EvaluateHamming, Runs::kNever},
    Operator{"BlackmanWindow", InferWindow, EvaluateBlackman, Runs::kNever},
    Operator{"MelWeightMatrix", InferMelWeights, EvaluateMelWeights, Runs::kNever},
    Operator{"DFT", InferDft},
    Operator{"STFT", InferStft},
};

}  // namespace

// The axis is an attribute up to opset 19, then an input.
absl::StatusOr<FourierTransform> ResolveDft(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  FourierTransform transform;
  HT_ASSIGN_OR_RETURN(transform.parts, PartsOf(src.shape));
  constexpr int64_t kOpsetOfAxisInput = 20;
  int64_t asked = context.opset < kOpsetOfAxisInput ? 1 : -2;
  HT_ASSIGN_OR_RETURN(asked, context.node.Int("axis", asked));
  if (context.HasInput(2)) {
    HT_ASSIGN_OR_RETURN(asked, RequiredNumber(context, 2, "axis"));
  }
  HT_ASSIGN_OR_RETURN(transform.axis, NormalizeAxis(asked, src.shape.rank()));
  if (transform.axis == src.shape.rank() - 1) {
    return absl::InvalidArgumentError("a transform along the axis of real and imaginary parts");
  }
  HT_ASSIGN_OR_RETURN(const int64_t inverse, context.node.Int("inverse", 0));
  HT_ASSIGN_OR_RETURN(const int64_t one_side, context.node.Int("onesided", 0));
  transform.inverse = inverse != 0;
  transform.of_one_side = transform.inverse && one_side != 0;
  const int64_t size = src.shape.dim(transform.axis);
  transform.length = transform.of_one_side ? 2 * (size - 1) : size;
  if (context.HasInput(1)) {
    HT_ASSIGN_OR_RETURN(transform.length, RequiredNumber(context, 1, "dft_length"));
  }
  HT_ASSIGN_OR_RETURN(transform.results, ResultsOf(context, transform.length, 0));
  if (!transform.of_one_side) return transform;
  transform.results = transform.length;
  transform.result_parts = 1;
  if (transform.parts == 2) return transform;
  return absl::InvalidArgumentError("an inverse of frequencies that are not complex");
}

absl::StatusOr<FramedTransform> ResolveStft(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  FramedTransform framed;
  if (src.shape.rank() == 3) {
    HT_ASSIGN_OR_RETURN(framed.transform.parts, PartsOf(src.shape));
  } else if (src.shape.rank() != 2) {
    return absl::InvalidArgumentError(absl::StrCat("a signal ", src.shape.ToString()));
  }
  HT_ASSIGN_OR_RETURN(framed.step, RequiredNumber(context, 1, "frame_step"));
  if (context.HasInput(2)) framed.transform.length = context.infos[2]->shape.Elements();
  if (context.HasInput(3)) {
    HT_ASSIGN_OR_RETURN(framed.transform.length, RequiredNumber(context, 3, "frame_length"));
  }
  const int64_t length = framed.transform.length, samples = src.shape.dim(1);
  HT_ASSIGN_OR_RETURN(framed.transform.results, ResultsOf(context, length, 1));
  if (framed.step < 1 || length > samples ||
      (context.HasInput(2) && context.infos[2]->shape != Shape{length})) {
    return absl::InvalidArgumentError(absl::StrCat("frames of ", length, " samples, ", framed.step,
                                                   " apart, of a signal of ", samples));
  }
  framed.frames = (samples - length) / framed.step + 1;
  return framed;
}

absl::Span<const Operator> SignalOperators() { return kSignalOperators; }

}  // namespace halftone
