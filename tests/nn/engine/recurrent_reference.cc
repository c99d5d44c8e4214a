#include "tests/nn/engine/recurrent_reference.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace halftone {
namespace {

using Activation = RecurrentReference::Activation;
using Doubles = std::vector<double>;

double Apply(const Activation& activation, double x) {
  const std::string& name = activation.name;
  const double alpha = activation.alpha, beta = activation.beta;
  if (name == "Relu") return std::max(x, 0.0);
  if (name == "Tanh") return std::tanh(x);
  if (name == "Sigmoid") return 1 / (1 + std::exp(-x));
  if (name == "Softsign") return x / (1 + std::fabs(x));
  if (name == "Softplus") return std::log1p(std::exp(x));
  if (name == "LeakyRelu") return x < 0 ? alpha * x : x;
  if (name == "ThresholdedRelu") return x > alpha ? x : 0;
  if (name == "Elu") return x < 0 ? alpha * std::expm1(x) : x;
  if (name == "Affine") return alpha * x + beta;
  if (name == "ScaledTanh") return alpha * std::tanh(beta * x);
  if (name == "HardSigmoid") return std::clamp(alpha * x + beta, 0.0, 1.0);
  return std::nan("");
}

// One sample in one direction.
class Sequence {
 public:
  Sequence(const RecurrentReference& network, size_t direction, size_t sample)
      : network_(network),
        direction_(direction),
        sample_(sample),
        h_(Initial(network.initial_h)),
        c_(Initial(network.initial_c)) {}

  void Step(size_t t) {
    t_ = t;
    if (network_.op == "RNN") h_ = StepRnn();
    if (network_.op == "GRU") h_ = StepGru();
    if (network_.op == "LSTM") StepLstm();
  }

  const Doubles& h() const { return h_; }
  const Doubles& c() const { return c_; }

 private:
  size_t hidden() const { return static_cast<size_t>(network_.hidden); }
  size_t batch() const { return static_cast<size_t>(network_.batch); }
  size_t gates() const { return network_.op == "LSTM" ? 4 : network_.op == "GRU" ? 3 : 1; }

  Doubles Initial(const std::vector<float>& states) const {
    if (states.empty()) return Doubles(hidden(), 0.0);
    const auto begin =
        states.begin() + static_cast<std::ptrdiff_t>((direction_ * batch() + sample_) * hidden());
    return {begin, begin + static_cast<std::ptrdiff_t>(hidden())};
  }

  double Bias(size_t row) const {
    if (network_.b.empty()) return 0;
    return network_.b[direction_ * 2 * gates() * hidden() + row];
  }
  double WeightBias(size_t row) const { return Bias(row); }
  double StateBias(size_t row) const { return Bias(gates() * hidden() + row); }

  double OfInput(size_t row) const {
    const auto inputs = static_cast<size_t>(network_.inputs);
    double sum = 0;
    for (size_t i = 0; i < inputs; ++i) {
      sum += static_cast<double>(network_.x[(t_ * batch() + sample_) * inputs + i]) *
             static_cast<double>(network_.w[(direction_ * gates() * hidden() + row) * inputs + i]);
    }
    return sum;
  }
  double OfState(size_t row, const Doubles& state) const {
    double sum = 0;
    for (size_t i = 0; i < hidden(); ++i) {
      sum += state[i] * static_cast<double>(
                            network_.r[(direction_ * gates() * hidden() + row) * hidden() + i]);
    }
    return sum;
  }
  double Sum(size_t row) const {
    return OfInput(row) + OfState(row, h_) + WeightBias(row) + StateBias(row);
  }

  double Act(size_t which, double x) const {
    const bool is_sum = which < 2;  // ONNX Runtime does not clip an LSTM's c
    if (is_sum && network_.clip > 0) x = std::clamp(x, -network_.clip, network_.clip);
    const size_t count = network_.activations.size() / network_.is_reverse.size();
    return Apply(network_.activations[direction_ * count + which], x);
  }

  Doubles StepRnn() const {
    Doubles h(hidden());
    for (size_t i = 0; i < hidden(); ++i) h[i] = Act(0, Sum(i));
    return h;
  }

  Doubles StepGru() const {
    const size_t n = hidden();
    Doubles update(n), reset(n), scaled(n), h(n);
    for (size_t i = 0; i < n; ++i) {
      update[i] = Act(0, Sum(i));
      reset[i] = Act(0, Sum(n + i));
      scaled[i] = reset[i] * h_[i];
    }
    for (size_t i = 0; i < n; ++i) {
      const size_t row = 2 * n + i;
      const double of_state = network_.linear_before_reset
                                  ? reset[i] * (OfState(row, h_) + StateBias(row))
                                  : OfState(row, scaled) + StateBias(row);
      const double candidate = Act(1, OfInput(row) + WeightBias(row) + of_state);
      h[i] = (1 - update[i]) * candidate + update[i] * h_[i];
    }
    return h;
  }

  double Peephole(size_t gate, size_t i, double c) const {
    if (network_.p.empty()) return 0;
    return static_cast<double>(network_.p[(direction_ * 3 + gate) * hidden() + i]) * c;
  }

  void StepLstm() {
    const size_t n = hidden();
    Doubles h(n), c(n);
    for (size_t i = 0; i < n; ++i) {
      const double input = Act(0, Sum(i) + Peephole(0, i, c_[i]));
      const double forget =
          network_.input_forget ? 1 - input : Act(0, Sum(2 * n + i) + Peephole(2, i, c_[i]));
      c[i] = forget * c_[i] + input * Act(1, Sum(3 * n + i));
      h[i] = Act(0, Sum(n + i) + Peephole(1, i, c[i])) * Act(2, c[i]);
    }
    h_ = h;
    c_ = c;
  }

  const RecurrentReference& network_;
  const size_t direction_, sample_;
  size_t t_ = 0;
  Doubles h_, c_;
};

}  // namespace

RecurrentReference::Results RecurrentReference::Compute() const {
  const size_t directions = is_reverse.size();
  const auto n = static_cast<size_t>(batch), width = static_cast<size_t>(hidden);
  Results results;
  results.y.assign(static_cast<size_t>(steps) * directions * n * width, 0);
  for (size_t d = 0; d < directions; ++d) {
    for (size_t sample = 0; sample < n; ++sample) {
      const auto length = static_cast<size_t>(lengths.empty() ? steps : lengths[sample]);
      Sequence sequence(*this, d, sample);
      for (size_t i = 0; i < length; ++i) {
        const size_t t = is_reverse[d] ? length - 1 - i : i;
        sequence.Step(t);
        std::copy(sequence.h().begin(), sequence.h().end(),
                  results.y.begin() +
                      static_cast<std::ptrdiff_t>(((t * directions + d) * n + sample) * width));
      }
      results.last_h.insert(results.last_h.end(), sequence.h().begin(), sequence.h().end());
      results.last_c.insert(results.last_c.end(), sequence.c().begin(), sequence.c().end());
    }
  }
  return results;
}

std::vector<float> SwapFirstAxes(const std::vector<float>& values, int64_t a, int64_t b,
                                 int64_t inner) {
  std::vector<float> swapped;
  for (int64_t j = 0; j < b; ++j) {
    for (int64_t i = 0; i < a; ++i) {
      const auto begin = values.begin() + (i * b + j) * inner;
      swapped.insert(swapped.end(), begin, begin + inner);
    }
  }
  return swapped;
}

}  // namespace halftone
